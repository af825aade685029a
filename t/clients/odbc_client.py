# psqlODBC through pyodbc: server-side prepare, cursors, SQLSTATEs of ODBC.
import os, sys, threading
import pyodbc

def say(what, *values): print(what, *map(repr, values), sep=' | ', flush=True)
def connect(**more):
    e = os.environ
    return pyodbc.connect(driver=e['ODBC_DRIVER'], server=e['PGHOST'], port=e['PGPORT'], database=e['PGDATABASE'],
        uid=e['PGUSER'], pwd=e['PGPASSWORD'], sslmode=e['PGSSLMODE'], **more)
def failed(f, *a):
    try: f(*a); return 'no error'
    except pyodbc.Error as e: return e.args[0], e.args[1].split(';')[0]

c = connect(autocommit=True)
k = c.cursor()
say('select', [tuple(r) for r in k.execute('SELECT 1, ?', 'eins').fetchall()])
k.execute('SELECT 1; SELECT 2'); first = k.fetchall(); k.nextset(); say('several', [tuple(r) for r in first + k.fetchall()])
say('values', tuple(k.execute('SELECT CAST(? AS text), CAST(? AS int), CAST(? AS bytea), CAST(? AS float8)', "it's", None, b'\0\xff', 12.5).fetchone()))
big = 'u' * 3000000
say('big', k.execute('SELECT length(CAST(? AS text))', big).fetchone()[0])
k.execute('CREATE TEMP TABLE t (a int PRIMARY KEY, b text)')
k.executemany('INSERT INTO t VALUES (?, ?)', [(n, 'row %d' % n) for n in range(2000)])
say('batch', tuple(k.execute('SELECT count(*), sum(a) FROM t').fetchone()))
for n in range(25): k.execute('/* counted */ SELECT CAST(? AS int)', n).fetchall()
say('COUNT', 25)
f = connect(autocommit=False, UseDeclareFetch='1', Fetch='100').cursor()
say('cursor', sum(r[0] for r in f.execute('SELECT n FROM generate_series(1, 1050) n'))); f.connection.close()
c.autocommit = False
say('error', failed(k.execute, 'SELECT 1/0')); c.rollback()
say('duplicate', failed(k.execute, 'INSERT INTO t VALUES (1)')); c.rollback()
k.execute('INSERT INTO t VALUES (-1)'); k.execute('SAVEPOINT s'); k.execute('DELETE FROM t'); k.execute('ROLLBACK TO s'); c.commit()
say('savepoint', k.execute('SELECT count(*) FROM t').fetchone()[0]); c.commit()
c.autocommit = True
k.execute("DO $$ BEGIN RAISE NOTICE 'mind the gap'; END $$"); say('notices', k.messages)
threading.Timer(0.5, k.cancel).start()
say('cancel', failed(lambda: k.execute('SELECT pg_sleep(30)')))
say('after', tuple(k.execute('SELECT 42').fetchone()), [r.table_name for r in k.tables(table='pg_am')], c.getinfo(pyodbc.SQL_DBMS_VER))
