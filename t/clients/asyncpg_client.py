# asyncpg: its own implementation; everything binary, prepared statements, portals.
import asyncio, datetime, decimal, hashlib, io, os
import asyncpg

def say(what, *values): print(what, *map(repr, values), sep=' | ', flush=True)

async def main():
    c = await asyncpg.connect(ssl=os.environ['PGSSLMODE'])
    say('select', await c.fetchrow('SELECT 1, $1::text', 'eins'))
    say('several', await c.execute('SELECT 1; SELECT 2; CREATE TEMP TABLE t (a int PRIMARY KEY, b text)'))
    row = await c.fetchrow('SELECT $1::text, $2::int, $3::bytea, $4::numeric, $5::int[], $6::int8, $7::timestamptz, $8::jsonb',
        "it's", None, b'\0\xff', decimal.Decimal('12.50'), [1, None, 3], 1 << 40,
        datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc), '{"a": 1}')
    say('values', tuple(row))
    big = 'ü' * 3000000
    say('big', len(await c.fetchval('SELECT $1::text || $2::text', big, big)))
    await c.executemany('INSERT INTO t VALUES ($1, $2)', [(n, 'row %d' % n) for n in range(1000)])
    say('batch', await c.fetchrow('SELECT count(*), sum(a) FROM t'))
    await c.executemany('/* counted */ INSERT INTO t VALUES ($1)', [(-n,) for n in range(1, 31)])
    say('COUNT', 30)
    say('delete', await c.execute('DELETE FROM t WHERE a < 0'))
    s = await c.prepare('SELECT a, b FROM t WHERE a = $1')
    say('prepared', await s.fetchrow(7), [p.name for p in s.get_parameters()], [a.name for a in s.get_attributes()])
    say('copy in', await c.copy_records_to_table('t', records=[(n, 'copied %d' % n) for n in range(1000, 30000)]))
    out = io.BytesIO(); say('copy out', await c.copy_from_query('SELECT * FROM t ORDER BY a', output=out))
    say('copied', hashlib.md5(out.getvalue()).hexdigest())
    try: await c.copy_to_table('t', source=io.BytesIO(b'1\tagain\n'))
    except asyncpg.PostgresError as e: say('copy error', e.sqlstate, e.constraint_name)
    async with c.transaction():
        say('cursor', sum([r[0] async for r in c.cursor('SELECT a FROM t ORDER BY a LIMIT 1050', prefetch=100)]))
        k = await c.cursor('SELECT a FROM t ORDER BY a'); a = await k.fetch(5); await k.forward(10); say('portal', a, await k.fetch(2))
    try:
        async with c.transaction():
            try: await c.execute('SELECT 1/0')
            except asyncpg.PostgresError as e: say('error', e.sqlstate, str(e))
            await c.execute('SELECT 1')
    except asyncpg.PostgresError as e: say('aborted', e.sqlstate, c.is_in_transaction())
    try:
        async with c.transaction():
            await c.execute('INSERT INTO t VALUES (-1)')
            try:
                async with c.transaction(): await c.execute('DELETE FROM t'); raise KeyError
            except KeyError: pass
    finally: say('savepoint', await c.fetchval('SELECT count(*) FROM t'))
    notes, seen = asyncio.Queue(), asyncio.Queue()
    c.add_log_listener(lambda _, m: seen.put_nowait((m.severity, m.sqlstate, m.message)))
    await c.execute("DO $$ BEGIN RAISE NOTICE 'mind the gap'; END $$"); say('notices', await asyncio.wait_for(seen.get(), 10))
    await c.add_listener('news', lambda _, pid, channel, payload: notes.put_nowait((channel, payload)))
    await c.execute("NOTIFY news, 'first'")
    other = await asyncpg.connect(ssl=os.environ['PGSSLMODE']); await other.execute("SELECT pg_notify('news', 'second')"); await other.close()
    say('notify', [await asyncio.wait_for(notes.get(), 10) for _ in range(2)])
    try: await c.execute('SELECT pg_sleep(30)', timeout=0.5)
    except asyncio.TimeoutError: say('cancel', 'timeout')
    say('after', await c.fetchval('SELECT 42'), c.get_server_pid() > 0, c.get_settings().server_encoding, c.get_server_version()[:2])
    await c.reset(); await c.close()

asyncio.run(main())
