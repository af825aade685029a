# Revocation at moments that do not suit: while the target is being reached, while somebody does not read, in COPY, while the
# keeper or the storage is away. And notifications that anybody at the storage could send.
use DBBat::Test;
use IO::Select;
use IO::Socket::INET;
use POSIX qw(strftime);
use Time::HiRes qw(time sleep);

my $t = DBBat::Test->start(env => { DBB_CONNECT_TIMEOUT => '10min' });
my $sum = \&DBBat::Client::summary;
my ($query, $data) = (\&DBBat::Client::query_message, sub { DBBat::Client::message('d', $_[0]) });
my $target = DBBat::Test::target_of_its_own();
$t->database(DBBat::Test::DATABASE, port => $target->port);
$target->sql('target', <<'END');
CREATE TABLE t (a text); GRANT ALL ON t TO target;
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(3600); RETURN NEW; END$$;
CREATE TABLE slow (a text); GRANT ALL ON slow TO target;
CREATE TRIGGER t BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION slow();
END

my $serial = 0;
sub somebody { my (%o) = @_; my $user = 'user' . ++$serial; return ($user, $t->access($user, 'write', %o)); }
sub revoke { $t->must(DELETE => "/api/grants/$_[0]") }
sub active { $target->sql('target', "SELECT count(*) FROM pg_stat_activity WHERE usename = 'target' AND state IS NOT NULL") }
sub processes { my ($what) = @_; return map { /^(\d+)/ } $t->daemon->titles(qr/dbbat: $what/) }
sub connection { return $t->storage("SELECT id FROM dbbat.connections WHERE username = '$_[0]' ORDER BY id DESC LIMIT 1") }

# Reads up to the error, and says which.
sub ended
{
	my ($c, $what, $pattern, $others) = @_;
	my $m = $c->receive(10);
	$m = $c->receive(10) while $m && $m->{type} ne 'E';
	my $e = $m ? DBBat::Client::error($m) : { S => 'nothing', C => '', M => '' };
	is("$e->{S} $e->{C}", 'FATAL 57P01', "$what: the session ends");
	like($e->{M}, $pattern // qr/revoked/, "$what: and says why");
	ok($c->closed(5), "$what: for good");
	ok(poll_until(sub { active() == ($others // 0) }, 10), "$what: on the target too");
}

# --- a target that does not answer --------------------------------------------------------------------

my $deaf = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
$t->database('deaf', port => $deaf->sockport);
for my $how ('revoked', 'expired', 'ended by an administrator') {
	my $user = $t->user('user' . ++$serial) && "user$serial";
	my $grant = $t->grant($user, 'deaf', 'write',
		expires_at => $how eq 'expired' ? strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 3)) : '2099-01-01T00:00:00Z');
	my $c = $t->raw;
	$c->send_raw(DBBat::Client::startup_packet(user => $user, database => 'deaf'));
	$c->receive;
	$c->send_raw($c->scram_first);
	$c->send_raw($c->scram_final(DBBat::Test::password($user), substr $c->receive->{body}, 4));
	$c->receive for 1 .. 2;
	my $conn = $deaf->accept;
	revoke($grant) if $how eq 'revoked';
	$t->must(DELETE => '/api/connections/' . connection($user)) if $how =~ /admin/;
	ended($c, "$how while its target does not answer", $how =~ /admin/ ? qr/by an administrator/ : qr/$how/);
	my $packet;
	is(sysread($conn, $packet, 65536) && sysread($conn, $packet, 1), 0, "$how: the target is let go of");
}

# A keeper that goes meanwhile is no reason to end.
my $slow = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
$t->database('slow', port => $slow->sockport);
my $patient = $t->user('patient') && $t->grant('patient', 'slow', 'write');
my $early = $t->raw;
$early->send_raw(DBBat::Client::startup_packet(user => 'patient', database => 'slow'));
$early->receive;
$early->send_raw($early->scram_first);
$early->send_raw($early->scram_final(DBBat::Test::password('patient'), substr $early->receive->{body}, 4));
my $held = $slow->accept;
kill 'KILL', processes('keeper');
sleep 0.3;
my $through = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $target->port) or die $!;
my $between = fork // die $!;
if (!$between) {
	my $select = IO::Select->new($held, $through);
	while (my @ready = $select->can_read) {
		for my $from (@ready) {
			sysread($from, my $bytes, 65536) or POSIX::_exit(0);
			syswrite $from == $held ? $through : $held, $bytes;
		}
	}
}
close $_ for $held, $through;
my @welcome = $early->receive_ready;
is(@welcome ? $welcome[-1]{type} : '', 'Z', 'a session whose keeper has gone before its target was there begins');
is($sum->($early->query('SELECT 1')), 'T D C Z:I', 'and goes on');
ok(poll_until(sub { processes('keeper') && $t->raw->login('patient', '', 'nowhere')->{C} eq '28P01' }, 20), 'there is another keeper');
revoke($patient);
my $m = $early->receive(20);
is($m ? DBBat::Client::error($m)->{C} : '', '57P01', 'which can end it');
waitpid $between, 0;

# --- who does not read ---------------------------------------------------------------------------------

my ($user, $grant) = somebody();
my $c = $t->login($user);
$c->send_raw($query->("SELECT repeat('x', 10000) FROM generate_series(1, 1000000)"));
$c->receive for 1 .. 3;
sleep 0.5;
revoke($grant);
ok(poll_until(sub { active() == 0 }, 10), 'a client that does not read keeps nothing running on the target');
ok(poll_until(sub { !processes("session $user") }, 10), 'nor its session');

# One row: more of it is not taken than there is room for.
($user, $grant) = somebody();
$c = $t->login($user);
$c->send_raw($query->("SELECT repeat('x', 500000000)"));
$c->receive;
my ($pid) = processes("session $user");
ok(poll_until(sub { $c->_fill(100000) }, 20), 'a row of 500 MB begins');
revoke($grant);
my $peak = 0;
ok(poll_until(sub { slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m && ($peak = $1); !processes("session $user") }, 10),
	'the session of one who does not read it on ends');
cmp_ok($peak, '<', 100_000, 'and has not read it on either') if patience() == 1;
ok(poll_until(sub { active() == 0 }, 10), 'the target does not go on');

# --- COPY ------------------------------------------------------------------------------------------------

($user, $grant) = somebody();
$c = $t->login($user);
$c->send_raw($query->('COPY t FROM STDIN'), $data->("1\n"));
is($c->receive->{type}, 'G', 'COPY FROM STDIN has begun');
revoke($grant);
ended($c, 'in COPY FROM STDIN');
is($target->sql('target', 'SELECT count(*) FROM t'), 0, 'nothing of it is there');

($user, $grant) = somebody();
$c = $t->login($user);
$c->send_raw($query->("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 10000000)) TO STDOUT"));
$c->receive for 1 .. 10;
revoke($grant);
ended($c, 'in COPY TO STDOUT');

# The target does not read: it sits in a trigger.
($user, $grant) = somebody();
$c = $t->login($user);
$c->send_raw($query->('COPY slow FROM STDIN'));
$c->receive;
$c->{socket}->blocking(0);
my ($chunk, $sent, $last) = ($data->('x' x 100000 . "\n"), 0, time);
while (time < $last + 1) {
	my $n = syswrite $c->{socket}, $chunk, length($chunk) - $sent % length $chunk, $sent % length $chunk;
	$n ? ($sent += $n, $last = time) : sleep 0.05;
}
$c->{socket}->blocking(1);
note("$sent bytes sent");
revoke($grant);
ended($c, 'in COPY to a target that does not read');

# --- the keeper hears of nothing ---------------------------------------------------------------------------

# A notification that nobody was there for.
($user, $grant) = somebody();
$c = $t->login($user);
my ($keeper) = processes('keeper');
kill 'STOP', $keeper;
$t->must(DELETE => '/api/connections/' . connection($user));
kill 'KILL', $keeper;
ended($c, 'ended by hand when there was no keeper', qr/by an administrator/);

for my $how ('revoked', 'ended by an administrator') {
	($user, $grant) = somebody();
	ok(poll_until(sub { $t->raw->login($user, DBBat::Test::password($user), DBBat::Test::DATABASE) ? 0 : 1 }, 20), 'there is a keeper');
	$c = $t->login($user);
	($keeper) = processes('keeper');
	kill 'STOP', $keeper;
	$how eq 'revoked' ? revoke($grant) : $t->must(DELETE => '/api/connections/' . connection($user));
	$t->storage("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%keeper%'");
	kill 'CONT', $keeper;
	ended($c, "$how when the keeper had lost the storage", $how eq 'revoked' ? qr/revoked/ : qr/administrator/);
}

# --- notifications only say where to look ------------------------------------------------------------------

($user, $grant) = somebody();
$c = $t->login($user);
my $id = connection($user);
my $user_id = $t->id(user => $user);
$t->storage("NOTIFY dbbat, '$_'") for "connection $id", "grant $grant", "user $user_id", 'connection', 'connection -1', 'cancel', "cancel $id x", 'x' x 7000;
$t->storage("SELECT pg_notify('dbbat', 'connection ' || n) FROM generate_series(1, 1000) n");
is($sum->($c->query('SELECT pg_sleep(0.3)')), 'T D C Z:I', 'what somebody else says ends nobody');

# And what nobody says is seen all the same: somebody at the storage's own prompt.
my ($silent, $silent_grant) = somebody();
my $quiet = $t->login($silent);
$t->storage("UPDATE dbbat.grants SET revoked_at = now() WHERE id = $silent_grant");
ended($quiet, 'revoked without a notification', qr/revoked/, 1);

# --- the storage is away -----------------------------------------------------------------------------------

$t->access('brief', 'write', expires_at => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 6)));
my $brief = $t->login('brief');
$brief->send_raw($query->('SELECT pg_sleep(3600)'));
$t->cluster->stop('QUIT');
is($sum->($c->query('SELECT 1')), 'T D C Z:I', 'without the storage a session goes on');
$m = $brief->receive(20);
$m = $brief->receive(20) while $m && $m->{type} ne 'E';
is($m ? DBBat::Client::error($m)->{C} : '', '57P01', 'and a grant expires all the same');
$t->cluster->start;
my $api;
ok(poll_until(sub { ($api = $t->api(DELETE => "/api/grants/$grant"))->{status} == 200 }, 20), 'it is back') or diag($api->{text});
ended($c, 'after the storage was away');

$t->done;
