# The record: one for each executed statement, with what it was and what became of it.
use DBBat::Test;
use JSON::PP;
use Time::HiRes qw(sleep);

my $t = DBBat::Test->start;
$t->access('john', 'write');
$t->target('CREATE TABLE t (a int, b text)');
my $extended = \&DBBat::Client::extended;
my $sync = DBBat::Client::sync();

sub named
{
	my ($sql, @q) = @_;
	my ($found) = grep { $_->{sql_text} eq $sql } @q;
	return $found // {};
}

my $c = $t->login('john', application_name => 'the test');
$c->query("INSERT INTO t SELECT n, 'b' FROM generate_series(1, 7) n");
$c->query('SELECT a, b FROM t');
$c->query('SELECT pg_sleep(0.2)');
$c->query('SELECT nothing FROM t');
$c->query('BEGIN; UPDATE t SET b = NULL WHERE a < 3; COMMIT');
$c->query('');
$c->send_raw($extended->('SELECT $1::int, $2::text, $3', 42, "it's \"5\x{c3}\x{a9}\"", undef), $sync);
$c->receive_ready;
$c->send_raw($extended->('SELECT 10'), $extended->('SELECT 11/n FROM generate_series(0, 0) n'), $extended->('SELECT 12'), $sync);
$c->receive_ready;
$c->query("SELECT 'caf\xe9'");		# not UTF-8: the target says no, the log shows it
my @q = $t->wait_queries(11);

my $insert = named("INSERT INTO t SELECT n, 'b' FROM generate_series(1, 7) n", @q);
is($insert->{status}, 'ok', 'an INSERT is ok');
is($insert->{rows_affected}, 7, 'with its rows');
is($insert->{command_tag}, 'INSERT 0 7', 'and its tag');
is($insert->{parameters}, undef, 'no parameters');
my $select = named('SELECT a, b FROM t', @q);
is($select->{rows_affected}, 7, 'rows of a SELECT');
cmp_ok($select->{bytes}, '>', 7 * 10, 'its bytes') ;
my $sleep = named('SELECT pg_sleep(0.2)', @q);
cmp_ok($sleep->{duration_us}, '>=', 200_000, 'the duration, from below');
cmp_ok($sleep->{duration_us}, '<', 2_000_000 * patience(), 'and above');
my $error = named('SELECT nothing FROM t', @q);
is("$error->{status} $error->{sqlstate}", 'error 42703', 'an error with its SQLSTATE');
like($error->{message}, qr/column "nothing" does not exist/, 'and message');
my $several = named('BEGIN; UPDATE t SET b = NULL WHERE a < 3; COMMIT', @q);
is($several->{command_tag}, 'BEGIN; UPDATE 2; COMMIT', 'several statements in one message are one record with all tags');
my $params = named('SELECT $1::int, $2::text, $3', @q);
is($params->{status}, 'ok', 'an extended statement');
like(JSON::PP->new->canonical->encode($params->{parameters} // []), qr/42.*it's \\"5\x{e9}\\".*null/, 'with its parameters');
is(named('SELECT 10', @q)->{status}, 'ok', 'in a pipeline, what ran');
is(named('SELECT 11/n FROM generate_series(0, 0) n', @q)->{status}, 'error', 'what failed');
isnt(named('SELECT 12', @q)->{status} // 'none', 'ok', 'what was skipped is not shown as done');
my ($bytes) = grep { $_->{sql_text} =~ /caf/ } @q;
is($bytes->{sql_text}, q(SELECT 'caf\xe9'), 'bytes that are not UTF-8 are shown');
is_deeply([map { $_->{seq} } @q], [1 .. @q], 'the sequence has no gap');

# --- while it runs, and when it is cancelled ----------------------------------------------------

$c->send_raw(DBBat::Client::query_message('SELECT pg_sleep(30)'));
my $running = poll_until(sub { (grep { $_->{sql_text} eq 'SELECT pg_sleep(30)' } $t->queries)[0] }, 5);
is(($running // {})->{status}, 'running', 'a statement shows while it runs');
my $list = $t->must(GET => '/api/queries?status=running');
is($list->{queries}[0]{sql_text}, 'SELECT pg_sleep(30)', 'in the API too');
my $x = $t->raw;
$x->send_raw(pack('NNN', 12 + length $c->{secret}, 80877102, $c->{pid}), $c->{secret});
$c->receive_ready;
my $cancelled = poll_until(sub { my $q = named('SELECT pg_sleep(30)', $t->queries); $q->{status} ne 'running' && $q }, 5);
is(($cancelled // {})->{status}, 'cancelled', 'and is cancelled then');

# --- clients that do not wait -----------------------------------------------------------------------

my $hasty = $t->login('john');
$hasty->send_raw(DBBat::Client::query_message("INSERT INTO t VALUES (100, 'hasty')"), DBBat::Client::terminate());
$hasty->close;
ok(poll_until(sub { $t->target('SELECT count(*) FROM t WHERE a = 100') }, 5), 'Query, Terminate and close: the target executes it');
my ($row) = poll_until(sub { named("INSERT INTO t VALUES (100, 'hasty')", $t->queries)->{seq} }, 5);
ok($row, 'and the record is there');

my $gone = $t->login('john');
$gone->send_raw(DBBat::Client::query_message("SELECT repeat('x', 1000), pg_sleep(0.001) FROM generate_series(1, 100000)"));
$gone->receive;
$gone->close;
my $cut = poll_until(sub {
	my ($q) = grep { $_->{sql_text} =~ /100000/ } $t->queries;
	$q && $q->{status} ne 'running' && $q;
}, 15);
ok($cut, 'a statement whose client went away gets an end');
isnt(($cut // {})->{status}, 'ok', 'which is not ok');

# --- the connection itself ------------------------------------------------------------------------------

$c->send_raw(DBBat::Client::terminate());
ok($c->closed, 'the client leaves');
my $connection = poll_until(sub { $t->storage(q(SELECT username, database, access_level, client_host, application_name, end_reason IS NOT NULL,
	queries > 10, bytes > 0 FROM dbbat.connections WHERE application_name = 'the test' AND ended_at IS NOT NULL)) }, 5);
is($connection, 'john|my_database|write|127.0.0.1|the test|t|t|t', 'a connection has who, where, and an end');

# --- limits of the record ----------------------------------------------------------------------------------

my $long = $t->login('john');
my $text = "SELECT length('" . 'y' x 1_500_000 . "')";
$long->query($text);
my $cut_text = poll_until(sub { my ($q) = $t->queries("q.text_cut AND q.status <> 'running'"); $q }, 5);
ok($cut_text, 'a very long statement is marked as cut');
is($cut_text && $cut_text->{sql_text}, substr($text, 0, 1024 * 1024), 'and its beginning kept');

# The operator log is no place for SQL at its normal level.
my $first = $t->daemon;
my $quiet = $t->{daemon} = $t->node(key => $first->{env}{DBB_KEY}, env => { DBB_LOG_LEVEL => 'info' });
$t->psql('john', "SELECT 'a secret of the client' FROM nowhere;\n");
unlike($quiet->log, qr/a secret of the client/, 'no SQL in the operator log');
$quiet->check_end;
$t->{daemon} = $first;

$t->done;
