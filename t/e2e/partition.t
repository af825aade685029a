#!/usr/bin/perl
# The log tables over time: what becomes of those of an earlier version, partitions ahead, rows that came
# where there was none, retention.
use DBBat::Test;

use DBBat::Daemon;

my $t = DBBat::Test->start(serve => 0);
my $old = slurp('sql/migrations/0001_init.sql');

sub migrate { return DBBat::Daemon::command(['migrate'], env => $t->daemon->{env}); }
sub partitions
{
	my ($table) = @_;
	return join ' ', split /\n/, $t->storage("SELECT name FROM dbbat.log_partitions WHERE \"table\" = '$table' ORDER BY upper NULLS LAST, name");
}

# --- a storage of the first version, with a log in it ------------------------------------------

$t->storage("SET ROLE storage;\n$old\n" . q{
	CREATE TABLE dbbat.schema_migrations (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
	INSERT INTO dbbat.schema_migrations VALUES (1, '0001_init');
	INSERT INTO dbbat.connections (user_id, username, database_id, database, grant_id, access_level, client_host, client_port,
		tls, application_name, started_at) VALUES (1, 'u', 1, 'd', 1, 'read', '::1', 1, true, '', now() - interval '100 days');
	INSERT INTO dbbat.queries (connection_id, seq, user_id, database_id, grant_id, sql_text, executed_at, status)
		SELECT 1, i, 1, 1, 1, 'SELECT ' || i, now() - (101 - i) * interval '1 day', 'ok' FROM generate_series(1, 100) i;
	INSERT INTO dbbat.queries (connection_id, seq, user_id, database_id, grant_id, sql_text, executed_at, status)
		VALUES (1, 101, 1, 1, 1, 'by a clock that is wrong', now() + interval '10 years', 'running');
	INSERT INTO dbbat.query_results SELECT 1, seq, '\x00', '\x01', seq, false FROM dbbat.queries WHERE seq % 10 = 0;
});
my $r = migrate();
is($r->{exit}, 0, 'a storage of the first version is brought up to date') or diag($r->{err});
is($t->storage(q{SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || min(id) || ' ' || max(id) FROM dbbat.queries}), '101 101 1 101',
	'all statements are there, by the ids they had');
is($t->storage(q{SELECT string_agg(sql_text, ',' ORDER BY seq) FROM dbbat.queries WHERE seq IN (1, 100)}), 'SELECT 1,SELECT 100', 'with their texts');
is($t->storage(q{SELECT count(*) || ' ' || sum(row_count) FROM dbbat.queries JOIN dbbat.query_results USING (connection_id, seq, executed_at)}),
	'10 550', 'and the results');
is($t->storage(q{SELECT DISTINCT concat_ws(' ', chunk, result, kind, flags, cut, encode(body, 'hex')) FROM dbbat.query_results}),
	'0 1 1 3 0 00000001000000000101', 'each as one chunk');
is(partitions('queries'), 'queries_past queries_default', 'in one partition');
is($t->storage('SELECT count(*) FROM dbbat.queries_default'), 1, 'but for what comes later');
is($t->storage(q{INSERT INTO dbbat.queries (connection_id, seq, user_id, database_id, grant_id, sql_text, executed_at, status)
	VALUES (1, 102, 1, 1, 1, '', now(), 'ok') RETURNING id}), 102, 'the next statement has the next id');
is(migrate()->{exit}, 0, 'once more');
is($t->storage(q{SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
	WHERE nspname = 'dbbat' AND (proname LIKE 'log\_%' OR prosecdef) AND has_function_privilege('target', p.oid, 'EXECUTE')}), '',
	'no function of the log is for everybody');

# What the sessions of the version before have left in journals does not say when its statement was.
$t->storage(q{
	SELECT dbbat.log_chunks(1, '{5,101,999,6}', ARRAY[NULL, NULL, NULL, (SELECT executed_at FROM dbbat.queries WHERE seq = 6)],
		'{0,0,0,0}', '{1,1,1,1}', '{1,1,1,1}', '{3,3,3,3}', '{0,0,0,0}', '{5,101,999,6}', '{a,b,c,d}');
	SELECT dbbat.log_outcomes(1, '-infinity', 'infinity', '{101,1}', '{1,1}', '{1,1}', '{1,1}', '{ok,error}', '{NULL,NULL}', '{NULL,NULL}', '{A,B}');
});
is($t->storage(q{SELECT string_agg(seq::text, ' ' ORDER BY seq) FROM dbbat.queries JOIN dbbat.query_results USING (connection_id, seq, executed_at)
	WHERE body IN ('a', 'b', 'd') AND row_count = seq}), '5 6 101', 'a result finds its statement without its time');
is($t->storage(q{SELECT count(*) FROM dbbat.query_results WHERE seq = 999 AND executed_at = '-infinity'}), 1, 'one that has none is kept');
is($t->storage(q{SELECT string_agg(seq || status || coalesce(command_tag, ''), ' ' ORDER BY seq) FROM dbbat.queries WHERE seq IN (1, 101)}), '1ok 101okA',
	'an outcome, too, and changes none that is there');

# An outcome looks at its own statement, not at all of its session.
my $setup = slurp('sql/queries/record_setup.sql');
is((split /\n/, $t->storage(qq{BEGIN; $setup;
	INSERT INTO dbbat.queries (connection_id, seq, user_id, database_id, grant_id, sql_text, executed_at, status)
		SELECT 7, i, 1, 1, 1, 'SELECT 1', now() + i * interval '1 ms', 'running' FROM generate_series(1, 1000) i;
	CREATE TEMP TABLE before AS SELECT sum(idx_tup_fetch + seq_tup_read) AS n FROM pg_stat_xact_user_tables WHERE relname LIKE 'queries%';
	SELECT dbbat.log_outcomes(7, now(), now() + interval '1 minute', '{10,20}', '{1,1}', '{1,1}', '{1,1}', '{ok,ok}', '{NULL,NULL}', '{NULL,NULL}', '{A,A}');
	SELECT sum(idx_tup_fetch + seq_tup_read) - (SELECT n FROM before) FROM pg_stat_xact_user_tables WHERE relname LIKE 'queries%';
	ROLLBACK;}))[-1], 2, 'outcomes find their statements and look at no others');

# --- partitions ahead ----------------------------------------------------------------------------

is($t->storage('SELECT dbbat.log_partitions_make(true)'), 12, 'daily partitions are made for a week, for both tables');
is($t->storage('SELECT dbbat.log_partitions_make(true)'), 0, 'once');
is($t->storage(q{SELECT count(*) FROM dbbat.log_partitions WHERE "table" = 'queries' AND upper > now()}), 7, 'with what is there from now on');
is($t->storage(q{SELECT max(upper) = date_trunc('day', now(), 'UTC') + interval '7 days' FROM dbbat.log_partitions}), 't', 'a week');
cmp_ok($t->storage('SELECT dbbat.log_partitions_make(false)'), '>=', 2, 'monthly ones go on from there');
is($t->storage(q{SELECT max(upper) = date_trunc('month', now(), 'UTC') + interval '2 months' FROM dbbat.log_partitions}), 't', 'to the end of the next month');
is($t->storage('SELECT dbbat.log_partitions_make(true)'), 0, 'daily ones would be made when those end');
is($t->storage(q{SELECT count(*) FROM pg_class c JOIN pg_inherits ON inhrelid = c.oid WHERE inhparent = 'dbbat.queries'::regclass
	AND (SELECT string_agg(substring(pg_get_indexdef(indexrelid) from 'USING (.*)'), '; ' ORDER BY pg_get_indexdef(indexrelid) ~ 'UNIQUE' DESC,
			substring(pg_get_indexdef(indexrelid) from 'USING (.*)'))
		FROM pg_index WHERE indrelid = c.oid AND indisvalid) IS DISTINCT FROM 'btree (connection_id, seq, executed_at); brin (executed_at) '
		|| $$WITH (autosummarize='on'); btree (database_id, id); btree (id); btree (user_id, id, grant_id)$$}), 0, 'all have their indexes, and no others');
is($t->storage(q{SET enable_seqscan = off; EXPLAIN (COSTS OFF) SELECT FROM dbbat.queries WHERE connection_id = 1 AND seq = 1 AND executed_at = '2024-01-01'})
	=~ s/\n.*//sr, 'Index Only Scan using queries_past_pkey on queries_past queries', 'a statement is looked for in one of them');

# --- rows that came when there was no partition ----------------------------------------------------

$t->storage(q{
	DELETE FROM dbbat.queries_default;
	DO $$ DECLARE part text; BEGIN FOR part IN SELECT name FROM dbbat.log_partitions WHERE upper > now() LOOP EXECUTE 'DROP TABLE dbbat.' || part; END LOOP; END $$;
	CREATE TABLE dbbat.queries_20200101 PARTITION OF dbbat.queries FOR VALUES FROM ('2020-01-01Z') TO ('2020-02-01Z');
	CREATE TABLE dbbat.query_results_20200101 PARTITION OF dbbat.query_results FOR VALUES FROM ('2020-01-01Z') TO ('2020-02-01Z');
	INSERT INTO dbbat.queries (connection_id, seq, user_id, database_id, grant_id, sql_text, executed_at, status)
		SELECT 1, 100 + i, 1, 1, 1, '', t, 'running' FROM unnest(ARRAY['1900-01-01Z', '2020-01-05Z', '2022-02-02Z', now(), '2200-01-01Z']::timestamptz[])
		WITH ORDINALITY AS x (t, i);
	INSERT INTO dbbat.query_results (connection_id, seq, executed_at, chunk, result, kind, flags, cut, row_count, body)
		SELECT connection_id, seq, executed_at, 0, 1, 1, 3, 0, 1, '' FROM dbbat.queries;
});
is($t->storage('SELECT count(*) FROM dbbat.queries_default'), 4, 'what has no partition is taken');
is($t->storage('SELECT dbbat.log_partitions_make(false)'), 4, 'partitions are made, one of them for all the time before');
is($t->storage('SELECT string_agg(extract(year FROM executed_at)::text, $$ $$ ORDER BY executed_at) FROM dbbat.queries_default'), '1900 2200', 'what was waiting is in them');
is($t->storage('SELECT count(*) || $$ $$ || count(id) FROM dbbat.queries_20200201'), '2 2', 'as it was');
is($t->storage('SELECT count(*) FROM dbbat.query_results_20200201'), 2, 'results too');
is($t->storage(q{SELECT count(*) FROM dbbat.queries JOIN dbbat.query_results USING (connection_id, seq, executed_at)}), 5, 'all of them');

# two at once, and somebody in the way
my $other = spawn(cmd => [DBBat::Cluster::bindir() . '/psql', '-XAtq', '-d', $t->dsn], stdin =>
	"BEGIN; SELECT pg_advisory_xact_lock(430772904309); SELECT 'locked'; SELECT pg_sleep(60);");
poll_until(sub { $t->storage(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}) == 1 }, 5);
is($t->storage(q{SELECT coalesce(dbbat.log_partitions_make(true)::text, 'NULL') || coalesce(dbbat.log_expire('1 day')::text, 'NULL')}), 'NULLNULL',
	'one node at a time');
$t->storage(q{SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'});
$other->wait(5);

# --- retention ---------------------------------------------------------------------------------------

$t->storage(q{
	INSERT INTO dbbat.audit_events (at, actor, source, action) VALUES (now() - interval '40 days', 'old', '', ''), (now() - interval '20 days', 'new', '', '');
	INSERT INTO dbbat.connections (id, user_id, username, database_id, database, grant_id, access_level, client_host, client_port, tls,
		application_name, started_at, ended_at) OVERRIDING USER VALUE
		SELECT 0, 1, name, 1, 'd', 1, 'read', '::1', 1, true, '', since, till FROM (VALUES
		('past', now() - interval '9000 days', now() - interval '8000 days'),
		('open', now() - interval '8000 days', NULL),
		('long', now() - interval '60 days', now() - interval '20 days')) AS x (name, since, till);
});
my $read = q{SELECT sum(idx_tup_fetch + seq_tup_read) FROM pg_stat_xact_user_tables WHERE relname ~ '^queries_[0-9]'};
is((split /\n/, $t->storage("BEGIN; SELECT dbbat.log_expire('8000 days'); $read; ROLLBACK"))[-1], 0, 'statements in partitions are not looked at');
is($t->storage(q{SELECT dbbat.log_expire('8000 days')}), 2, 'what is older than any partition goes row by row');
is($t->storage('SELECT string_agg(extract(year FROM executed_at)::text, $$ $$ ORDER BY executed_at) FROM dbbat.queries'), '2020 2022 '
	. $t->storage('SELECT extract(year FROM now())') . ' 2200', 'and nothing else');
is($t->storage(q{SELECT dbbat.log_expire('30 days')}), 3, 'a partition goes when all in it is old enough');
is(partitions('queries') =~ /20200101/, '', 'it is gone');
is($t->storage('SELECT count(*) FROM dbbat.queries WHERE executed_at < $$2023-01-01$$'), 1, 'one that also has later statements is not');
is($t->storage(q{SELECT string_agg(username, ' ' ORDER BY id) FROM dbbat.connections}), 'u open long', 'connections go when they and all statements as old are gone');
is($t->storage(q{SELECT string_agg(actor, ' ' ORDER BY id) FROM dbbat.audit_events WHERE actor IN ('old', 'new')}), 'new', 'and audit events');

# --- by the janitor ------------------------------------------------------------------------------------

$t->storage(q{
	DO $$ DECLARE part text; BEGIN FOR part IN SELECT name FROM dbbat.log_partitions WHERE upper IS NOT NULL LOOP EXECUTE 'DROP TABLE dbbat.' || part; END LOOP; END $$;
	INSERT INTO dbbat.queries (connection_id, seq, user_id, database_id, grant_id, sql_text, executed_at, status)
		VALUES (1, 900, 1, 1, 1, '', now() - interval '20 days', 'ok');
});
$t->daemon->{env}{DBB_RETENTION} = '7d';
$t->daemon->start;
ok(poll_until(sub { $t->storage('SELECT count(*) FROM dbbat.queries WHERE executed_at < now()') == 0 }, 10), 'the janitor drops what is older than retention');
is($t->storage('SELECT count(*) FROM dbbat.queries WHERE seq = 105'), 1, 'and only that');
ok(poll_until(sub { $t->storage(q{SELECT max(upper) = date_trunc('day', now(), 'UTC') + interval '7 days' FROM dbbat.log_partitions}) eq 't' }, 10), 'its partitions are days');
$t->done;
