// postgres.js: its own implementation, pipelines what is queued, cursors, COPY, cancel.
const postgres = require('postgres');
const { createHash } = require('crypto'), { pipeline } = require('stream/promises'), { Readable } = require('stream');
const say = (...v) => console.log(v.map(x => JSON.stringify(x)).join(' | '));
const failed = async p => { try { await p; return 'no error'; } catch (e) { return [e.code, e.severity, e.message]; } };
const seen = [];

(async () => {
	const o = { ssl: process.env.PGSSLMODE === 'require' ? { rejectUnauthorized: false } : false, onnotice: n => seen.push([n.severity, n.code, n.message]) };
	const sql = postgres({ ...o, max: 1, fetch_types: false });
	say('select', await sql`SELECT 1 AS a, ${'eins'}::text AS b`);
	say('several', await sql.unsafe('SELECT 1 AS a; SELECT 2 AS a; CREATE TEMP TABLE t (a int PRIMARY KEY, b text)'));
	say('values', await sql`SELECT ${"it's"}::text AS a, ${null}::int AS b, ${Buffer.from([0, 255])}::bytea AS c, ${12.5}::float8 AS d, ${true}::bool AS f`);
	const big = 'ü'.repeat(3000000);
	say('big', (await sql`SELECT ${big}::text || ${big}::text AS x`)[0].x.length);
	await Promise.all([...Array(200).keys()].map(n => sql`INSERT INTO t VALUES (${n}, ${'row ' + n})`));
	say('prepared', await sql`SELECT count(*), sum(a) FROM t`);
	let sum = 0, reads = 0; await sql`SELECT a FROM t ORDER BY a LIMIT ${150}`.cursor(40, rows => { reads++; sum += rows.reduce((s, r) => s + r.a, 0); });
	say('cursor', sum, reads);
	say('pipeline', (await Promise.all([...Array(30).keys()].map(n => sql`/* counted */ SELECT ${n}::int AS a`))).reduce((s, r) => s + r[0].a, 0));
	say('COUNT', 30);
	say('pipeline error', await Promise.all([failed(sql`SELECT 1 AS a`), failed(sql`SELECT 1/${0}::int AS a`), failed(sql`SELECT 2 AS a`)]));
	const h = createHash('md5'); for await (const d of await sql`COPY (SELECT * FROM t ORDER BY a) TO STDOUT`.readable()) h.update(d);
	say('copy', h.digest('hex'));
	say('error', await failed(sql.begin(async s => { await s`SELECT 1/0`; })));
	await sql.begin(async s => { await s`INSERT INTO t VALUES (-1)`; await s.savepoint(async p => { await p`DELETE FROM t`; throw new Error('back'); }).catch(() => {}); });
	say('savepoint', await sql`SELECT count(*) FROM t`);
	seen.length = 0; await sql`DO $$ BEGIN RAISE NOTICE 'mind the gap'; END $$`; say('notices', seen);
	const notes = []; let done; const two = new Promise(r => done = r);
	await sql.listen('news', p => { notes.push(p); if (notes.length === 2) done(); }); await sql.notify('news', 'first');
	await sql`SELECT pg_notify('news', 'second')`; await two; say('notify', notes);
	const q = sql`SELECT pg_sleep(30)`.execute(); setTimeout(() => q.cancel(), 500);
	say('cancel', (await failed(q))[0]);
	await pipeline(Readable.from((function* () { for (let n = 1000; n < 30000; n++) yield `${n}\tcopied ${n}\n`; })()), await sql`COPY t FROM STDIN`.writable());
	say('copied', await sql`SELECT count(*) FROM t`);
	say('after', await sql`SELECT 42 AS a`);
	await sql.end();
})().catch(e => { console.error(e); process.exit(1); });
