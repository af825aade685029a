#!/usr/bin/perl
# What the filters of the log find, on a storage with the indexes of before that was then brought up to date: the same as SQL over
# the table does, page by page; and how they find it.
use DBBat::Test;

use DBBat::Daemon;

my $t = DBBat::Test->start(serve => 0, env => { DBB_API_WORKERS => 1 });

# --- a storage of 0008, with a log in it ----------------------------------------------------------

$t->storage(join "\n", 'BEGIN; SET ROLE storage; SET client_min_messages = warning;', slurp('sql/queries/migrate_prepare.sql') . ';',
	(map { my ($name, $version) = m{/((\d+)_\w+)\.sql$}; slurp($_), "INSERT INTO dbbat.schema_migrations VALUES ($version, '$name');" }
		grep { m{/(\d+)} && $1 <= 8 } sort glob 'sql/migrations/*.sql'), 'COMMIT;');

# Users 2 to 4; database 1 with all, 2 with a few; grant 10 + n of user n, and 22 of user 2, which has little; grant 14 and its
# user are purged. As many statements before the partitions that are made ahead as in them; some came late, so that ids and
# times are not in the same order; the last hour has two hundred.
$t->storage(q{
	SET ROLE storage;
	SET timezone = 'UTC';
	CREATE TABLE dbbat.queries_past PARTITION OF dbbat.queries FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
	CREATE TABLE dbbat.queries_20260101 PARTITION OF dbbat.queries FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
	CREATE TABLE dbbat.queries_20260201 PARTITION OF dbbat.queries FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
	INSERT INTO dbbat.connections (id, user_id, username, database_id, database, grant_id, access_level, client_host, client_port, tls,
		application_name, started_at)
		SELECT c, usr, 'u' || usr, db, 'd' || db, CASE WHEN c = 50 THEN 22 ELSE 10 + usr END, 'read', '::1', 1, true, '', '2025-12-01'
		FROM generate_series(1, 90) c, LATERAL (SELECT CASE WHEN c % 10 = 7 AND c < 60 THEN 4 WHEN c % 10 = 3 THEN 3 ELSE 2 END AS usr,
			CASE WHEN c = 33 THEN 2 ELSE 1 END AS db) x;
	INSERT INTO dbbat.queries (connection_id, seq, user_id, database_id, grant_id, sql_text, executed_at, status)
		SELECT c.id, i, user_id, database_id, grant_id, 'SELECT ' || i, CASE WHEN i % 501 = 0 THEN '2025-12-24 18:00'
			ELSE '2025-12-03'::timestamptz + i * interval '7 minutes' - i % 11 * interval '20 minutes' END,
			CASE WHEN i % 97 = 0 THEN 'error' WHEN i = 4000 THEN 'running' ELSE 'ok' END
		FROM generate_series(1, 18000) i JOIN dbbat.connections c ON c.id = 1 + i / 200;
	INSERT INTO dbbat.queries (connection_id, seq, user_id, database_id, grant_id, sql_text, executed_at, status)
		SELECT 90, 100000 + i, 2, 1, 12, 'SELECT ' || i, '2026-03-05'::timestamptz + i * interval '18 s', 'ok' FROM generate_series(1, 200) i;
	ANALYZE dbbat.queries;
	ANALYZE dbbat.connections;
});
is($t->storage(q{SELECT count(DISTINCT tableoid) > 3 AND bool_or(tableoid = 'dbbat.queries_default'::regclass) FROM dbbat.queries}), 't', 'a log in partitions');
my $sum = q{SELECT count(*) || md5(string_agg(q::text, ' ' ORDER BY id)) FROM dbbat.queries q};
my $before = $t->storage($sum);
# built before the upgrade, by who cannot wait
$t->storage('CREATE INDEX CONCURRENTLY mine ON dbbat.queries_20260101 (user_id, id, grant_id)');
my $r = DBBat::Daemon::command(['migrate'], env => $t->daemon->{env});
is($r->{exit}, 0, 'is brought up to date') or diag($r->{err});
is($t->storage($sum), $before, 'with nothing changed in it');
is($t->storage(q{SELECT count(*) || ' ' || bool_and(indisvalid) FROM pg_index WHERE indrelid = 'dbbat.queries_20260101'::regclass}), '5 true',
	'an index that was built before');
is($t->storage(q{SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = 'dbbat.mine'::regclass}), 'dbbat.queries_user', 'is taken over');
is($t->storage(q{SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = 'dbbat.queries'::regclass
	AND indisvalid}), 'queries_database queries_executed_at queries_id queries_pkey queries_user', 'the indexes of the log are by their names, and valid');

# --- what filters find --------------------------------------------------------------------------------

$t->daemon->start;
$t->storage(q{
	INSERT INTO dbbat.users (id, username, password_hash, scram_verifier) VALUES (2, 'u2', '', ''), (3, 'u3', '', '');
	INSERT INTO dbbat.databases (id, name, host, database_name, username, password) VALUES (1, 'd1', '', '', '', ''), (2, 'd2', '', '', '', '');
	INSERT INTO dbbat.grants (id, user_id, database_id, access_level, starts_at, expires_at)
		SELECT id, id % 10, 1, 'read', '2020-01-01', '2020-01-02' FROM unnest(ARRAY[12, 13, 22]) id;
});
# the filter, what it is in SQL, the size of a page
my @filters = (
	['', 'true', 1000],
	['user_id=2&status=error', "user_id = 2 AND status = 'error'", 50],
	['user_id=4', 'user_id = 4', 400],
	['user_id=5', 'user_id = 5', 50],
	['username=u4&status=error', "user_id = 4 AND status = 'error'", 5],
	['database_id=2', 'database_id = 2', 70],
	['database=d2&status=error', "database_id = 2 AND status = 'error'", 50],
	['grant_id=12&status=error', "grant_id = 12 AND status = 'error'", 40],
	['grant_id=22', 'grant_id = 22', 60],
	['grant_id=14', 'grant_id = 14', 300],
	['grant_id=14&user_id=4&database_id=1&status=error', "grant_id = 14 AND status = 'error'", 9],
	['grant_id=14&user_id=2', 'false', 50],
	['grant_id=99', 'false', 50],
	['connection_id=77', 'connection_id = 77', 90],
	['status=running', "status = 'running'", 50],
	['q=elect%20777', "sql_text ILIKE '%elect 777%'", 3],
	['since=2026-03-05T00:30:00Z', "executed_at >= '2026-03-05 00:30Z'", 30],
	['until=2025-12-04T00:00:00Z', "executed_at < '2025-12-04Z'", 50],
	['since=2026-01-10T00:00:00Z&until=2026-01-10T01:00:00Z', "executed_at >= '2026-01-10Z' AND executed_at < '2026-01-10 01:00Z'", 4],
	['since=2026-01-31T12:00:00Z&until=2026-02-01T12:00:00Z', "executed_at >= '2026-01-31 12:00Z' AND executed_at < '2026-02-01 12:00Z'", 30],
	['since=2025-12-24T10:00:00Z&until=2025-12-25T10:00:00Z', "executed_at >= '2025-12-24 10:00Z' AND executed_at < '2025-12-25 10:00Z'", 50],
	['since=2025-12-24T00:00:00Z&until=2026-01-25T00:00:00Z&status=error', "executed_at >= '2025-12-24Z' AND executed_at < '2026-01-25Z' AND status = 'error'", 20],
	['since=2025-12-24T17:30:00Z&until=2025-12-24T18:30:00Z&user_id=3', "executed_at >= '2025-12-24 17:30Z' AND executed_at < '2025-12-24 18:30Z' AND user_id = 3", 2],
	['since=2025-12-24T00:00:00Z&until=2025-12-25T00:00:00Z&grant_id=12', "executed_at >= '2025-12-24Z' AND executed_at < '2025-12-25Z' AND grant_id = 12", 50],
	['since=2026-01-10T00:00:00Z&until=2026-01-09T00:00:00Z', 'false', 50],
);
for (@filters) {
	my ($filter, $sql, $limit) = @$_;
	my ($cursor, $pages, @ids) = ('', 0);
	do {
		my $page = $t->must(GET => "/api/queries?" . join "&", "limit=$limit", grep { $_ ne "" } $filter, $cursor);
		push @ids, map { $_->{id} } @{$page->{queries}};
		$cursor = defined $page->{next_cursor} ? "cursor=$page->{next_cursor}" : undef;
		$pages++;
	} while (defined $cursor && $pages < 100);
	is("@ids", $t->storage("SELECT coalesce(string_agg(id::text, ' ' ORDER BY id DESC), '') FROM dbbat.queries WHERE $sql"), ($filter || 'all') . " ($pages pages)");
}
is($t->must(GET => '/api/queries/777')->{sql_text}, 'SELECT 777', 'one by its id');

# --- and how ---------------------------------------------------------------------------------------------

my @names = qw(id viewer cursor limit user_id username database_id database grant_id since until connection_id status q);
my $list = slurp('sql/queries/query_list.sql');

# The plan with these values, as the API has it: they are known when it is made. Tables this small would be read whole.
sub plan_of
{
	my (%p) = (limit => 51, @_);
	my $values = join ', ', map { defined $p{$_} ? "'$p{$_}'" : 'NULL' } @names;
	return $t->storage("SET plan_cache_mode = force_custom_plan; SET enable_seqscan = off; SET timezone = 'UTC'; PREPARE list AS $list; EXPLAIN (COSTS OFF) EXECUTE list ($values)");
}
like(plan_of(grant_id => 22), qr/Index Cond: \(\(user_id = \$\d+\) AND \(grant_id = '22'::bigint\)\)/, 'a grant: among what its user did, without the rows');
my $walk = qr/Index Scan Backward using queries_past_id_idx/;
my @window = (since => '2025-12-20 12:00', until => '2025-12-21 12:00');
unlike(plan_of(@window), $walk, 'a window of time: not from the newest');
like(plan_of(since => '2025-12-20 12:00'), $walk, 'one without an end: from there');
like(plan_of(), $walk, 'all: from there');
$t->done;
