// node-postgres: its own implementation in JavaScript, with pg-cursor and pg-copy-streams.
const { Client } = require('pg'), Cursor = require('pg-cursor'), copy = require('pg-copy-streams');
const { createHash } = require('crypto'), { pipeline } = require('stream/promises'), { Readable } = require('stream');
const ssl = process.env.PGSSLMODE === 'require' ? { rejectUnauthorized: false } : false;
const say = (...v) => console.log(v.map(x => JSON.stringify(x)).join(' | '));
const failed = async p => { try { await p; return 'no error'; } catch (e) { return [e.code, e.severity, e.message]; } };

(async () => {
	const c = new Client({ ssl }); await c.connect();
	say('select', (await c.query('SELECT 1 AS a, $1::text AS b', ['eins'])).rows);
	say('several', (await c.query('SELECT 1; SELECT 2; CREATE TEMP TABLE t (a int PRIMARY KEY, b text)')).map(r => [r.command, r.rowCount]));
	for (const binary of [false, true])
		say('values', (await c.query({ text: 'SELECT $1::text, $2::int, $3::bytea, $4::float8, $5::int[], $6::bool', rowMode: 'array', binary,
			values: ["it's", null, Buffer.from([0, 255]), 12.5, [1, null, 3], true] })).rows);
	const big = 'ü'.repeat(3000000);
	say('big', (await c.query('SELECT $1::text || $2::text AS x', [big, big])).rows[0].x.length);
	for (let n = 0; n < 200; n++) await c.query({ name: 'insert', text: 'INSERT INTO t VALUES ($1, $2)', values: [n, `row ${n}`] });
	say('prepared', (await c.query('SELECT count(*), sum(a) FROM t')).rows);
	say('queued', (await Promise.all([...Array(30).keys()].map(n => c.query('/* counted */ SELECT $1::int AS a', [n])))).reduce((s, r) => s + r.rows[0].a, 0));
	say('COUNT', 30);
	await pipeline(Readable.from((function* () { for (let n = 1000; n < 30000; n++) yield `${n}\tcopied ${n}\n`; })()), c.query(copy.from('COPY t FROM STDIN')));
	const h = createHash('md5'); for await (const d of c.query(copy.to('COPY (SELECT * FROM t ORDER BY a) TO STDOUT'))) h.update(d);
	say('copy', h.digest('hex'));
	say('copy error', await failed(pipeline(Readable.from(['1\tagain\n']), c.query(copy.from('COPY t FROM STDIN')))));
	const k = c.query(new Cursor('SELECT a FROM t ORDER BY a LIMIT $1', [1050])); let rows, sum = 0, reads = 0;
	while ((rows = await k.read(100)).length) { reads++; sum += rows.reduce((s, r) => s + r.a, 0); }
	await k.close(); say('cursor', sum, reads);
	await c.query('BEGIN'); say('error', await failed(c.query('SELECT 1/0'))); say('aborted', await failed(c.query('SELECT $1::int', [1]))); await c.query('ROLLBACK');
	await c.query('BEGIN'); await c.query('INSERT INTO t VALUES (-1)'); await c.query('SAVEPOINT s'); await c.query('DELETE FROM t');
	await c.query('ROLLBACK TO s'); await c.query('COMMIT'); say('savepoint', (await c.query('SELECT count(*) FROM t')).rows);
	const notice = new Promise(r => c.once('notice', n => r([n.severity, n.code, n.message])));
	await c.query("DO $$ BEGIN RAISE NOTICE 'mind the gap'; END $$"); say('notices', await notice);
	const notes = []; const two = new Promise(r => c.on('notification', n => { notes.push([n.channel, n.payload]); if (notes.length === 2) r(); }));
	await c.query('LISTEN news'); await c.query("NOTIFY news, 'first'");
	const o = new Client({ ssl }); await o.connect(); await o.query("SELECT pg_notify('news', 'second')"); await o.end(); await two; say('notify', notes);
	const canceller = new Client({ ssl: false }), sleep = { text: 'SELECT pg_sleep(30)' };
	setTimeout(() => { const net = require('net').connect(c.port, c.host, () => {
		const b = Buffer.alloc(16); b.writeInt32BE(16, 0); b.writeInt32BE(80877102, 4); b.writeInt32BE(c.processID, 8); b.writeInt32BE(c.secretKey, 12);
		net.end(b); }); net.resume(); }, 500);
	say('cancel', (await failed(c.query(sleep)))[0]);
	say('after', (await c.query('SELECT 42 AS a')).rows, c.processID > 0);
	await c.end();
})().catch(e => { console.error(e); process.exit(1); });
