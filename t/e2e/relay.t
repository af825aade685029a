# What passes through unchanged: queries of every kind, COPY, errors, notices, cancel.
use DBBat::Test;
use Digest::SHA qw(sha256_hex);
use Time::HiRes qw(sleep);

my $t = DBBat::Test->start;
$t->access('john', 'write');
my ($query, $extended) = (\&DBBat::Client::query_message, \&DBBat::Client::extended);
my $sum = \&DBBat::Client::summary;

# --- simple -----------------------------------------------------------------------------

my $r = $t->psql('john', <<'END');
CREATE TABLE t (a int PRIMARY KEY, b text);
INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 1000) n;
SELECT count(*), max(b) FROM t;
SELECT 1 \; SELECT 2 \; SELECT 3;
END
is($r->{out}, "1000|row 999\n1\n2\n3\n", 'statements one by one and several in one message') or diag($r->{err});

$r = $t->psql('john', "SELECT no_such_column FROM t;\n");
like($r->{err}, qr/^.*ERROR:\s+42703: column "no_such_column" does not exist\nLINE 1:.*\n\s*\^\nLOCATION:/, 'errors come as the server made them');
$r = $t->psql('john', "DO \$\$ BEGIN RAISE WARNING 'mind %', 'the gap' USING HINT = 'jump'; END \$\$;\n");
like($r->{err}, qr/WARNING:\s+01000: mind the gap\nHINT:\s+jump/, 'and so do notices');

my $c = $t->login('john', application_name => 'a test');
is($sum->($c->query('')), 'I Z:I', 'an empty query');
is($sum->($c->query('SELECT 1')), 'T D C Z:I', 'a query');
is($sum->($c->query('BEGIN; SELECT 1/0; SELECT 2')), 'C E:22012 Z:E', 'an error ends a message of several');
is($sum->($c->query('ROLLBACK')), 'C Z:I', 'and the transaction goes on as the server says');
like($c->{parameters}{server_version}, qr/^\d/, 'parameters of the target reach the client');
like((DBBat::Client::rows($c->query('SHOW application_name')))[0][0], qr/john/, 'the DBA of the target sees who it is');

# --- extended -----------------------------------------------------------------------------

$c->send_raw($extended->('SELECT $1::int + 1', 41), DBBat::Client::sync());
my @m = $c->receive_ready;
is($sum->(@m), '1 2 D C Z:I', 'Parse, Bind, Execute, Sync');
is_deeply([DBBat::Client::rows(@m)], [[42]], 'with its result');

$c->send_raw(DBBat::Client::parse('s', 'SELECT a FROM t WHERE a <= $1 ORDER BY a'), DBBat::Client::describe('S', 's'),
	DBBat::Client::bind('p', 's', 5), DBBat::Client::execute('p', 2), DBBat::Client::execute('p', 2),
	DBBat::Client::execute('p', 0), DBBat::Client::close_message('S', 's'), DBBat::Client::sync());
is($sum->($c->receive_ready), '1 t T 2 D D s D D s D C 3 Z:I', 'a named statement and a portal read in parts');

$c->send_raw($extended->('SELECT 1'), $extended->('SELECT 1/n FROM generate_series(0, 0) n'), $extended->('SELECT 3'), DBBat::Client::sync(),
	$extended->('SELECT 4'), DBBat::Client::sync());
is($sum->($c->receive_ready), '1 2 D C 1 2 E:22012 Z:I', 'an error in a pipeline skips to Sync');
is($sum->($c->receive_ready), '1 2 D C Z:I', 'and what follows runs');

# long ones, in one write
for my $round (1 .. 3) {
	$c->send_raw(join '', (map { $extended->("SELECT 'statement $_ of long pipeline $round'") } 1 .. 30), DBBat::Client::sync());
	my @m = $c->receive_ready;
	is($sum->(@m), join(' ', ('1 2 D C') x 30, 'Z:I'), 'a long pipeline is answered');
	is(join(',', map { /(\d+) of/ } map { $_->{type} eq 'D' ? $_->{body} : () } @m), join(',', 1 .. 30), 'in order');
}
$c->send_raw(join '', $extended->('SELECT 1/0'), (map { $extended->("SELECT 'not run: statement $_ of long pipeline 4'") } 1 .. 30), DBBat::Client::sync(), $query->('SELECT 1'));
is($sum->($c->receive_ready, $c->receive_ready), '1 E:22012 Z:I T D C Z:I', 'one whose first statement fails is skipped');
$t->wait_queries(120, "sql_text LIKE '%of long pipeline%'");
is($t->storage("SELECT string_agg(n, ',' ORDER BY seq) FROM (SELECT seq, substring(sql_text from 'statement (\\d+)') n FROM dbbat.queries
	WHERE sql_text LIKE '%of long pipeline 3%' AND status = 'ok') q"), join(',', 1 .. 30), 'and the log has them in order');
is($t->storage("SELECT count(*) FROM dbbat.queries WHERE sql_text LIKE '%of long pipeline 4%' AND message LIKE 'not executed:%'"), 30, 'and what did not run');

$c->send_raw($extended->('SELECT 1'), DBBat::Client::flush());
is($sum->(map { $c->receive } 1 .. 4), '1 2 D C', 'Flush brings the replies without a Sync');
$c->send_raw(DBBat::Client::sync());
is($sum->($c->receive_ready), 'Z:I', 'which comes later');

# A message in single bytes, and many in one write.
$c->send_raw($_), sleep 0.002 for split //, $query->('SELECT 7');
is_deeply([DBBat::Client::rows($c->receive_ready)], [[7]], 'a message may come byte by byte');
$c->send_raw(map { $query->("SELECT $_") } 1 .. 200);
is(join(',', map { (DBBat::Client::rows($c->receive_ready))[0][0] } 1 .. 200), join(',', 1 .. 200), 'and 200 at once');

# --- large ------------------------------------------------------------------------------------

my $big = 'x' x 3_000_000;
is((DBBat::Client::rows($c->query("SELECT length('$big')")))[0][0], 3_000_000, 'a statement of 3 MB');
is(length((DBBat::Client::rows($c->query("SELECT repeat('y', 20000000)")))[0][0]), 20_000_000, 'a field of 20 MB');
$r = $t->psql('john', "SELECT n, md5(n::text) FROM generate_series(1, 200000) n;\n");
is(scalar(() = $r->{out} =~ /\n/g), 200_000, '200000 rows');
is(sha256_hex($r->{out}), sha256_hex($t->target("SELECT n, md5(n::text) FROM generate_series(1, 200000) n;") . "\n"),
	'and each of them as it was');

# Both sides write, neither reads, until the client does.
$c->send_raw(map { $query->("SELECT repeat('z', 100000) -- " . 'c' x 20000) } 1 .. 60);
is(scalar(grep { length((DBBat::Client::rows($c->receive_ready))[0][0]) == 100000 } 1 .. 60), 60, 'a client that writes first and reads later');

# --- COPY ------------------------------------------------------------------------------------------

my $rows = join '', map { "$_\tcopied $_\n" } 2001 .. 30000;
$r = $t->psql('john', "COPY t FROM STDIN;\n$rows\\.\nSELECT count(*) FROM t WHERE b LIKE 'copied%';\n");
is($r->{out}, "28000\n", 'COPY FROM STDIN') or diag($r->{err});
$r = $t->psql('john', "COPY (SELECT * FROM t WHERE a > 2000 ORDER BY a) TO STDOUT;\n");
is($r->{out}, $rows, 'COPY TO STDOUT');
$r = $t->psql('john', "COPY t FROM STDIN;\n1\tduplicate\n\\.\n");
like($r->{err}, qr/23505/, 'an error in COPY');
$c->send_raw($query->('COPY t FROM STDIN'));
is($c->receive->{type}, 'G', 'CopyInResponse');
$c->send_raw(DBBat::Client::message('d', "50001\tx\n"), DBBat::Client::sync(), DBBat::Client::flush(),
	DBBat::Client::message('f', "changed my mind\0"));
is($sum->($c->receive_ready), 'E:57014 Z:I', 'CopyFail; Sync and Flush within are ignored');
$c->send_raw($query->('COPY t FROM STDIN'), DBBat::Client::message('d', "60001\tab"), DBBat::Client::message('d', "c\n"),
	DBBat::Client::message('c', ''));
is($sum->($c->receive_ready), 'G C Z:I', 'CopyData not on line ends');

# --- asynchronous messages ------------------------------------------------------------------------

$c->query('LISTEN news');
my $other = $t->login('john');
$other->query("NOTIFY news, 'extra'");
my $note = $c->receive;
is($note->{type}, 'A', 'a notification reaches an idle client');
is($sum->($c->query("SET datestyle = 'German'")), 'C Z:I', 'a setting');
is($c->{parameters}{DateStyle}, 'German, DMY', 'and its report');

# --- cancel ---------------------------------------------------------------------------------------------

my $psql = $t->psql_start('john', "SELECT pg_sleep(60);\n");
ok(poll_until(sub { $t->target("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60);' AND state = 'active'") }, 10),
	'a long query runs');
$psql->signal('INT');
ok($psql->wait(10 * patience()), 'Ctrl-C in psql ends it');
like($psql->err, qr/57014: canceling statement due to user request/, 'with the error of the server');

sub cancel
{
	my ($pid, $secret, $port) = @_;
	my $x = DBBat::Client->new($port // $t->{daemon}{pg_port});
	$x->send_raw(pack("NNN", 12 + length $secret, 80877102, $pid), $secret);
	return $x->closed;
}
is($c->{pid}, (DBBat::Client::rows($c->query('SELECT pg_backend_pid()')))[0][0], 'the pid of the key is the backend\'s own');
ok(cancel($c->{pid}, $c->{secret}), 'a cancel request is answered by closing');
is($sum->($c->query('SELECT 1')), 'T D C Z:I', 'one for an idle session does nothing');
$c->send_raw($query->('SELECT pg_sleep(1)'));
sleep 0.3;
ok(cancel($c->{pid}, 'fake'), 'one with a wrong secret is closed');
ok(cancel($c->{pid}, $c->{secret}, $t->{cluster}->port), 'one sent to the target itself is closed');
is($sum->($c->receive_ready), 'T D C Z:I', 'and neither does anything: the secret is not the target\'s');
$c->send_raw($query->('SELECT pg_sleep(30)'));
sleep 0.3;
ok(cancel($c->{pid}, $c->{secret}), 'with the right one');
is($sum->($c->receive_ready), 'T E:57014 Z:I', 'the statement is cancelled');
ok(poll_until(sub { $t->storage("SELECT count(*) FROM dbbat.audit_events WHERE action = 'connection.cancel' AND actor = 'john'"
	. " AND source LIKE '127.0.0.1:%' AND object_id = (SELECT max(id) FROM dbbat.connections WHERE username = 'john')") }, 10),
	'and the request is in the audit log');

# --- targets that are not there ---------------------------------------------------------------------------

$t->database('away', host => '127.0.0.1', port => 1, username => 'secret_role');
$t->grant('john', 'away', 'write');
my $lost = $t->raw->login('john', DBBat::Test::password('john'), 'away');
is($lost->{C}, '08001', 'a target that does not answer is 08001');
like($lost->{M}, qr/away/, 'the message names the database');
unlike(join(' ', %$lost), qr/127\.0\.0\.1|secret_role/, 'and neither its address nor its role');
$t->database('no_role', password => 'wrong');
$t->grant('john', 'no_role', 'write');
$lost = $t->raw->login('john', DBBat::Test::password('john'), 'no_role');
is($lost->{C}, '08001', 'a target that refuses DBBat is 08001 too');
unlike(join(' ', %$lost), qr/127\.0\.0\.1|"target"/, 'with as little said');

# --- the target goes away in the middle ----------------------------------------------------------------------

$c->send_raw($query->('SELECT pg_terminate_backend(pg_backend_pid())'));
my @last = $c->receive_ready;
is($last[-1]{type} eq 'E' && DBBat::Client::error($last[-1])->{C}, '57P01', 'the last words of the target reach the client');
ok($c->closed, 'and then the connection closes');

$t->done;
