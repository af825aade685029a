# ruby-pg: libpq, extended protocol, asynchronous by default.
require 'pg'
require 'digest'
def say(*v) = puts(v.map(&:inspect).join(' | '))
def failed = yield && 'no error' rescue [$!.class.name, $!.result&.error_field(PG::PG_DIAG_SQLSTATE), $!.result&.error_field(PG::PG_DIAG_MESSAGE_PRIMARY)]

c = PG.connect(host: ENV['PGHOST'])
say 'select', c.exec_params('SELECT 1, $1::text', ['eins']).values
say 'several', c.exec('SELECT 1; SELECT 2').values
say 'values', c.exec_params('SELECT $1::text, $2::int, $3::bytea, $4::int4', ["it's", nil, { value: "\0\xff".b, format: 1 }, { value: [77].pack('N'), format: 1, type: 23 }], 1).values
big = 'ü' * 3000000
say 'big', c.exec_params('SELECT $1::text || $2::text', [big, big]).getvalue(0, 0).size
c.exec 'CREATE TEMP TABLE t (a int PRIMARY KEY, b text)'
c.prepare 'insert', 'INSERT INTO t VALUES ($1, $2)'
200.times { |n| c.exec_prepared 'insert', [n, "row #{n}"] }
say 'prepared', c.exec('SELECT count(*), sum(a) FROM t').values, c.describe_prepared('insert').paramtype(0)
25.times { |n| c.exec_params '/* counted */ SELECT $1::int', [n] }
say 'COUNT', 25
c.enter_pipeline_mode
30.times { |n| c.send_query_params 'SELECT $1::int', [n] }
c.pipeline_sync
sum = 0
30.times { sum += c.get_result.getvalue(0, 0).to_i; c.get_result }
say 'pipeline', sum, c.get_result.result_status
c.exit_pipeline_mode
c.copy_data('COPY t FROM STDIN') { (1000...30000).each { |n| c.put_copy_data "#{n}\tcopied #{n}\n" } }
h = Digest::MD5.new
c.copy_data('COPY (SELECT * FROM t ORDER BY a) TO STDOUT') { while (row = c.get_copy_data) do h << row end }
say 'copy', h.hexdigest
say 'copy error', failed { c.copy_data('COPY t FROM STDIN') { c.put_copy_data "1\tagain\n" } }
c.send_query 'SELECT a FROM t ORDER BY a'
c.set_single_row_mode
say 'single rows', c.get_result.stream_each_row.sum { |r| r[0].to_i }
c.get_result
c.transaction { c.exec 'DECLARE k CURSOR FOR SELECT a FROM t ORDER BY a'; say 'cursor', c.exec('FETCH 100 FROM k').ntuples }
say 'error', failed { c.transaction { c.exec 'SELECT 1/0' } }, c.transaction_status
c.transaction { c.exec 'INSERT INTO t VALUES (-1)'; c.exec 'SAVEPOINT s'; c.exec 'DELETE FROM t'; c.exec 'ROLLBACK TO s' }
say 'savepoint', c.exec('SELECT count(*) FROM t').values
seen = []
c.set_notice_receiver { |r| seen << r.error_field(PG::PG_DIAG_MESSAGE_PRIMARY) }
c.exec "DO $$ BEGIN RAISE NOTICE 'mind the gap'; END $$"
say 'notices', seen
c.exec 'LISTEN news'
c.exec "NOTIFY news, 'first'"
PG.connect(host: ENV['PGHOST']).exec "SELECT pg_notify('news', 'second')"
notes = []
2.times { c.wait_for_notify(10) { |channel, _, payload| notes << [channel, payload] } }
say 'notify', notes
Thread.new { sleep 0.5; c.cancel }
c.send_query 'SELECT pg_sleep(30)'
say 'cancel', failed { c.get_last_result }
say 'after', c.exec('SELECT 42').values, c.backend_pid > 0
