# Clients that want something to happen which the log does not show, or shows as something else.
use DBBat::Test;
use Time::HiRes qw(sleep);

alarm(400 * patience());	# it often waits for nothing to come

# a Bind is recorded with its parameters: room for all that is sent below at once
my $t = DBBat::Test->start(env => { DBB_JOURNAL_MAX => "512MB" });
$t->access('john', 'write');
$t->access('eve', 'read');
my ($query, $parse, $bind, $execute, $sync) = (\&DBBat::Client::query_message, \&DBBat::Client::parse,
	\&DBBat::Client::bind, \&DBBat::Client::execute, DBBat::Client::sync());
my ($data, $sum) = (sub { DBBat::Client::message('d', $_[0]) }, \&DBBat::Client::summary);

$t->target(<<'END_SQL');
CREATE TABLE copied (n int);
CREATE TABLE done (what text);
CREATE FUNCTION false_protocol_error() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN RAISE EXCEPTION 'unexpected message type 0x51 during COPY from stdin' USING ERRCODE = '08P01'; END $$;
CREATE TABLE tricky (n int);
CREATE TRIGGER t BEFORE INSERT ON tricky FOR EACH ROW EXECUTE FUNCTION false_protocol_error();
CREATE TABLE never (n int);
CREATE TRIGGER t BEFORE INSERT ON never FOR EACH STATEMENT EXECUTE FUNCTION false_protocol_error();
END_SQL

# Sends it all at once and reads for a moment. Whatever became of the session.
sub throw
{
	my ($c, @messages) = @_;
	$c->send_raw(@messages);
	my @got;
	while (my $m = $c->receive(1)) { push @got, $m }
	return $sum->(@got);
}

sub done { return $t->target("SELECT count(*) FROM done WHERE what = '$_[0]'") }

sub record
{
	my ($sql) = @_;
	my @q;
	poll_until(sub { @q = grep { $_->{sql_text} eq $sql } $t->queries; @q && $q[0]{status} ne 'running' }, 5);
	return @q;
}

# What ran is in the log, and the log does not say that it did not.
sub told_truly
{
	my ($what, $says) = @_;
	my @q = record("INSERT INTO done VALUES ('$what')");
	if (done($what)) {
		ok(@q && ($q[0]{message} // '') !~ /not executed/, "$says: it ran, and the log says so")
			or diag('log: ', @q ? "$q[0]{status}: $q[0]{message}" : 'nothing');
	} else {
		ok(!@q || $q[0]{status} ne 'ok', "$says: it did not run, and the log says so")
			or diag('log: ', @q ? $q[0]{status} : 'nothing');
	}
}

sub evil { return "INSERT INTO done VALUES ('$_[0]')" }

# --- the end of COPY data, and what follows it ----------------------------------------------------------

my $c = $t->login('john');
throw($c, $query->('COPY tricky FROM STDIN'), $data->("1\n"), $query->(evil('trigger')));
told_truly('trigger', 'a trigger that speaks like the protocol');
$c = $t->login('john');
$c->send_raw($query->('COPY tricky FROM STDIN'));
$c->receive;
throw($c, $data->("1\n"), $query->(evil('trigger seen')));
told_truly('trigger seen', 'the same when COPY was seen to begin');

my $n = 0;
for my $table ('copied', 'never') {
	for my $seen (0, 1) {
		for my $syncs (1, 2) {
			my $what = "copy " . ++$n;
			$c = $t->login('john');
			my @begin = DBBat::Client::extended("COPY $table FROM STDIN");
			if ($seen) {
				$c->send_raw(@begin, DBBat::Client::flush());
				while (my $m = $c->receive) { last if $m->{type} eq 'G' }
				@begin = ();
			}
			throw($c, @begin, $data->("bad\n"), ($sync) x $syncs, $query->(evil($what)));
			told_truly($what, "an error in COPY to $table, $syncs Sync, a Query"
				. ($seen ? ' (COPY was seen to begin)' : ''));
		}
	}
}

# Drivers do these; nothing of it may be noticed.
for my $seen (0, 1) {
	$c = $t->login('john');
	my @begin = (DBBat::Client::extended('COPY copied FROM STDIN'), $sync);
	$c->send_raw(@begin);
	while (my $m = $seen && $c->receive) { last if $m->{type} eq 'G' }
	is(throw($c, $data->("bad\n"), $data->("2\n"), DBBat::Client::message('c', ''), $sync),
		($seen ? '' : '1 2 G ') . 'E:22P02 Z:I', 'an error in COPY of the extended protocol, Sync before and after');
	is(throw($c, $query->('SELECT 1')), 'T D C Z:I', 'and the session goes on');
	is(throw($c, @begin, $data->("3\n"), DBBat::Client::message('c', ''), $sync), '1 2 G C Z:I', 'COPY that works');
	is(throw($c, $query->('SELECT 1')), 'T D C Z:I', 'and on');
	is(throw($c, DBBat::Client::extended('COPY never FROM STDIN'), $sync, $data->("4\n"), DBBat::Client::message('c', ''), $sync),
		'1 2 G E:08P01 Z:I Z:I', 'an error before the first row: both Syncs count');
	is(throw($c, $query->('SELECT 1')), 'T D C Z:I', 'and on');
}

# --- names that mean something else than they seem --------------------------------------------------------

$c = $t->login('john');
throw($c, $parse->('s', evil('name taken')), $sync);
throw($c, $parse->('s', 'SELECT 1'), $sync, $bind->('', 's'), $execute->(''), $sync);
is(done('name taken'), 1, 'a Parse of a name that is taken fails, and what follows uses the old one');
is(scalar record(evil('name taken')), 1, 'the record shows what ran');

$c = $t->login('john');
throw($c, $parse->('', evil('skipped')), $sync);
throw($c, $bind->('', 'nothing'), $parse->('', 'SELECT 1'), $sync, $bind->('', ''), $execute->(''), $sync);
is(done('skipped'), 1, 'a Parse that is skipped changes nothing');
is(scalar record(evil('skipped')), 1, 'the record shows what ran');

$c = $t->login('john');
throw($c, $parse->('s', evil('closed')), $sync);
throw($c, $bind->('', 'nothing'), DBBat::Client::close_message('S', 's'), $sync, $bind->('', 's'), $execute->(''), $sync);
is(done('closed'), 1, 'neither does a Close that is skipped');
is(scalar record(evil('closed')), 1, 'the record shows what ran');

$c = $t->login('john');
throw($c, $parse->('', 'SELECT 1'), $sync);
throw($c, $parse->('', 'bad'), $sync, $parse->('', evil('undone')), $sync);
throw($c, $bind->('', ''), $execute->(''), $sync);
is(done('undone'), 1, 'a Parse behind one that failed counts');
is(scalar record(evil('undone')), 1, 'the record shows what ran');

$c = $t->login('john');
throw($c, $parse->('s', 'SELECT 1'), $sync);
is(throw($c, DBBat::Client::close_message('S', 's'), $bind->('', 's'), $sync), '3 E:26000 Z:I',
	'a name closed in the same pipeline is waited for by nobody');

# The server cuts names at 63 bytes, and reads them in the client's encoding.
my $long = 'n' x 63;
$c = $t->login('john');
throw($c, $parse->("${long}1", evil('long')), $sync);
throw($c, $bind->('', "${long}2"), $execute->(''), $sync);
told_truly('long', 'statements whose names the server cuts');
throw($c, $parse->('', evil('long portal')), $bind->("${long}1", ''), $execute->("${long}2"), $sync);
told_truly('long portal', 'and portals');
$c = $t->login('john', client_encoding => 'LATIN1');
throw($c, $parse->("\xe9", evil('encoded')), $sync);
throw($c, $query->("SET client_encoding = 'UTF8'"), $bind->('', "\xc3\xa9"), $execute->(''), $sync);
told_truly('encoded', 'a name in two encodings');
for my $m ($parse->("\xe9", 'SELECT 1'), $bind->("\xe9", ''), $bind->('', "a\xe9"), $execute->("\xe9"),
	DBBat::Client::describe('S', "\xe9"), DBBat::Client::close_message('P', "$long\xe9")) {
	is(throw($c, $m, $sync), 'E:42602 Z:I', 'such a name is refused in ' . substr $m, 0, 1);
}
is(throw($c, $parse->('', 'SELECT 1'), $bind->('p' x 1_200_000, ''), $sync), '1 E:08P01 Z:I', 'a name beyond what is looked into');
is(throw($c, $parse->('x' x 64, 'SELECT 1'), $bind->('y' x 5000, 'x' x 63), $execute->('y' x 64), $sync), '1 2 D C Z:I',
	'long names are cut as the server cuts them');

# A portal that ended with its transaction, and a cursor of its name.
$c = $t->login('john');
throw($c, $parse->('', 'SELECT 1'), $bind->('p', ''), $sync);
throw($c, $query->("BEGIN; DECLARE p CURSOR FOR SELECT 'secret'"));
like(throw($c, $execute->('p'), $sync), qr/^D C/, 'Execute of a cursor declared in SQL');
my ($cursor) = record('-- cursor "p", declared in SQL');
ok($cursor, 'is not taken for the portal that had its name');

# Under a read grant: a refused Parse must not hide the statement that keeps the name.
my $eve = $t->login('eve');
throw($eve, $parse->('s', "SELECT 'hidden'"), $sync);
like(throw($eve, $parse->('s', 'DELETE FROM done'), $sync, $bind->('', 's'), $execute->(''), $sync),
	qr/^E:25006 Z:I 2 D C Z:I/, 'a refused Parse leaves the old statement under the name');
is(scalar record("SELECT 'hidden'"), 1, 'whose execution is recorded');

# --- memory ------------------------------------------------------------------------------------------------

$c = $t->login('john');
my $big = "SELECT '" . 'x' x 1_000_000 . "'";
my $refused;
for my $i (1 .. 100) {
	$c->send_raw($parse->("s$i", $big), $sync);
	my @m = $c->receive_ready;
	next if $sum->(@m) eq '1 Z:I';
	is($sum->(@m), 'E:53200 Z:I', "after $i statements of 1 MB: no more") if !$refused++;
}
ok($refused, 'prepared statements have a limit');
is(throw($c, $query->('DEALLOCATE ALL')), 'C Z:I', 'DEALLOCATE ALL');
is(throw($c, $parse->('s', $big), $sync), '1 Z:I', 'makes room');
$c->send_raw($parse->('', 'SELECT $1::text'), (map { $bind->("p$_", '', 'x' x 1_000_000) } 1 .. 100), $sync);
like($sum->($c->receive_ready), qr/^1 (?:2 )+E:53200 Z:I$/, 'so do portals');
$c->send_raw(map({ ($parse->('', 'SELECT $1::text'), $bind->("p$_", '', 'x' x 1_000_000), $sync) } 1 .. 100));
is($sum->(map { $c->receive_ready } 1 .. 100), join(' ', ('1 2 Z:I') x 100), 'which end with their transaction');
$c->send_raw($parse->('', 'nonsense'), DBBat::Client::flush());
is($c->receive->{type}, 'E', 'what the target skips');
$c->send_raw(map({ $parse->("skipped$_", $big) } 1 .. 100), $sync);
is($sum->($c->receive_ready), 'Z:I', 'is not answered');
ok(poll_until(sub { $t->queries("status = 'refused' AND message LIKE 'too-many-statements%' AND left(sql_text, 7) = 'SELECT '") > 20 }, 10),
	'and has the same limit');
is(throw($c, $parse->('again', $big), $sync), '1 Z:I', 'nothing of it is kept');
is(throw($c, $parse->('', "SELECT 'before'"), $bind->('', ''), $execute->(''), $parse->('', "SELECT 'behind'"), $bind->("\xc3\xa4", ''), $execute->("\xc3\xa4"),
	$sync), '1 2 D C 1 E:42602 Z:I', 'behind a Bind that is refused');
is(throw($c, $parse->('', "SELECT 'before'"), $bind->('', ''), $execute->(''), $bind->('', "\xc3\xa4"), $execute->(''), $sync), '1 2 D C E:42602 Z:I',
	'or whose statement is');
is(throw($c, $query->("SELECT 'last'")), 'T D C Z:I', 'the last');
$t->wait_queries(1, "sql_text = 'SELECT ''last'''");
is(scalar(my @before = $t->queries("sql_text = 'SELECT ''before'''")), 2, 'the portal of before is not taken for it');

$c = $t->login('john');
sub most { my $sum = 0; for ($t->daemon->titles(qr/session john\@/)) { my ($p) = /^(\d+)/; slurp("/proc/$p/status") =~ /VmHWM:\s+(\d+)/ and $sum += $1 } return $sum; }
my $most = most();
$c->send_raw($parse->('', 'SELECT pg_sleep(2)'), $bind->('', ''), $execute->(''), map({ $bind->("\xc3\xa4", 'x' x 1_000_000) } 1 .. 100), $sync);
is($sum->($c->receive_ready), '1 2 D C E:42602 Z:I', 'Binds that are refused while the target is at work');
cmp_ok(most() - $most, '<', 50_000, 'are not kept whole');

# --- errors at odd moments -----------------------------------------------------------------------------------

$c = $t->login('john');
throw($c, $query->("SET statement_timeout = '300ms'"));
is(throw($c, $query->('BEGIN'), $parse->('', 'SELECT 1'), DBBat::Client::flush()), 'C Z:T 1', 'messages with a pause between them');
is(throw($c, $parse->('', 'SELECT 2'), $sync), 'E:57014 Z:E', 'in which a timeout strikes');
is(throw($c, $query->('ROLLBACK')), 'C Z:I', 'and the session goes on');

# A message that cannot be, behind one whose reply the target keeps to itself.
$c = $t->login('john');
like(throw($c, $parse->('', 'SELECT 1'), 'y', pack('N', 4)), qr/E:08P01$/, 'garbage is answered though replies are owed');
ok($c->closed, 'and the session ends');
$c = $t->login('john');
$c->send_raw($query->('COPY copied FROM STDIN'));
$c->receive;
like(throw($c, 'y', pack('N', 4)), qr/E:08P01$/, 'also in the middle of COPY');
ok($c->closed, 'and the session ends');

$t->done;
