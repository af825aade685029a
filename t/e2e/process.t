# The processes: what ps says, how they end, and that a crash of one is not the end of the others.
use DBBat::Test;
use Time::HiRes qw(time sleep);

my $t = DBBat::Test->start(env => { DBB_MAX_SESSIONS => 6, DBB_MIN_SPARE => 2, DBB_LOGIN_TIMEOUT => '2s' });
my $d = $t->daemon;
my $sum = \&DBBat::Client::summary;
$t->access('john', 'write');

# --- titles -----------------------------------------------------------------------------

is(scalar $d->titles(qr/^dbbat: keeper/), 1, 'ps shows the keeper');
is(scalar $d->titles(qr/^dbbat: api/), 2, 'the API workers');
ok(poll_until(sub { $d->titles(qr/^dbbat: session.*(?:spare|wait|idle)/) >= 2 }, 5), 'the spare sessions')
	or diag(join "\n", $d->titles(qr/./));
my $c = $t->login('john');
is(scalar $d->titles(qr/^dbbat: session john\@my_database 127\.0\.0\.1/), 1, 'and who is in a session');
unlike(join("\n", $d->titles(qr/./)), qr/of-the-storage|\Q$d->{env}{DBB_KEY}\E/, 'no secret shows in a title');
for my $pid ($d->pids) {
	my $environ = slurp("/proc/$pid/environ");
	fail('a secret in the environment of a process'), last if $environ =~ /of-the-storage|\Q$d->{env}{DBB_KEY}\E/;
}
if ($> == 0) {
	my $root = grep { (stat "/proc/$_")[4] == 0 && slurp("/proc/$_/status") =~ /^Uid:\s+0/m } $d->pids;
	is($root, 0, 'none of them runs as root');
	my ($uid, $groups) = slurp('/proc/' . $d->pid . '/status') =~ /^Uid:\s+(\d+).*^Groups:\s+(.*?)\s*$/ms;
	is($groups, join(' ', sort { $a <=> $b } split ' ', run(cmd => ['id', '-G', scalar getpwuid $uid])->{out}),
		'the supervisor is in the groups of its account, and in no others');
}

# what the supervisor has loaded, each session inherits and takes down again
unlike(slurp('/proc/' . $d->pid . '/maps'), qr/libnss_/, 'nothing is loaded that only the start needed');

# --- one client wakes one spare -------------------------------------------------------------

sub spares { return map { /^(\d+)/ } $d->titles(qr/session \(spare\)/) }
sub sleeps { my ($n) = slurp("/proc/$_[0]/status") =~ /^voluntary_ctxt_switches:\s+(\d+)/m; return $n }

ok(poll_until(sub { my @s = spares(); @s == 2 && 2 == grep { slurp("/proc/$_/status") =~ /^State:\s+S/m } @s }, 5), 'two spares wait');
my %slept = map { $_ => sleeps($_) } spares();
my $woken = $t->raw;
ok(poll_until(sub { $d->titles(qr/session \(login\)/) == 1 }, 5), 'a client comes');
my @left = grep { exists $slept{$_} } spares();
is(scalar @left, 1, 'one of them takes it');
is(sleeps($left[0]), $slept{$left[0]}, 'the other sleeps on');
$woken->close;

# --- connections that come to nothing ------------------------------------------------------

my $before = length $t->log;
DBBat::Client->new($d->{pg_port})->close for 1 .. 20;
sleep 0.5;
unlike(substr($t->log, $before), qr/\b(?:warning|error)\b/i, 'connect and close is nothing to complain about');
my $half = $t->raw;
$half->send_raw(pack('N', 100), 'half');
$half->close;
my $slow = $t->raw;
$slow->send_raw(pack('N', 100));
my $start = time;
ok($slow->closed(10) || 1, 'a client that does not go on');
cmp_ok(time - $start, '<', 6 * patience(), 'is not waited for longer than login_timeout');
for my $bytes (pack('N', 0xffffffff), pack('N', 3), pack('NN', 8, 0x20000), "GET / HTTP/1.1\r\n\r\n", "\0" x 100, pack('NN', 9, 80877103) . 'x') {
	my $x = $t->raw;
	$x->send_raw($bytes);
	my $m = $x->receive(8);
	ok(!$m || $m->{type} eq 'E', 'not the protocol: ' . unpack('H16', $bytes));
	$x->close;
}
my $stuffed = $t->raw;
$stuffed->send_raw(pack('NN', 8, 80877103), DBBat::Client::startup_packet(user => 'john'));
my $answer = $stuffed->read_bytes(1, 5);
ok(!defined $answer || !$stuffed->receive(5) || 1, 'bytes behind an SSLRequest');
isnt(($stuffed->receive(1) // { type => '' })->{type}, 'R', 'are not taken for a startup packet');
is($sum->($c->query('SELECT 1')), 'T D C Z:I', 'the open session is not touched by any of that');
ok($t->psql('john', 'SELECT 1')->{out} eq "1\n", 'and new ones work');

# --- max_sessions --------------------------------------------------------------------------------

ok(poll_until(sub { $d->titles(qr/^dbbat: session john/) == 1 }, 5), 'one session is open');
my @more = map { $t->login('john') } 1 .. 5;
$start = time;
my $refused = $t->raw->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE);
is($refused->{C}, '53300', 'one more than max_sessions gets 53300');
cmp_ok(time - $start, '<', 2 * patience(), 'at once');
$_->send_raw(DBBat::Client::terminate()) for @more;
ok(poll_until(sub { $t->psql('john', 'SELECT 1')->{out} eq "1\n" }, 5), 'when others leave there is room again');

# --- crashes --------------------------------------------------------------------------------------

sub crash
{
	my ($match) = @_;
	my ($pid) = map { /^(\d+)/ } $d->titles($match);
	ok($pid && kill('KILL', $pid), "kill -9 of $match");
	return poll_until(sub { my ($new) = map { /^(\d+)/ } $d->titles($match); $new && $new != $pid }, 5);
}

$c = $t->login('john');
ok(crash(qr/^dbbat: api/), 'a new API worker comes');
ok(poll_until(sub { $t->api(GET => '/api/health')->{status} == 200 }, 10), 'and the API answers');
ok(crash(qr/^dbbat: keeper/), 'a new keeper comes');
ok(poll_until(sub { $t->psql('john', 'SELECT 1')->{out} eq "1\n" }, 10), 'and logins work');
ok(poll_until(sub { $t->api(POST => '/api/users', { username => "after", password => 'long enough' })->{status} =~ /^(?:201|409)$/ }, 10), 'and sealing');
$c = $t->login('john');
my $other = $t->login('john');
ok(crash(qr/^dbbat: session john/), 'a session dies, another is there');
is((grep { $sum->($_->query('SELECT 1')) eq 'T D C Z:I' } $c, $other) + 0, 1, 'which goes on');

# --- the end ------------------------------------------------------------------------------------------

my $last = $t->login('john');
$last->send_raw(DBBat::Client::query_message('SELECT pg_sleep(1), 5'));
sleep 0.3;
$d->{process}->signal('TERM');
sleep 0.3;
ok(!eval { $t->raw->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE) eq '' } , 'after SIGTERM nobody new comes in');
is($sum->($last->receive_ready), 'T D C Z:I', 'a session may finish what it does');
$last->send_raw(DBBat::Client::terminate());
$_->close for $c, $other;
ok($d->{process}->wait(15 * patience()), 'when the last session has gone the daemon ends');
is($d->{process}->exit_code, 0, 'with exit code 0');
ok(poll_until(sub { !$d->pids }, 3), 'and nothing of it is left');

# SIGTERM with a session that does not go: 57P01 at the end of shutdown_timeout.
$d = $t->{daemon} = $t->node(key => $d->{env}{DBB_KEY}, env => { DBB_SHUTDOWN_TIMEOUT => '1s' });
my $stays = $t->login('john');
$d->{process}->signal('TERM');
my $m = $stays->receive(10);
is($m && $m->{type} eq 'E' && DBBat::Client::error($m)->{C}, '57P01', 'a session that stays is ended after shutdown_timeout');
ok($d->{process}->wait(10 * patience()), 'and the daemon ends');
$d->check_end;

# SIGINT does not wait.
$d = $t->{daemon} = $t->node(key => $d->{env}{DBB_KEY});
$stays = $t->login('john');
$start = time;
is($d->stop('INT'), 0, 'SIGINT ends it');
cmp_ok(time - $start, '<', 5 * patience(), 'at once');
$m = $stays->receive(5);
is($m && $m->{type} eq 'E' && DBBat::Client::error($m)->{C}, '57P01', 'its sessions are told 57P01');

# A session that does not run is not waited for without end.
$d = $t->{daemon} = $t->node(key => $d->{env}{DBB_KEY});
$stays = $t->login('john');
my ($stopped) = map { /^(\d+)/ } $d->titles(qr/^dbbat: session john/);
ok($stopped && kill('STOP', $stopped), 'a session process is stopped');
is($d->stop('INT', 30), 0, 'and the daemon ends all the same');

# kill -9 of the supervisor leaves nothing running.
$d = $t->{daemon} = $t->node(key => $d->{env}{DBB_KEY}, env => { DBB_SHUTDOWN_TIMEOUT => '1s' });
$stays = $t->login('john');
kill('KILL', $d->pid);
ok(poll_until(sub { !$d->pids }, 8), 'kill -9 of the supervisor ends the others too') or diag(join "\n", $d->titles(qr/./));
$d->{process}->wait(5);

# In the background: a pid file, and the same ends.
$d = $t->node(key => $d->{env}{DBB_KEY}, start => 0);
my $pid_file = "$d->{dir}/run/dbbat.pid";
is(DBBat::Daemon::command([], env => $d->{env})->{exit}, 0, 'without -f it goes to the background');
ok(poll_until(sub { $d->healthy }, 10), 'and serves');
my ($pid) = slurp($pid_file) =~ /^(\d+)$/m;
END { kill('KILL', $pid) if $pid }
ok($pid && kill(0, $pid), 'the pid file has its number');
kill('TERM', $pid) if $pid;
ok($pid && poll_until(sub { !kill(0, $pid) }, 15), 'SIGTERM ends it');
ok(!-e $pid_file, 'and the pid file goes');

$t->done;
