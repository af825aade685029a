# psycopg 2: libpq, simple protocol, client-side parameters.
import hashlib, io, select, threading, time
import psycopg2, psycopg2.extensions, psycopg2.extras

def say(what, *values): print(what, *map(repr, values), sep=' | ', flush=True)

c = psycopg2.connect('')
c.autocommit = True
k = c.cursor()
k.execute('SELECT 1, %s', ('eins',)); say('select', k.fetchall(), c.encoding)
k.execute('SELECT 1; SELECT 2; SELECT 3'); say('several', k.fetchall())
k.execute('SELECT %s, %s::int, %s, %s::numeric, %s::int[]', ("it's", None, psycopg2.Binary(b'\0\xff'), '12.50', [1, None, 3]))
row = k.fetchone(); say('values', row[0], row[1], bytes(row[2]), row[3], row[4])
big = 'ü' * 3000000
k.execute('SELECT %s || %s', (big, big)); say('big', len(k.fetchone()[0]))
k.execute('CREATE TEMP TABLE t (a int PRIMARY KEY, b text)')
psycopg2.extras.execute_batch(k, 'INSERT INTO t VALUES (%s, %s)', [(n, 'row %d' % n) for n in range(1000)], page_size=50)
k.execute('SELECT count(*), sum(a) FROM t'); say('batch', k.fetchall())
k.copy_expert('COPY t FROM STDIN', io.StringIO(''.join('%d\tcopied %d\n' % (n, n) for n in range(1000, 30000)))); say('copy in', k.rowcount)
out = io.StringIO(); k.copy_expert('COPY (SELECT * FROM t ORDER BY a) TO STDOUT', out)
say('copy out', hashlib.md5(out.getvalue().encode()).hexdigest())
try: k.copy_expert('COPY t FROM STDIN', io.StringIO('1\tagain\n'))
except psycopg2.Error as e: say('copy error', e.pgcode, e.diag.message_primary, e.diag.constraint_name)
for n in range(25): k.execute('/* counted */ SELECT %s', (n,))
say('COUNT', 25)
c.autocommit = False
named = c.cursor('a cursor'); named.itersize = 100
named.execute('SELECT a FROM t ORDER BY a LIMIT 1050'); say('cursor', sum(r[0] for r in named)); named.close()
try: k.execute('SELECT 1/0')
except psycopg2.Error as e: say('error', e.pgcode, e.diag.severity, e.diag.message_primary)
try: k.execute('SELECT 1')
except psycopg2.Error as e: say('aborted', e.pgcode, c.get_transaction_status())
c.rollback(); say('rolled back', c.get_transaction_status())
k.execute('INSERT INTO t VALUES (-1)'); k.execute('SAVEPOINT s'); k.execute('DELETE FROM t'); k.execute('ROLLBACK TO s'); c.commit()
k.execute('SELECT count(*) FROM t'); say('savepoint', k.fetchone()); c.commit()
c.autocommit = True
k.execute('LISTEN news'); k.execute("NOTIFY news, 'first'")
other = psycopg2.connect(''); other.autocommit = True; other.cursor().execute("SELECT pg_notify('news', 'second')")
while len(c.notifies) < 2 and select.select([c], [], [], 10)[0]: c.poll()
say('notify', [(n.channel, n.payload) for n in c.notifies])
k.execute("DO $$ BEGIN RAISE NOTICE 'mind the gap'; END $$"); say('notices', c.notices[-1])
threading.Timer(0.5, c.cancel).start()
try: k.execute('SELECT pg_sleep(30)')
except psycopg2.Error as e: say('cancel', e.pgcode)
k.execute('SELECT 42'); say('after', k.fetchone(), c.info.backend_pid > 0, c.info.parameter_status('server_version'))
