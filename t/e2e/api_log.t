# The log as the API shows it: connections, queries, captured results, filters and pages.
use strict;
use warnings;

use JSON::PP;

use DBBat::Test;

my $t = DBBat::Test->start(env => { DBB_CAPTURE_MAX_ROWS => 3 });
my $name = DBBat::Test::DATABASE;
my $db = $t->database($name, capture => JSON::PP::true);
my $plain = $t->database('plain');
my $grant = $t->access('john', 'read');
my $janes = $t->access('jane', 'write');
$t->grant('john', 'plain', 'read');
my ($john, $jane) = map { $t->id(user => $_) } qw(john jane);
my @john = (as => 'john:' . DBBat::Test::password('john'));

sub queries
{
	my ($filter, @as) = @_;
	my $r = $t->api(GET => "/api/queries?$filter", undef, @as);
	is($r->{status}, 200, "queries?$filter") || diag($r->{text});
	return @{$r->{json}{queries} // []};
}
sub texts { return join ' | ', map { $_->{sql_text} } queries(@_) }

$t->psql('john', "SELECT 1 AS one;\nSELECT 'a_b' AS like_this;\nSELECT * FROM missing;\nCREATE TABLE no (i int);\n", on_error_stop => 0);
$t->psql('jane', 'CREATE TABLE t (i int);
INSERT INTO t SELECT generate_series(1, 5);
SELECT i, i::bigint * 9007199254740993 AS big, i / 2.0::float8 AS half, i > 2 AS more, NULL AS nothing, \'{"a":1}\'::jsonb AS j, \'\x00ff\'::bytea AS b FROM t ORDER BY i;
');
$t->psql('john', "SELECT 'elsewhere';\n", conninfo => { dbname => 'plain' });
my @all = $t->wait_queries(8);
is(scalar @all, 8, 'eight statements');

# --- one query ---------------------------------------------------------------------------------
my ($one) = queries('q=' . 'AS%20one');
is_deeply([sort keys %$one], [sort qw(id connection_id seq user_id username database_id database grant_id sql_text text_cut
	parameters executed_at duration_ms rows_affected bytes status error command_tag)], 'what a query has');
is_deeply([@$one{qw(user_id username database_id database grant_id sql_text status error command_tag rows_affected)}],
	[$john, 'john', $db, $name, $grant, 'SELECT 1 AS one;', 'ok', undef, 'SELECT 1', 1], 'and what of this one');
like($one->{executed_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/, 'the time is RFC 3339');
like($one->{duration_ms}, qr/^\d+\.\d+$/, 'the duration is in milliseconds');
cmp_ok($one->{bytes}, '>', 0, 'and it had bytes');
my ($error) = queries('status=error');
is_deeply([$error->{error}{sqlstate}, $error->{error}{message}], ['42P01', 'relation "missing" does not exist'], 'an error');
my ($refused) = queries('status=refused');
is_deeply($refused->{error}, { sqlstate => '25006', rule => 'statement-kind',
	message => 'cannot execute CREATE TABLE: your DBBat grant is read-only' }, 'a refusal, with its rule');

# --- captured results ------------------------------------------------------------------------------
my $r = $t->api(GET => "/api/queries/$one->{id}", undef, @john);
is($r->{status}, 200, 'john sees his query');
is_deeply($r->{json}{results}, [{ result => 1, kind => 'rows', columns => [{ name => 'one', type => 'integer', type_oid => 23 }], rows => [[1]],
	row_count => 1, bytes => $r->{json}{results}[0]{bytes}, truncated => JSON::PP::false, truncated_reason => undef, sealed => JSON::PP::true,
	next_cursor => undef }], 'with its result');
my ($values) = queries('q=nothing');
my $result = $t->must(GET => "/api/queries/$values->{id}")->{results}[0];
is(scalar @{$result->{rows}}, 3, 'rows up to the cap');
is_deeply([@$result{qw(truncated truncated_reason row_count)}], [JSON::PP::true, 'rows', 3], 'and said to be truncated');
is(join(' ', map { $_->{type} } @{$result->{columns}}), 'integer bigint double precision boolean text jsonb bytea', 'types');
is_deeply($result->{rows}[2], [3, '27021597764222979', 1.5, JSON::PP::true, undef, '{"a": 1}', '\x00ff'], 'values');
my ($elsewhere) = queries('q=elsewhere');
is_deeply($t->must(GET => "/api/queries/$elsewhere->{id}")->{results}, [], 'no result where none is kept');
is($t->api(GET => "/api/queries/$values->{id}", undef, @john)->{status}, 404, 'the queries of others are not there');
is($t->api(GET => '/api/queries/99999')->{status}, 404, 'nor are those that never were');

# --- filters ------------------------------------------------------------------------------------------
is(scalar(queries('limit=1000')), 8, 'all of them');
is(scalar(queries('limit=1000', @john)), 5, 'john has his own');
is(scalar(queries("user_id=$jane", @john)), 0, 'and no filter shows him others');
is(scalar(queries("user_id=$jane")), 3, 'by user');
is(scalar(queries('username=jane')), 3, 'by name of a user');
is(scalar(queries("database_id=$plain")), 1, 'by database');
is(scalar(queries("database=$name")), 7, 'by name of a database');
is(scalar(queries("grant_id=$grant")), 4, 'by grant');
is(scalar(queries("connection_id=$one->{connection_id}")), 4, 'by connection');
is(scalar(queries('status=ok&username=john')), 3, 'by status and user');
is(scalar(queries('since=2020-01-01T00:00:00Z&until=2099-01-01T00:00:00Z')), 8, 'by time');
is(scalar(queries('until=2020-01-01T00:00:00Z')), 0, 'by another time');
is(scalar(queries('since=' . $one->{executed_at} . '&until=' . $one->{executed_at})), 0, 'until is not included');
is(texts('q=A_B'), "SELECT 'a_b' AS like_this;", 'text, whatever its case, and _ means itself');
is(texts('q=%25'), '', '% means itself');
is(texts("q='%20OR%20true%20--"), '', 'and quotes are only quotes');
is(texts('q=%5C'), texts('q=x00ff'), 'a backslash is one');

# --- pages -------------------------------------------------------------------------------------------
my (@ids, $cursor);
for (1 .. 10) {
	my $page = $t->must(GET => '/api/queries?limit=3' . ($cursor ? "&cursor=$cursor" : ''));
	push @ids, map { $_->{id} } @{$page->{queries}};
	$cursor = $page->{next_cursor} // last;
}
is_deeply(\@ids, [sort { $b <=> $a } map { $_->{id} } queries('limit=1000')], 'pages of three, newest first, each query once');
is($t->must(GET => '/api/queries?limit=8')->{next_cursor}, undef, 'no next page after the last row');

my ($users, $n) = ([], 0);
for ($cursor = ''; defined $cursor; $n++) {
	my $page = $t->must(GET => "/api/users?limit=1$cursor");
	push @$users, map { $_->{username} } @{$page->{users}};
	$cursor = defined $page->{next_cursor} ? "&cursor=$page->{next_cursor}" : undef;
}
is("@$users in $n", 'admin john jane in 3', 'pages of users, oldest first');

# Texts of a page are at most 8 MB together, and none is lost.
$t->storage(q{INSERT INTO dbbat.queries (connection_id, seq, user_id, database_id, grant_id, sql_text, executed_at, status)
	SELECT } . $one->{connection_id} . q{, 1000 + i, } . $john . q{, 1, 1, repeat('big ', 750000), now(), 'ok' FROM generate_series(1, 5) i});
my $page = $t->must(GET => '/api/queries?limit=5');
is(scalar @{$page->{queries}}, 2, 'a page of large texts ends early');
@ids = map { $_->{id} } @{$page->{queries}};
while (defined $page->{next_cursor}) {
	$page = $t->must(GET => "/api/queries?limit=2&q=big%20big&cursor=$page->{next_cursor}");
	push @ids, map { $_->{id} } @{$page->{queries}};
}
is(scalar @ids, 5, 'and the next ones have the rest');

# --- connections ---------------------------------------------------------------------------------------
my $session = $t->login('john', application_name => 'open one');
poll_until(sub { @{$t->must(GET => '/api/connections?active=false')->{connections}} == 3 }, 5);
my @open = @{$t->must(GET => '/api/connections?active=true')->{connections}};
is(scalar @open, 1, 'one connection is open');
is_deeply([@{$open[0]}{qw(user_id username database_id database grant_id access_level client_host application_name ended_at)}],
	[$john, 'john', $db, $name, $grant, 'read', '127.0.0.1', 'open one', undef], 'and what it is');
undef $session;
ok(poll_until(sub { !@{$t->must(GET => '/api/connections?active=true')->{connections}} }, 5), 'then it is not');
my @connections = @{$t->must(GET => '/api/connections')->{connections}};
is(join(' ', map { "$_->{username}:$_->{queries}" } @connections), 'john:0 john:1 jane:3 john:4', 'newest first, with their statements');
is_deeply([map { $_->{username} } @{$t->api(GET => '/api/connections?database=plain', undef, @john)->{json}{connections}}], ['john'],
	'connections by database');
is(scalar @{$t->api(GET => '/api/connections?username=jane', undef, @john)->{json}{connections}}, 0, 'not those of others');

# What was used of a quota is shown with the grant.
cmp_ok($t->must(GET => '/api/grants?username=john&database=plain')->{grants}[0]{queries_used}, '>=', 0, 'quotas used');

# A user goes, and the grants: what was done under them is found as before.
$t->must(DELETE => "/api/grants/$janes");
is($t->api(DELETE => "/api/users/$jane")->{status}, 204, 'jane goes');
is($t->storage("SELECT count(*) FROM dbbat.grants WHERE id = $janes"), 0, 'her grant with her');
is(scalar(queries("grant_id=$janes")), 3, 'her statements by the grant that was');
is(scalar(queries("grant_id=$janes&user_id=$jane&status=ok")), 3, 'and by the user that was');
is(scalar(queries("grant_id=$janes&user_id=$john")), 0, 'not for others');
is(scalar(queries("grant_id=$janes", @john)), 0, 'nor by them');

$t->done;
