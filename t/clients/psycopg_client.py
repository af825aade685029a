# psycopg 3: libpq, extended protocol, server-side parameters, pipeline mode, binary.
import hashlib, threading
import psycopg

def say(what, *values): print(what, *map(repr, values), sep=' | ', flush=True)

c = psycopg.connect('', autocommit=True)
say('select', c.execute('SELECT 1, %s', ('eins',)).fetchall())
k = c.execute('SELECT 1; SELECT 2'); first = k.fetchall(); k.nextset(); say('several', first, k.fetchall())
for binary in (False, True):
    k = c.cursor(binary=binary)
    k.execute('SELECT %s::text, %s::int, %s::bytea, %s::numeric, %s::int[], %b::int8, %s::timestamptz',
              ("it's", None, b'\0\xff', '12.50', [1, None, 3], 1 << 40, '2024-02-29 12:00+00'), prepare=True)
    say('values', binary, k.fetchone())
big = 'ü' * 3000000
say('big', len(c.execute('SELECT %s || %s', (big, big)).fetchone()[0]))
c.execute('CREATE TEMP TABLE t (a int PRIMARY KEY, b text)')
c.cursor().executemany('INSERT INTO t VALUES (%s, %s)', [(n, 'row %d' % n) for n in range(1000)])
say('batch', c.execute('SELECT count(*), sum(a) FROM t').fetchall())
with c.pipeline() as p:
    ks = [c.execute('/* counted */ SELECT %s::int', (n,)) for n in range(40)]
    p.sync()
    say('pipeline', sum(k.fetchone()[0] for k in ks))
say('COUNT', 40)
try:
    with c.pipeline():
        c.execute('SELECT 1'); c.execute('SELECT 1/0'); c.execute('SELECT 2')
except psycopg.Error as e: say('pipeline error', e.sqlstate, str(e))
with c.cursor().copy('COPY t FROM STDIN') as copy:
    for n in range(1000, 30000): copy.write_row((n, 'copied %d' % n))
h = hashlib.md5()
with c.cursor().copy('COPY (SELECT * FROM t ORDER BY a) TO STDOUT (FORMAT binary)') as copy:
    for data in copy: h.update(data)
say('copy', h.hexdigest())
try:
    with c.cursor().copy('COPY t FROM STDIN') as copy: copy.write('5000000\tx\n'); raise KeyError('changed my mind')
except KeyError: say('copy aborted', c.info.transaction_status)
try:
    with c.cursor().copy('COPY t FROM STDIN') as copy: copy.write('1\tagain\n')
except psycopg.Error as e: say('copy error', e.sqlstate, e.diag.constraint_name)
c.autocommit = False
with c.cursor('a cursor') as named:
    named.itersize = 100
    named.execute('SELECT a FROM t ORDER BY a LIMIT 1050'); say('cursor', sum(r[0] for r in named))
say('stream', sum(r[0] for r in c.cursor().stream('SELECT a FROM t')))
try: c.execute('SELECT 1/0')
except psycopg.Error as e: say('error', e.sqlstate, e.diag.message_primary)
try: c.execute('SELECT 1')
except psycopg.Error as e: say('aborted', e.sqlstate, c.info.transaction_status)
c.rollback()
with c.transaction():
    c.execute('INSERT INTO t VALUES (-1)')
    with c.transaction(force_rollback=True): c.execute('DELETE FROM t')
say('savepoint', c.execute('SELECT count(*) FROM t').fetchone()); c.commit()
c.autocommit = True
seen = []; c.add_notice_handler(lambda d: seen.append((d.severity, d.sqlstate, d.message_primary)))
c.execute("DO $$ BEGIN RAISE NOTICE 'mind the gap'; END $$"); say('notices', seen)
c.execute('LISTEN news'); c.execute("NOTIFY news, 'first'")
psycopg.connect('', autocommit=True).execute("SELECT pg_notify('news', 'second')")
say('notify', sorted((n.channel, n.payload) for n in c.notifies(timeout=10, stop_after=2)))
threading.Timer(0.5, c.cancel).start()
try: c.execute('SELECT pg_sleep(30)')
except psycopg.Error as e: say('cancel', e.sqlstate)
say('after', c.execute('SELECT 42').fetchone(), c.info.backend_pid > 0, c.info.timezone, c.info.server_version)
