# Clients that want something to happen which the log does not show, or shows as something else.
use DBBat::Test;
use IO::Select;

use constant THE_END => 1e9;	# of the session: more than any of them has of ReadyForQuery

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

# Sends it all at once and reads until so many ReadyForQuery have come, or the end of the session. What would come too
# much is in the way of what is asked next, and of over.
sub throw
{
	my ($c, $ready, @messages) = @_;
	$c->send_raw(@messages);
	return $sum->(map { $c->receive_ready } 1 .. $ready) if $ready < THE_END;
	my @got;
	while (my $m = $c->receive) { push @got, $m }
	return $sum->(@got);
}

# Whatever these send, until none has sent anything for a moment.
sub quiet
{
	my $select = IO::Select->new(map { $_->{socket} } @_);
	while (my @ready = $select->can_read(patience())) {
		for (@ready) { $select->remove($_) if !sysread $_, my $any, 65536 }
	}
}

# The last of a session: it answers, nothing came in between, and all that it has run is in the log.
my $sessions = 0;
sub over
{
	my ($c) = @_;
	my $last = "SELECT 'over " . ++$sessions . "'";
	is(throw($c, 1, $query->($last)), 'T D C Z:I', 'nothing else was said');
	is(scalar record($last), 1, 'and all is in the log');
	$c->close;
}

sub done { return $t->target("SELECT count(*) FROM done WHERE what = '$_[0]'") }

sub record
{
	my ($sql, $seconds) = @_;
	my @q;
	poll_until(sub { @q = $t->queries("sql_text = '" . $sql =~ s/'/''/gr . "'"); @q && $q[0]{status} ne 'running' }, $seconds // 5);
	return @q;
}

# What ran is in the log, and the log does not say that it did not; 0 seconds: the session is over.
sub told_truly
{
	my ($what, $says, $seconds) = @_;
	my @q = record("INSERT INTO done VALUES ('$what')", $seconds);
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

# What becomes of these sessions is not said, so their silence is waited for: that of all at once.
my (@silent, @told);
sub attack
{
	my ($c, $what, $says, @messages) = @_;
	$c->send_raw(@messages, $query->(evil($what)));
	push @silent, $c;
	push @told, [$what, $says];
}

my $c = $t->login('john');
attack($c, 'trigger', 'a trigger that speaks like the protocol', $query->('COPY tricky FROM STDIN'), $data->("1\n"));
$c = $t->login('john');
$c->send_raw($query->('COPY tricky FROM STDIN'));
$c->receive;
attack($c, 'trigger seen', 'the same when COPY was seen to begin', $data->("1\n"));

my $n = 0;
for my $table ('copied', 'never') {
	for my $seen (0, 1) {
		for my $syncs (1, 2) {
			$c = $t->login('john');
			my @begin = DBBat::Client::extended("COPY $table FROM STDIN");
			if ($seen) {
				$c->send_raw(@begin, DBBat::Client::flush());
				while (my $m = $c->receive) { last if $m->{type} eq 'G' }
				@begin = ();
			}
			attack($c, 'copy ' . ++$n, "an error in COPY to $table, $syncs Sync, a Query" . ($seen ? ' (COPY was seen to begin)' : ''),
				@begin, $data->("bad\n"), ($sync) x $syncs);
		}
	}
}
quiet(@silent);
told_truly(@$_) for @told;

# Drivers do these; nothing of it may be noticed.
for my $seen (0, 1) {
	$c = $t->login('john');
	my @begin = (DBBat::Client::extended('COPY copied FROM STDIN'), $sync);
	$c->send_raw(@begin);
	while (my $m = $seen && $c->receive) { last if $m->{type} eq 'G' }
	is(throw($c, 1, $data->("bad\n"), $data->("2\n"), DBBat::Client::message('c', ''), $sync),
		($seen ? '' : '1 2 G ') . 'E:22P02 Z:I', 'an error in COPY of the extended protocol, Sync before and after');
	is(throw($c, 1, $query->('SELECT 1')), 'T D C Z:I', 'and the session goes on');
	is(throw($c, 1, @begin, $data->("3\n"), DBBat::Client::message('c', ''), $sync), '1 2 G C Z:I', 'COPY that works');
	is(throw($c, 1, $query->('SELECT 1')), 'T D C Z:I', 'and on');
	is(throw($c, 2, DBBat::Client::extended('COPY never FROM STDIN'), $sync, $data->("4\n"), DBBat::Client::message('c', ''), $sync),
		'1 2 G E:08P01 Z:I Z:I', 'an error before the first row: both Syncs count');
	is(throw($c, 1, $query->('SELECT 1')), 'T D C Z:I', 'and on');
	over($c);
}

# --- names that mean something else than they seem --------------------------------------------------------

$c = $t->login('john');
throw($c, 1, $parse->('s', evil('name taken')), $sync);
throw($c, 2, $parse->('s', 'SELECT 1'), $sync, $bind->('', 's'), $execute->(''), $sync);
over($c);
is(done('name taken'), 1, 'a Parse of a name that is taken fails, and what follows uses the old one');
is(scalar record(evil('name taken')), 1, 'the record shows what ran');

$c = $t->login('john');
throw($c, 1, $parse->('', evil('skipped')), $sync);
throw($c, 2, $bind->('', 'nothing'), $parse->('', 'SELECT 1'), $sync, $bind->('', ''), $execute->(''), $sync);
over($c);
is(done('skipped'), 1, 'a Parse that is skipped changes nothing');
is(scalar record(evil('skipped')), 1, 'the record shows what ran');

$c = $t->login('john');
throw($c, 1, $parse->('s', evil('closed')), $sync);
throw($c, 2, $bind->('', 'nothing'), DBBat::Client::close_message('S', 's'), $sync, $bind->('', 's'), $execute->(''), $sync);
over($c);
is(done('closed'), 1, 'neither does a Close that is skipped');
is(scalar record(evil('closed')), 1, 'the record shows what ran');

$c = $t->login('john');
throw($c, 1, $parse->('', 'SELECT 1'), $sync);
throw($c, 2, $parse->('', 'bad'), $sync, $parse->('', evil('undone')), $sync);
throw($c, 1, $bind->('', ''), $execute->(''), $sync);
over($c);
is(done('undone'), 1, 'a Parse behind one that failed counts');
is(scalar record(evil('undone')), 1, 'the record shows what ran');

$c = $t->login('john');
throw($c, 1, $parse->('s', 'SELECT 1'), $sync);
is(throw($c, 1, DBBat::Client::close_message('S', 's'), $bind->('', 's'), $sync), '3 E:26000 Z:I',
	'a name closed in the same pipeline is waited for by nobody');
over($c);

# The server cuts names at 63 bytes, and reads them in the client's encoding.
my $long = 'n' x 63;
$c = $t->login('john');
throw($c, 1, $parse->("${long}1", evil('long')), $sync);
throw($c, 1, $bind->('', "${long}2"), $execute->(''), $sync);
throw($c, 1, $parse->('', evil('long portal')), $bind->("${long}1", ''), $execute->("${long}2"), $sync);
over($c);
told_truly('long', 'statements whose names the server cuts', 0);
told_truly('long portal', 'and portals', 0);
$c = $t->login('john', client_encoding => 'LATIN1');
throw($c, 1, $parse->("\xe9", evil('encoded')), $sync);
throw($c, 2, $query->("SET client_encoding = 'UTF8'"), $bind->('', "\xc3\xa9"), $execute->(''), $sync);
for my $m ($parse->("\xe9", 'SELECT 1'), $bind->("\xe9", ''), $bind->('', "a\xe9"), $execute->("\xe9"),
	DBBat::Client::describe('S', "\xe9"), DBBat::Client::close_message('P', "$long\xe9")) {
	is(throw($c, 1, $m, $sync), 'E:42602 Z:I', 'such a name is refused in ' . substr $m, 0, 1);
}
is(throw($c, 1, $parse->('', 'SELECT 1'), $bind->('p' x 1_200_000, ''), $sync), '1 E:08P01 Z:I', 'a name beyond what is looked into');
is(throw($c, 1, $parse->('x' x 64, 'SELECT 1'), $bind->('y' x 5000, 'x' x 63), $execute->('y' x 64), $sync), '1 2 D C Z:I',
	'long names are cut as the server cuts them');
over($c);
told_truly('encoded', 'a name in two encodings', 0);

# A portal that ended with its transaction, and a cursor of its name.
$c = $t->login('john');
throw($c, 1, $parse->('', 'SELECT 1'), $bind->('p', ''), $sync);
throw($c, 1, $query->("BEGIN; DECLARE p CURSOR FOR SELECT 'secret'"));
like(throw($c, 1, $execute->('p'), $sync), qr/^D C/, 'Execute of a cursor declared in SQL');
my ($cursor) = record('-- cursor "p", declared in SQL');
ok($cursor, 'is not taken for the portal that had its name');
is(throw($c, 1, $query->('COMMIT')), 'C Z:I', 'its transaction ends');
over($c);

# A name that SQL gives to something else: the text of the old one is not what ran, and may yet be.
$c = $t->login('john');
my $again = "DEALLOCATE s; PREPARE s AS " . evil('redefined');
throw($c, 1, $parse->('s', "SELECT 'harmless'"), $parse->('other', "SELECT 'other'"), $sync);
is(throw($c, 2, $query->($again), $bind->('', 's'), $execute->(''), $sync), 'C C Z:I 2 C Z:I', 'a statement is prepared anew in SQL');
is(throw($c, 1, $bind->('', 'other'), $execute->(''), $sync), '2 D C Z:I', 'and another is not');
is(throw($c, 3, $query->("BEGIN; SAVEPOINT a"), $parse->('', "SELECT 'bound'"), $bind->('p', ''), $sync,
	$query->("ROLLBACK TO a; DECLARE p CURSOR FOR SELECT 'declared'")), 'C C Z:T 1 2 Z:T C C Z:T', 'a cursor takes the place of a portal');
is(throw($c, 2, $execute->('p'), $sync, $query->('COMMIT')), 'D C Z:T C Z:I', 'and is executed');
is(throw($c, 4, $parse->("a\nb", "SELECT 'lines'"), $sync, $query->("DEALLOCATE \"a\nb\"; PREPARE \"a\nb\" AS SELECT 2"),
	$bind->('', "a\nb"), $execute->(''), $sync, $query->('SELECT 1')), '1 Z:I C C Z:I 2 D C Z:I T D C Z:I', 'a name of two lines');
throw($c, 1, $parse->('t', 'SELECT $1', 23), $sync);
throw($c, 2, $query->("DEALLOCATE t; PREPARE t AS SELECT \$1::text"), DBBat::Client::message('B', pack('Z* Z* n3 N/a* n', '', 't', 1, 1, 1, 'abcd', 0)), $execute->(''), $sync);
over($c);
is(done('redefined'), 1, 'the new one has run');
is(scalar record("-- statement \"s\", or what was prepared in SQL since\nSELECT 'harmless'"), 1, 'and the log does not say that the old one has');
is(scalar record("SELECT 'harmless'", 0), 0, 'at no place');
my ($typed) = record("-- statement \"t\", or what was prepared in SQL since\nSELECT \$1");
unlike(JSON::PP::encode_json($typed), qr/1633837924/, 'nor are parameters of the new one read with the types of the old one');
is(scalar record("SELECT 'other'"), 1, 'a name that is not in it is not in doubt');
is(scalar record("-- portal \"p\", or a cursor that was declared in SQL since\nSELECT 'bound'"), 1, 'nor is a cursor taken for the portal');
is(scalar record("-- statement \"a?b\", or what was prepared in SQL since\nSELECT 'lines'"), 1, 'a name is told on one line');

# The same where a Close is on its way, which the target skips.
$c = $t->login('john');
throw($c, 1, $parse->('s', "SELECT 'closing'"), $sync);
is(throw($c, 3, $bind->('', 'nothing'), DBBat::Client::close_message('S', 's'), $sync, $query->('DEALLOCATE s; PREPARE s AS ' . evil('closing')),
	$bind->('', 's'), $execute->(''), $sync), 'E:26000 Z:I C C Z:I 2 C Z:I', 'a statement is prepared anew behind a Close that is skipped');
over($c);
is(done('closing'), 1, 'it has run');
is(scalar record("SELECT 'closing'", 0), 0, 'and the log does not say that the old one has');

# Under a read grant: a refused Parse must not hide the statement that keeps the name.
my $eve = $t->login('eve');
throw($eve, 1, $parse->('s', "SELECT 'hidden'"), $sync);
like(throw($eve, 2, $parse->('s', 'DELETE FROM done'), $sync, $bind->('', 's'), $execute->(''), $sync),
	qr/^E:25006 Z:I 2 D C Z:I/, 'a refused Parse leaves the old statement under the name');
over($eve);
is(scalar record("SELECT 'hidden'"), 1, 'whose execution is recorded');

# A Query behind a message that fails is skipped with it: nobody waits for its end.
my $fail = DBBat::Client::describe('S', 'nothing');
for ([$query->('BEGIN'), $fail, $query->('SELECT 1')], [$query->('BEGIN'), $fail, DBBat::Client::message('F', pack('N n n n', 1598, 0, 0, 0))],
	[$query->('BEGIN'), $parse->('', 'SELECT 1/n FROM generate_series(0, 0) n'), $bind->('', ''), $execute->(''), $query->('SELECT 1')],
	[$query->('BEGIN'), $fail, $query->('DELETE FROM done')]) {
	$eve = $t->login('eve');
	like(throw($eve, 3, @$_, $sync, $query->('ROLLBACK')), qr/^C Z:T (?:1 2 )?E:\d+ Z:E C Z:I$/, 'a message behind one that failed under read is skipped');
	$eve->close;
}
$eve = $t->login('eve');
is(throw($eve, 2, $fail, $query->("SET work_mem = '1MB'"), $sync, $query->('SELECT 2')), 'E:26000 Z:I T D C Z:I', 'also outside a transaction');
over($eve);

# A Bind that cannot be read ends nothing but what is up to the Sync, as any other message of the extended protocol.
for my $user ('john', 'eve') {
	$c = $t->login($user);
	is(throw($c, 2, $parse->('', 'SELECT 1'), $bind->('', ''), $execute->(''), $bind->('', ''), DBBat::Client::message('B', "\0\0\0"), $sync,
		$query->('SELECT 2')), '1 2 D C 2 E:08P01 Z:I T D C Z:I', "$user: a Bind that is cut short, behind another statement");
	over($c);
}

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
is(throw($c, 1, $query->('DEALLOCATE ALL')), 'C Z:I', 'DEALLOCATE ALL');
is(throw($c, 1, $parse->('s', $big), $sync), '1 Z:I', 'makes room');
$c->send_raw($parse->('', 'SELECT $1::text'), (map { $bind->("p$_", '', 'x' x 1_000_000) } 1 .. 100), $sync);
like($sum->($c->receive_ready), qr/^1 (?:2 )+E:53200 Z:I$/, 'so do portals');
$c->send_raw(map({ ($parse->('', 'SELECT $1::text'), $bind->("p$_", '', 'x' x 1_000_000), $sync) } 1 .. 100));
is($sum->(map { $c->receive_ready } 1 .. 100), join(' ', ('1 2 Z:I') x 100), 'which end with their transaction');
$c->send_raw($parse->('', 'nonsense'), DBBat::Client::flush());
is($c->receive->{type}, 'E', 'what the target skips');
$c->send_raw(map({ $parse->("skipped$_", $big) } 1 .. 100), $bind->('bound', 'skipped100'), $execute->('bound'), $execute->('other'), $sync);
is($sum->($c->receive_ready), 'Z:I', 'is not answered');
ok(poll_until(sub { $t->storage(q{SELECT count(*) FROM dbbat.queries WHERE status = 'refused' AND message LIKE 'too-many-statements%' AND left(sql_text, 7) = 'SELECT '}) > 20 }, 10),
	'and has the same limit');
is(scalar record('-- statement "skipped100", not known'), 1, 'a Bind of what was not kept is not taken for one of a statement prepared in SQL');
is(scalar record('-- portal "other", not known'), 1, 'nor is an Execute for one of a cursor');
is(throw($c, 1, $parse->('again', $big), $sync), '1 Z:I', 'nothing of it is kept');
is(throw($c, 1, $parse->('', "SELECT 'before'"), $bind->('', ''), $execute->(''), $parse->('', "SELECT 'behind'"), $bind->("\xc3\xa4", ''), $execute->("\xc3\xa4"),
	$sync), '1 2 D C 1 E:42602 Z:I', 'behind a Bind that is refused');
is(throw($c, 1, $parse->('', "SELECT 'before'"), $bind->('', ''), $execute->(''), $bind->('', "\xc3\xa4"), $execute->(''), $sync), '1 2 D C E:42602 Z:I',
	'or whose statement is');
is(throw($c, 1, $query->("SELECT 'last'")), 'T D C Z:I', 'the last');
$t->wait_queries(1, "sql_text = 'SELECT ''last'''");
is(scalar(my @before = $t->queries("sql_text = 'SELECT ''before'''")), 2, 'the portal of before is not taken for it');

$c = $t->login('john');
sub most { my $sum = 0; for ($t->daemon->titles(qr/session john\@/)) { my ($p) = /^(\d+)/; slurp("/proc/$p/status") =~ /VmHWM:\s+(\d+)/ and $sum += $1 } return $sum; }
my $most = most();
$c->send_raw($parse->('', 'SELECT pg_sleep(2)'), $bind->('', ''), $execute->(''), map({ $bind->("\xc3\xa4", 'x' x 1_000_000) } 1 .. 100), $sync);
is($sum->($c->receive_ready), '1 2 D C E:42602 Z:I', 'Binds that are refused while the target is at work');
cmp_ok(most() - $most, '<', 50_000, 'are not kept whole');
throw($c, 2, $parse->('d', $big), $sync, $query->("SELECT 'prepare d'"));
$most = most();
$c->send_raw($parse->('', 'SELECT pg_sleep(2)'), $bind->('', ''), $execute->(''), map({ $bind->("\xc3\xa4", 'd') } 1 .. 100), $sync);
is($sum->($c->receive_ready), '1 2 D C E:42602 Z:I', 'such Binds of a statement whose name is in doubt');
cmp_ok(most() - $most, '<', 50_000, 'do not keep its text');

# --- errors at odd moments -----------------------------------------------------------------------------------

$c = $t->login('john');
throw($c, 1, $query->("SET statement_timeout = '300ms'"));
$c->send_raw($query->('BEGIN'), $parse->('', 'SELECT 1'), DBBat::Client::flush());
is($sum->(map { $c->receive } 1 .. 3), 'C Z:T 1', 'messages with a pause between them');
ok(!$c->receive(1), 'in which nothing is said');
is(throw($c, 1, $parse->('', 'SELECT 2'), $sync), 'E:57014 Z:E', 'and a timeout strikes');
is(throw($c, 1, $query->('ROLLBACK')), 'C Z:I', 'and the session goes on');
throw($c, 1, $query->('SET statement_timeout = 0'));
over($c);

# A message that cannot be, behind one whose reply the target keeps to itself.
$c = $t->login('john');
like(throw($c, THE_END, $parse->('', 'SELECT 1'), 'y', pack('N', 4)), qr/E:08P01$/, 'garbage is answered though replies are owed');
ok($c->closed, 'and the session ends');
$c = $t->login('john');
$c->send_raw($query->('COPY copied FROM STDIN'));
$c->receive;
like(throw($c, THE_END, 'y', pack('N', 4)), qr/E:08P01$/, 'also in the middle of COPY');
ok($c->closed, 'and the session ends');

# --- texts that are not kept whole -----------------------------------------------------------------------------

$t->daemon->stop;
$t->daemon->{env}{DBB_LOG_TEXT_MAX} = '10kB';
$t->daemon->start;
$c = $t->login('john');
my $padding = '/* ' . 'x' x 20_000 . ' */';
throw($c, 1, $parse->('brief', "SELECT 'brief'"), $parse->('long', "SELECT 1 $padding"), $bind->('', 'long'), $execute->(''), $bind->('', 'brief'), $execute->(''), $sync);
throw($c, 1, $parse->('doubt', "SELECT 1 $padding /* prepare brief */"), $bind->('', 'doubt'), $execute->(''), $bind->('', 'brief'), $execute->(''), $sync);
over($c);
is(scalar record("SELECT 'brief'"), 1, 'a long text puts no name in doubt');
is(scalar record("-- statement \"brief\", or what was prepared in SQL since\nSELECT 'brief'"), 1, 'but by what stands at its end');

$t->done;
