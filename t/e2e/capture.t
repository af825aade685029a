#!/usr/bin/perl
# Captured results: every way that rows and COPY data can come, in text and binary, with their caps; and that
# they are sealed, each chunk for its place.
use DBBat::Test;

use JSON::PP;

my $t = DBBat::Test->start(env => { DBB_CAPTURE => 'on', DBB_CAPTURE_MAX_ROWS => 5000, DBB_CAPTURE_MAX_BYTES => '1MB' });
$t->access('john', 'write');
$t->access('jane', 'write');
my @john = (as => 'john:' . DBBat::Test::password('john'));
my @jane = (as => 'jane:' . DBBat::Test::password('jane'));
my ($true, $false) = (JSON::PP::true, JSON::PP::false);

sub messages { return grep { $_->{type} ne 'S' && $_->{type} ne 'N' } @_; }

# The statement whose text contains this, when it has its outcome and is shipped.
sub statement
{
	my ($text, $n) = @_;
	my @q;
	poll_until(sub { @q = $t->queries("position('$text' in sql_text) > 0"); @q >= ($n // 1) && !grep { $_->{status} eq 'running' } @q }, 8)
		or diag("no statement with $text");
	return @q;
}

sub results
{
	my ($q, $query) = @_;
	return $t->must(GET => "/api/queries/$q->{id}" . ($query ? "?$query" : ''))->{results};
}
sub download { my ($q, $query, @o) = @_; return $t->api(GET => "/api/queries/$q->{id}/rows?" . ($query // ''), undef, @o); }

# --- several results of one Query -----------------------------------------------------------------

my $c = $t->login('john');
$c->query('CREATE TEMP TABLE x (i int, t text)');
$c->query("SELECT 1 AS many; INSERT INTO x VALUES (1, 'a'), (2, NULL); SELECT * FROM x; SELECT 3 WHERE false; SELECT 1/0");
my ($q) = statement('AS many');
my $r = results($q);
is(scalar @$r, 3, 'each result of a Query is kept');
is_deeply([map { $_->{result} } @$r], [1, 2, 3], 'by its number');
is_deeply([map { $_->{rows} } @$r], [[[1]], [[1, 'a'], [2, undef]], []], 'with its rows');
is_deeply($r->[1]{columns}, [{ name => 'i', type => 'integer', type_oid => 23 }, { name => 't', type => 'text', type_oid => 25 }], 'and columns');
is_deeply([map { $_->{truncated} } @$r], [$false, $false, $false], 'all whole');
is($r->[2]{columns}[0]{name}, '?column?', 'a result without rows has columns');
is(download($q, 'result=2')->{text}, "i,t\r\n1,a\r\n2,\r\n", 'as CSV');
is_deeply(download($q, 'result=2&format=json')->{json}, { columns => $r->[1]{columns}, rows => [[1, 'a'], [2, undef]], row_count => 2,
	truncated => $false, truncated_reason => undef }, 'as JSON');
is(download($q)->{text}, "many\r\n1\r\n", 'the first, unless another is named');
is(download($q, 'result=9')->{status}, 404, 'one that is not there');
is(download($q, 'result=2', @john)->{status}, 200, 'his own');
is(download($q, 'result=2', @jane)->{status}, 404, 'not those of others');
is(download($q, 'format=xml')->{status}, 422, 'a format that is none');
my $h = download($q, 'result=2')->{headers};
is_deeply([@$h{qw(content-type content-disposition)}, $h->{'dbbat-truncated'}],
	['text/csv; charset=utf-8; header=present', "attachment; filename=\"dbbat-query-$q->{id}-2.csv\"", undef], 'headers');

# pages
$c->query('SELECT i AS paged FROM generate_series(1, 2500) i');
($q) = statement('AS paged');
my (@rows, $cursor);
for (1 .. 10) {
	my $page = results($q, 'result=1&limit=1000' . ($cursor ? "&cursor=$cursor" : ''))->[0];
	push @rows, map { $_->[0] } @{$page->{rows}};
	$cursor = $page->{next_cursor} // last;
}
is("@rows", join(' ', 1 .. 2500), 'rows by pages: each once, in order');
is_deeply([map { scalar @{$_->{rows}}, $_->{row_count}, $_->{next_cursor} } @{results($q)}], [100, 2500, '101'], 'a hundred unless asked');
is_deeply([map { @{$_->{rows}}, $_->{next_cursor} } @{results($q, 'result=1&cursor=2500')}], [[2500], undef], 'the last');
is_deeply([map { @{$_->{rows}}, $_->{next_cursor} } @{results($q, 'result=1&cursor=2501')}], [undef], 'and none behind it');
is($t->api(GET => "/api/queries/$q->{id}?cursor=5")->{status}, 422, 'a cursor without its result');

# --- formats, wherever they come from ----------------------------------------------------------------

my %ways = (
	'described portal' => sub { DBBat::Client::parse('', $_[0]) . DBBat::Client::bind_for('', '', [1]) . DBBat::Client::describe('P', '') },
	'described statement' => sub { DBBat::Client::parse('', $_[0]) . DBBat::Client::describe('S', '') . DBBat::Client::bind_for('', '', [1]) },
	'not described' => sub { DBBat::Client::parse('', $_[0]) . DBBat::Client::bind_for('', '', [1]) },
	'described, in text' => sub { DBBat::Client::parse('', $_[0]) . DBBat::Client::describe('S', '') . DBBat::Client::bind('', '') },
	'one format each' => sub { DBBat::Client::parse('', $_[0]) . DBBat::Client::describe('S', '') . DBBat::Client::bind_for('', '', [0, 1]) },
);
for my $way (sort keys %ways) {
	(my $name = $way) =~ tr/a-z//cd;
	$c->send_raw($ways{$way}->("SELECT 258 AS $name, 772 AS b") . DBBat::Client::execute('', 0) . DBBat::Client::sync());
	$c->receive_ready;
	($q) = statement("AS $name,");
	my $result = results($q)->[0];
	is_deeply($result->{rows}, $way eq 'not described' ? [[{ hex => '00000102' }, { hex => '00000304' }]] : [[258, 772]], "$way: values");
	is_deeply([map { $_->{name} } @{$result->{columns}}], $way eq 'not described' ? [undef, undef] : [$name, 'b'], "$way: columns");
}
is(download((statement('AS notdescribed'))[0])->{text}, "column1,column2\r\n\\x00000102,\\x00000304\r\n", 'columns nobody named, in CSV');

# A named statement that was described once serves later portals, each with formats of its own.
$c->send_raw(DBBat::Client::parse('s', 'SELECT $1::int AS named') . DBBat::Client::bind('', 's', '7') . DBBat::Client::describe('P', '')
	. DBBat::Client::execute('', 0) . DBBat::Client::sync());
$c->receive_ready;
$c->send_raw(DBBat::Client::bind_for('', 's', [1], '8') . DBBat::Client::execute('', 0) . DBBat::Client::sync());
$c->receive_ready;
my @q = statement('AS named', 2);
is_deeply([map { @{results($_)->[0]{rows}} } @q], [[7], [8]], 'by the description of an earlier portal');
is_deeply([map { $_->{name} } map { @{results($_)->[0]{columns}} } @q], ['named', 'named'], 'and its names');

# Suspended portals: each Execute has the rows it got.
$c->send_raw(DBBat::Client::query_message('BEGIN'));
$c->receive_ready;
$c->send_raw(DBBat::Client::parse('', 'SELECT i AS suspended FROM generate_series(1, 5) i') . DBBat::Client::bind_for('p', '', [1])
	. DBBat::Client::describe('P', 'p') . DBBat::Client::execute('p', 2) . DBBat::Client::execute('p', 2) . DBBat::Client::execute('p', 2) . DBBat::Client::sync());
$c->receive_ready;
@q = statement('AS suspended', 3);
is_deeply([map { [map { $_->[0] } @{results($_)->[0]{rows}}] } @q], [[1, 2], [3, 4], [5]], 'rows of a portal that is suspended');

# Cursors of SQL, one of them binary.
$c->query('DECLARE b BINARY CURSOR FOR SELECT 258 AS bin; DECLARE t CURSOR FOR SELECT 258 AS txt');
$c->query('FETCH 1 FROM b; FETCH 1 FROM t');
($q) = statement('FETCH 1 FROM b');
is_deeply([map { $_->{rows}[0][0] } @{results($q)}], [258, 258], 'FETCH from a binary cursor and from another');
$c->query('COMMIT');

# --- every type: the same from text and binary, and as the server has it ------------------------------------------

my @values = map { "$_->[0]::$_->[1]" } (
	(map { ["'$_'", 'bool'] } qw(t f)), ["'\\x00ff'", 'bytea'], ["'c'", '"char"'], ["'n'", 'name'], ["'-9223372036854775808'", 'int8'], ['-5', 'int2'],
	['42', 'int4'], ["'ä,\"x\"'", 'text'], ["''", 'text'], ['NULL', 'text'], ['4294967295', 'oid'], ["'7'", 'xid'], ["'(1,2)'", 'tid'], ["'{\"a\": 1.0}'", 'json'],
	["'{\"a\": [1.0, null]}'", 'jsonb'], ["'10.0.0.0/8'", 'cidr'], ["'::1/64'", 'inet'], ["'08:00:2b:01:02:03'", 'macaddr'],
	(map { ["'$_'", 'float4'] } qw(0.1 1e10 NaN -Infinity)), (map { ["'$_'", 'float8'] } qw(0.1 1e23 -0 5e-324 123456789.125)), ["'-1234.5'", 'money'],
	["'x'", 'bpchar(4)'], ["'v'", 'varchar'], (map { ["'$_'", 'date'] } '2024-02-29', '0044-03-15 BC', 'infinity'), ["'12:34:56.7'", 'time'],
	["'12:00:00+05:30'", 'timetz'], (map { ["'$_'", 'timestamp'] } '1999-12-31 23:59:59.999999', '-infinity'), ["'2024-06-01 12:00:00.5+02'", 'timestamptz'],
	["'-1 year 2 days -00:00:01.5'", 'interval'], ["'101'", 'bit(3)'], ["'0101'", 'varbit'], (map { ["'$_'", 'numeric'] } '0.00', '-12345.6789', 'NaN', '1e40'),
	["'01234567-89ab-cdef-0123-456789abcdef'", 'uuid'], ["'16/B374D848'", 'pg_lsn'], ["'{{1,NULL},{3,4}}'", 'int4[]'], ["'{a,\"b c\",NULL,\"\"}'", 'text[]'],
	["'{}'", 'int8[]'], ["'{1.50,2}'", 'numeric[]'], ["'{\"2024-06-01 12:00:00+02\"}'", 'timestamptz[]'], ["'[1,5)'", 'int4range'], ["'empty'", 'numrange'],
	["'[\"2024-06-01 12:00:00+02\",)'", 'tstzrange'], ["'[0:1]={1,2}'", 'int4[]'],
);
my $select = 'SELECT ' . join ', ', map { "$values[$_] AS c$_" } 0 .. $#values;
my $direct = run(cmd => [DBBat::Cluster::bindir() . '/psql', '-Xq', '-d', $t->cluster->dsn('target', 'target', DBBat::Test::TARGET_PASSWORD)],
	stdin => "SET timezone = 'UTC';\nCOPY ($select) TO STDOUT (FORMAT csv, HEADER);\n")->{out};
$direct =~ s/\n/\r\n/g;
my %shown;
$c->query("SET timezone = 'Europe/Berlin'; SET bytea_output = 'escape'");
$c->query("$select /* text */");
$c->send_raw(DBBat::Client::parse('', "$select /* binary */") . DBBat::Client::describe('S', '') . DBBat::Client::bind_for('', '', [1])
	. DBBat::Client::execute('', 0) . DBBat::Client::sync());
$c->receive_ready;
for my $format (qw(text binary)) {
	($q) = statement("/* $format */");
	my $result = results($q)->[0];
	$shown{$format} = $result->{rows}[0];
	is(scalar @{$shown{$format}}, scalar @values, "$format: all values");
	is(join(' ', map { $_->{type} // '?' } @{$result->{columns}}) =~ /\b\d+\b/, '', "$format: every type has a name");
	my $csv = download($q)->{text};
	is($csv, $direct, "$format: the CSV is the server's own");
}
for my $i (0 .. $#values) {
	is(JSON::PP->new->allow_nonref->canonical->encode($shown{text}[$i]), JSON::PP->new->allow_nonref->canonical->encode($shown{binary}[$i]),
		"$values[$i] is the same from both formats");
}
is(scalar(grep { ref eq 'HASH' } @{$shown{binary}}), 0, 'and none of them is hex');
$c->query('RESET timezone; RESET bytea_output');

# --- COPY -----------------------------------------------------------------------------------------------------

$t->target("CREATE TABLE copied (i int, t text)");
my $data = join '', map { "$_\trow $_\n" } 1 .. 500;
$c->send_raw(DBBat::Client::query_message('COPY copied FROM STDIN'), DBBat::Client::message('d', substr $data, 0, 1001),
	DBBat::Client::message('d', substr $data, 1001), DBBat::Client::message('c', ''));
is(DBBat::Client::summary($c->receive_ready), 'G C Z:I', 'COPY FROM STDIN');
$c->query('COPY copied TO STDOUT');
$c->query('COPY copied TO STDOUT (FORMAT csv, HEADER)');
my @binary = $c->query('COPY copied TO STDOUT (FORMAT binary)');
$c->query('COPY (SELECT 1) TO STDOUT; SELECT 2 AS behind; COPY (SELECT 3) TO STDOUT (FORMAT binary)');
my %copied = (
	'COPY copied FROM STDIN' => ['copy_in', 'text', $data],
	'COPY copied TO STDOUT' => ['copy_out', 'text', $data],
	'COPY copied TO STDOUT (FORMAT csv, HEADER)' => ['copy_out', 'text', "i,t\n" . join '', map { "$_,row $_\n" } 1 .. 500],
	'COPY copied TO STDOUT (FORMAT binary)' => ['copy_out', 'binary', join '', map { $_->{body} } grep { $_->{type} eq 'd' } @binary],
);
statement('AS behind');
for my $sql (sort keys %copied) {
	($q) = $t->queries("sql_text = '$sql'");
	my ($kind, $format, $bytes) = @{$copied{$sql}};
	my $result = results($q)->[0];
	is_deeply([@$result{qw(kind format bytes truncated)}], [$kind, $format, length $bytes, $false], "$sql: what was kept");
	my $got = download($q);
	ok($got->{text} eq $bytes, "$sql: as it was");
	is($got->{headers}{'content-type'}, $format eq 'binary' ? 'application/octet-stream' : 'text/plain', "$sql: its type");
}
($q) = $t->queries("sql_text LIKE '%AS behind%'");
is_deeply([map { $_->{kind} . ' ' . ($_->{format} // '') } @{results($q)}], ['copy_out text', 'rows ', 'copy_out binary'], 'COPY among other results');
is(download($q)->{text}, "1\n", 'the first of them');

# --- caps --------------------------------------------------------------------------------------------------------

$c->query('SELECT i AS rowcap FROM generate_series(1, 6000) i; SELECT 1');
$c->query("SELECT repeat('x', 100000) AS bytecap FROM generate_series(1, 20)");
$c->query("SELECT repeat('x', 2000000) AS onelarge");
$c->query("COPY (SELECT repeat('x', 100000) FROM generate_series(1, 20)) TO STDOUT");
$c->query(join('; ', ('SELECT 1') x 1005) . ' AS resultcap');
my ($rowcap) = statement('AS rowcap');
is_deeply([map { @$_{qw(row_count truncated truncated_reason)} } @{results($rowcap)}], [5000, $true, 'rows'], 'past the cap on rows it is cut');
is($rowcap->{rows_affected}, 6001, 'though the client has them all');
my $csv = download($rowcap);
is(scalar(split /\r\n/, $csv->{text}), 5001, 'the file has what was kept');
is($csv->{headers}{'dbbat-truncated'}, 'rows', 'and says so');
is_deeply([map { @$_{qw(row_count truncated truncated_reason)} } @{results((statement('AS bytecap'))[0])}], [10, $true, 'bytes'], 'the cap on bytes');
is_deeply([map { @$_{qw(row_count truncated truncated_reason rows)} } @{results((statement('AS onelarge'))[0])}], [0, $true, 'bytes', []], 'a row larger than that');
($q) = $t->queries("sql_text LIKE 'COPY (SELECT repeat%'");
is_deeply([@{results($q)->[0]}{qw(row_count truncated_reason)}], [10, 'bytes'], 'COPY, too');
is(length download($q)->{text}, 10 * 100001, 'whole lines of it');
my $many = results((statement('AS resultcap'))[0], 'limit=1');
is_deeply([scalar @$many, $many->[999]{truncated}, $many->[1000]{truncated_reason}], [1001, $false, 'results'], 'a thousand results and no more');
# a row of many chunks, between others
$c->query("SELECT x AS spanning FROM (VALUES ('a'), (repeat('b', 300000)), ('c'), (repeat('d', 200000)), ('e')) v (x)");
($q) = statement('AS spanning');
is_deeply([map { substr($_->[0], 0, 1) . length $_->[0] } @{results($q)->[0]{rows}}], ['a1', 'b300000', 'c1', 'd200000', 'e1'], 'rows longer than a chunk');
is_deeply([map { substr($_->[0], 0, 1) } @{results($q, 'result=1&cursor=3&limit=2')->[0]{rows}}], ['c', 'd'], 'a page from behind one of them');
cmp_ok($t->storage("SELECT count(*) FROM dbbat.query_results WHERE seq = $q->{seq}"), '>', 7, 'are in several');

# --- what is DBBat's own is not kept; nothing where nothing is asked for ------------------------------------------------

$t->database('plain', capture => JSON::PP::false);
$t->grant('john', 'plain', 'read');
$t->psql('john', "SELECT 'not kept' AS plain;\n", conninfo => { dbname => 'plain' });
is_deeply(results((statement('AS plain'))[0]), [], 'a database that says no');
$t->database('read', capture => JSON::PP::true);
$t->grant('jane', 'read', 'read');
$t->psql('jane', "BEGIN; SELECT 'mine' AS mine; COMMIT;\nSELECT 'alone' AS alone;\n", conninfo => { dbname => 'read' });
is_deeply([map { $_->{rows} } @{results((statement('AS alone'))[0])}], [[['alone']]], 'under a read grant, the statement and not what pins it');
is_deeply([map { map { $_->{rows} } @{results($_)} } statement('AS mine')], [[['mine']]], 'in a block, too');

# --- sealed -----------------------------------------------------------------------------------------------------------------

$c->query("SELECT 'a marker of the result' AS first_one, repeat('y', 100000) FROM generate_series(1, 3)");
$c->query("SELECT 'another of the same' AS second_one, repeat('y', 100000) FROM generate_series(1, 3)");
my ($first, $second) = ((statement('AS first_one'))[0], (statement('AS second_one'))[0]);
is($t->storage("SELECT count(*) FROM dbbat.query_results WHERE position('marker of the result' in encode(body, 'escape')) > 0"), 0, 'no plain text in storage');
my $journal = join '', map { slurp($_) } glob($t->daemon->{dir} . '/state/journal/*.journal');
cmp_ok(length $journal, '>', 60000, 'there is a journal');
ok(index($journal, 'SELECT \'a marker of the result\'') >= 0, 'with the statement');
$journal =~ s/SELECT 'a marker of the result'//g;
is(index($journal, 'a marker of the result'), -1, 'and no plain text of the result in it');
my $other = $t->login('jane');
$other->query("SELECT 'of another connection' AS third_one, repeat('y', 100000) FROM generate_series(1, 3)");
my ($third) = statement('AS third_one');

sub damaged
{
	my ($q, $sql, $what) = @_;
	my $saved = "CREATE TEMP TABLE saved AS SELECT * FROM dbbat.query_results; ";
	$t->storage("DROP TABLE IF EXISTS dbbat.saved; CREATE TABLE dbbat.saved AS SELECT * FROM dbbat.query_results; $sql");
	my $result = results($q, 'result=1')->[0];
	is($result->{error}{code}, 'damaged', "$what: an error") || diag(JSON::PP::encode_json($result));
	note($result->{error}{message} // '');
	my $file = download($q);
	like($file->{error}, qr/curl: \(18\)|curl: \(52\)/, "$what: the file is cut");
	$t->storage('TRUNCATE dbbat.query_results; INSERT INTO dbbat.query_results SELECT * FROM dbbat.saved; DROP TABLE dbbat.saved');
}
sub of { my ($q) = @_; return "(connection_id = $q->{connection_id} AND seq = $q->{seq})"; }
is($t->storage('SELECT count(*) FROM dbbat.query_results WHERE ' . of($first)), 7, 'seven chunks');
damaged($first, 'UPDATE dbbat.query_results SET body = set_byte(body, 30, get_byte(body, 30) # 1) WHERE chunk = 1 AND ' . of($first), 'a changed chunk');
damaged($first, 'UPDATE dbbat.query_results SET row_count = row_count + 1 WHERE chunk = 0 AND ' . of($first), 'a changed number');
damaged($first, 'UPDATE dbbat.query_results SET body = substr(body, 1, 20) WHERE chunk = 1 AND ' . of($first), 'a short chunk');
damaged($first, "UPDATE dbbat.query_results SET body = '' WHERE chunk = 0 AND " . of($first), 'an empty chunk');
damaged($first, 'DELETE FROM dbbat.query_results WHERE chunk = 2 AND ' . of($first), 'a missing chunk');
damaged($first, 'UPDATE dbbat.query_results r SET body = s.body FROM dbbat.saved s WHERE r.connection_id = s.connection_id AND r.seq = s.seq
	AND r.chunk = 3 - s.chunk AND r.chunk IN (1, 2) AND r.seq = ' . $first->{seq}, 'chunks in another order');
damaged($first, "UPDATE dbbat.query_results SET body = (SELECT body FROM dbbat.saved WHERE chunk = 1 AND " . of($second) . ') WHERE chunk = 1 AND ' . of($first),
	'a chunk of another statement');
damaged($first, "UPDATE dbbat.query_results SET body = (SELECT body FROM dbbat.saved WHERE chunk = 1 AND " . of($third) . ') WHERE chunk = 1 AND ' . of($first),
	'a chunk of another connection');
damaged($first, "UPDATE dbbat.query_results SET flags = flags & ~16, body = 'D' WHERE chunk = 1 AND " . of($first), 'a chunk that is not sealed among others');
is_deeply(results($first)->[0]{error}, undef, 'put back, it is read again');
my $log = $t->log;
like($log, qr/is damaged: chunk 1 is not what was sealed for its place/, 'the log says it');
like($log, qr/a download of a result: the transfer is cut: chunk 2 is missing/, 'and of downloads');
$t->storage("UPDATE dbbat.query_results SET flags = flags & ~2 WHERE " . of($second));
is_deeply([@{results($second, 'limit=1')->[0]}{qw(truncated truncated_reason)}], [$true, 'incomplete'], 'without its last chunk it is not whole');

# --- who took what ------------------------------------------------------------------------------------------------------------

my @read = @{$t->must(GET => '/api/audit?action=query.read&actor=admin')->{audit_events}};
cmp_ok(scalar @read, '>', 0, 'who looks at what was captured is in the audit events');
is($read[0]{object_type}, 'query', 'with which');
my $reads = $t->storage(q{SELECT count(*) FROM dbbat.audit_events WHERE action = 'query.read'});
my ($bare) = $t->storage(q{SELECT id FROM dbbat.queries q WHERE NOT EXISTS (SELECT FROM dbbat.query_results r WHERE r.connection_id = q.connection_id
	AND r.seq = q.seq) LIMIT 1});
$t->must(GET => "/api/queries/$bare");
is($t->storage(q{SELECT count(*) FROM dbbat.audit_events WHERE action = 'query.read'}), $reads, 'a statement without results is nothing to look at');
my @events = @{$t->must(GET => '/api/audit?action=query.download&actor=john')->{audit_events}};
is_deeply([map { [$_->{object_type}, $_->{after}{result}, $_->{after}{format}] } @events], [['query', 2, 'csv']], 'downloads are audit events');

# --- not sealed where it is not wanted ------------------------------------------------------------------------------------------

my $plain = $t->node(env => { DBB_CAPTURE => 'on', DBB_CAPTURE_ENCRYPT => 'off', DBB_KEY => $t->daemon->{env}{DBB_KEY} });
my $p = DBBat::Client->new($plain->{pg_port});
is($p->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE), undef, 'a login where capture_encrypt is off');
$p->query("SELECT 'a plain value' AS unsealed");
($q) = statement('AS unsealed');
is_deeply([map { @$_{qw(sealed)}, $_->{rows}[0][0] } @{results($q)}], [$false, 'a plain value'], 'it says so, and is read the same');
is($t->storage("SELECT count(*) FROM dbbat.query_results WHERE position('a plain value' in encode(body, 'escape')) > 0"), 1, 'it can be read in storage');
$p->send_raw(DBBat::Client::terminate());
$plain->stop;

$t->done;
