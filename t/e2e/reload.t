# SIGHUP: a new configuration and a new program, with the same pid and under open sessions; and a
# keeper that dies under them.
use DBBat::Test;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use Time::HiRes qw(time sleep);

use DBBat::Port qw(free_port);

my $t = DBBat::Test->start(serve => 0);
my $sum = \&DBBat::Client::summary;
my $d = $t->daemon;
my $dir = $d->{dir};

# --- a daemon whose secrets come from everywhere ---------------------------------------------

sub put
{
	my ($file, $text, $mode) = @_;
	open my $fh, '>', "$file.new" or die "$file: $!";
	print $fh $text;
	close $fh;
	chmod $mode, "$file.new";
	rename "$file.new", $file or die $!;
}

my %conf = (listen_api => "127.0.0.1:$d->{api_port}", max_sessions => 20, min_spare => 2, log_level => 'debug');
sub configure { %conf = (%conf, @_); put("$dir/conf", join('', map { "$_ = $conf{$_}\n" } sort keys %conf), 0644) }

# systemd's end
my $notify_path = "$dir/run/notify";
my $notify = IO::Socket::UNIX->new(Local => $notify_path, Type => SOCK_DGRAM) or die "$notify_path: $!";
chmod 0777, $notify_path;
$notify->blocking(0);
sub told
{
	my ($pattern) = @_;
	my $all = '';
	return poll_until(sub {
		while (defined $notify->recv(my $m, 4096)) { $all .= "$m\n" }
		$all =~ $pattern ? $all : undef;
	}, 10) // "only: $all";
}

# as root, the account cannot read the key file: the key must come over at a reload
put("$dir/key", "$d->{env}{DBB_KEY}\n", 0600);
$d->{env} = { %{$d->{env}}, DBB_KEY => undef, DBB_KEYFILE => "$dir/key", DBB_LISTEN_API => undef, DBB_LOG_LEVEL => undef,
	NOTIFY_SOCKET => $notify_path };
configure();
$d->{args} = ['-c', "$dir/conf"];
$d->start;
my $pid = $d->pid;
like(told(qr/READY=1/), qr/^READY=1\nSTATUS=Serving PostgreSQL/m, 'systemd is told READY=1');

my $told = '';

# SIGHUP, and the line that says how it went.
sub reload
{
	my ($pattern) = @_;
	my $at = length $t->log;
	kill('HUP', $pid);
	$told .= told(qr/READY=1/);
	return poll_until(sub { substr($t->log, $at) =~ $pattern }, 15);
}
my $served = qr/info: dbbat \S+ serves PostgreSQL/;
sub processes { my ($kind) = @_; return map { /^(\d+)/ } $d->titles(qr/^dbbat: $kind/) }
sub settled { return poll_until(sub { processes('keeper') == 1 && processes('api') == 2 && processes('session \(spare\)') == ($conf{min_spare} // 4) }, 10) }
sub fds { my @f = glob "/proc/$_[0]/fd/*"; return scalar @f }

my $grant = $t->access('john', 'write');
my $quota = $t->access('quota', 'read', max_queries => 1000);
$t->target('CREATE TABLE t (a int)');

# --- sessions live on --------------------------------------------------------------------------

my $transaction = $t->login('john');
$transaction->query('BEGIN; INSERT INTO t VALUES (-1)');
my $copy = $t->login('john');
$copy->send_raw(DBBat::Client::query_message('COPY t FROM STDIN'));
is($copy->receive(5)->{type}, 'G', 'a COPY has begun');
my $leased = $t->login('quota');
$leased->query('SELECT 1');
my $streaming = $t->psql_start('john', "SELECT count(*) FROM (SELECT pg_sleep(0.01) FROM generate_series(1, 400)) s");
ok(settled(), 'all processes are there');
my $before = fds($pid);
my ($keeper) = processes('keeper');
my $rows = 0;
for my $n (1 .. 4) {
	ok(reload($served), "SIGHUP $n");
	$copy->send_raw(DBBat::Client::message('d', "$n\n"));
	$rows++;
	is($sum->($transaction->query("INSERT INTO t VALUES ($n)")), 'C Z:T', 'the transaction goes on');
	is($sum->($leased->query('SELECT 1')), 'T D C Z:I', 'and a session with a quota');
	ok($t->psql('john', 'SELECT 1')->{out} eq "1\n", 'a new login works');
	ok($t->api(GET => '/api/users')->{status} == 200, 'and the API');
	sleep 0.3;
}
# one signal upon another, to everybody
kill('HUP', $d->pids), sleep 0.01 for 1 .. 5;
ok(settled(), 'the processes are what they were in number');
my ($new_keeper) = processes('keeper');
isnt($new_keeper, $keeper, 'the keeper is a new one');
is($d->pid == $pid && kill(0, $pid), 1, 'the supervisor has kept its pid');
like(($d->titles(qr/^dbbat: supervisor/))[0] // '', qr/^$pid /, 'and its title');
$copy->send_raw(DBBat::Client::message('d', "99\n"), DBBat::Client::message('c', ''));
is($sum->($copy->receive_ready), 'C Z:I', 'the COPY ends');
is($sum->($transaction->query('COMMIT')), 'C Z:I', 'the transaction too');
is($t->target('SELECT count(*) FROM t'), $rows + 1 + 1 + 4, 'with every row');
ok($streaming->wait(20 * patience()), 'a long statement');
is($streaming->out, "400\n", 'has its result');
is($t->storage('SELECT count(*) FROM dbbat.connections WHERE end_reason LIKE \'%died%\''), 0, 'nobody was taken for dead');
like($told, qr/^RELOADING=1\nMONOTONIC_USEC=\d+\nREADY=1/m, 'systemd heard of it');
SKIP: {
	Test::More::skip('descriptors of the supervisor cannot be counted', 1) if !$before;
	is(fds($pid), $before, 'no descriptor is left open');
}
is(scalar(grep { /^\d+ \(.*\) Z $pid /m } map { slurp($_) } glob '/proc/[0-9]*/stat'), 0, 'no zombie');
unlike($t->log, qr/\b(?:warning|error): (?!storage)/, 'nothing to complain about') or diag(join "\n", grep { /warning|error/ } split /\n/, $t->log);
my $environ = slurp("/proc/$pid/environ") . slurp("/proc/$pid/cmdline");
unlike($environ, qr/of-the-storage|HANDOVER/, 'no secret in the environment');

# its quota is as exact as before: what was returned on the way is not lost
$leased->send_raw(DBBat::Client::terminate());
ok(poll_until(sub { $t->storage("SELECT queries FROM dbbat.grant_usage WHERE grant_id = $quota") == 5 }, 5), 'leases have come back')
	or diag($t->storage("SELECT queries FROM dbbat.grant_usage WHERE grant_id = $quota"));

# and exact to the last statement when sessions move from keeper to keeper in the middle of it
my $exact = $t->access('exact', 'read', max_queries => 1500);
my @exact = map { $t->login('exact') } 1 .. 3;
my ($passed, $n, $code) = (0, 0, '');
while (!$code) {
	kill('HUP', $pid) if $n % 100 == 0;
	my @messages = $exact[$n++ % 3]->query('SELECT 1');
	my ($e) = grep { $_->{type} eq 'E' } @messages;
	$e ? ($code = DBBat::Client::error($e)->{C}) : $passed++;
}
is($code, '53400', 'a quota is used up during reloads');
is($passed + $t->storage("SELECT 1500 - queries FROM dbbat.grant_usage WHERE grant_id = $exact"), 1500, 'neither more nor less has passed')
	or diag("$passed");
$_->close for @exact;
ok(settled(), 'all processes are there');

# nothing is refused while processes change places
put("$dir/select.sql", "SELECT 1;\n", 0644);
my $churn = spawn(cmd => [DBBat::Cluster::bindir() . '/pgbench', qw(-n -C -c 2 -T 4 -f), "$dir/select.sql", $t->conninfo('john')],
	env => { PGPASSWORD => DBBat::Test::password('john') });
my ($calls, $failed, $until) = (0, 0, time + 3);
for (my $next = time; time < $until;) {
	$calls++;
	my $r = $t->api(GET => '/api/users');
	$failed++, diag("a call of the API: $r->{status} $r->{text}$r->{error}") if $r->{status} != 200;
	reload($served), $next = time + 0.4 if time >= $next;
}
ok($churn->wait(30 * patience()), 'logins during reloads');
is($churn->exit_code, 0, 'come in') or diag($churn->err);
unlike($churn->err, qr/error|FATAL|fail/i, 'all of them') or diag($churn->err);
is($failed, 0, "and $calls calls of the API work");

# Who has reached a worker that is replaced is served by it: without a byte yet, in the middle of a request, after another one.
my $request = "GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
my %halves = (silent => '', half => substr($request, 0, 20), more => $request);
sub answer
{
	my ($s) = @_;
	my ($head, $body) = ('');
	while (defined(my $line = <$s>)) { $head .= $line; last if $line eq "\r\n" }
	read $s, $body, $1 if $head =~ /^Content-Length: (\d+)/mi;
	return $head;
}
my %before;
for my $half (sort keys %halves) {
	my $s = $before{$half} = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $d->{api_port}, Timeout => 10) or die $!;
	$s->print($halves{$half});
	like(answer($s), qr/^HTTP\S+ 200 (?!.*^Connection: close)/msi, 'a connection that stays') if $half eq 'more';
}
sleep 0.5;
my @old = processes('api');
ok(reload($served), 'SIGHUP');
ok(poll_until(sub { my %old = map { $_ => 1 } @old; 2 == grep { !$old{$_} } processes('api') }, 10), 'other workers are there');
for my $half (sort keys %halves) {
	local $SIG{PIPE} = 'IGNORE';
	$before{$half}->print($half eq 'half' ? substr($request, 20) : $request);
	like(answer($before{$half}), qr/^HTTP\S+ 200 .*^Connection: close/msi, "the request of a connection from before ($half) is answered, and is its last");
}
ok(settled(), 'then those workers go');

# cancel and revocation reach those who came over
my $sleeper = $t->login('john');
ok(reload($served), 'SIGHUP');
settled();
$sleeper->send_raw(DBBat::Client::query_message('SELECT pg_sleep(30)'));
sleep 0.3;
$t->must(DELETE => "/api/grants/$grant");
my $m = $sleeper->receive(5);
is($m && $m->{type} eq 'E' && DBBat::Client::error($m)->{C}, '57P01', 'a session from before hears of its revocation');
$grant = $t->access('john', 'write');

# --- new values -----------------------------------------------------------------------------------

$_->close for $transaction, $copy, $sleeper;
ok(poll_until(sub { !processes('session john') }, 10), 'all sessions are gone');
my @two = map { $t->login('john') } 1 .. 2;
configure(max_sessions => 3, log_level => 'info', min_spare => 3);
ok(reload($served), 'fewer sessions');
settled();
my $third = $t->login('john');
is($t->raw->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE)->{C}, '53300', 'max_sessions counts those from before');
my $at = length $t->log;
$t->api(GET => '/api/health');
$two[0]->query('SELECT 1');
unlike(substr($t->log, $at), qr/ debug: /, 'log_level has changed');
configure(max_sessions => 300);
ok(reload($served), 'more sessions');
settled();
my @more = map { $t->login('john') } 1 .. 20;
is(scalar(@more), 20, 'there is room for them');
is($sum->($_->query('SELECT 1')), 'T D C Z:I', 'and who was there is there') for $two[1], $third;
$_->close for @more, $third;

my ($old_port, $new_port) = ($d->{api_port}, free_port());
configure(listen_api => "127.0.0.1:$new_port");
ok(reload($served), 'another address of the API');
$d->{api_port} = $new_port;
ok(poll_until(sub { $d->healthy }, 5), 'it is served there');
ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $old_port, Timeout => 2), 'and not at the old one');
configure(listen_api => "*:$new_port");
ok(reload($served), 'the same port of all addresses');
ok(poll_until(sub { $d->healthy }, 5), 'is served');
ok(settled(), 'by as many processes') or diag(join "\n", $d->titles(qr/./));

# --- what is wrong changes nothing ------------------------------------------------------------------

($keeper) = processes('keeper');
my $nothing = qr/error: nothing is changed: (.*)/;
my $good = slurp("$dir/conf");
my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die $!;
for ([ "$good\nmax_sessions = 0\n", qr/conf:\d+: max_sessions/ ], [ "nonsense\n", qr/conf:1: / ],
	[ $good =~ s/^(listen_api).*/$1 = nowhere/mr, qr/listen_api/ ],
	[ $good =~ s/^(listen_api).*/"$1 = 127.0.0.1:" . $taken->sockport/emr, qr/listen_api: .*in use/ ],
	[ "${good}tls_cert = /dev/null\ntls_key = /dev/null\n", qr/certificate: / ]) {
	put("$dir/conf", $_->[0], 0644);
	like(reload($nothing) ? ($t->log =~ /.*$nothing/s)[0] : 'no line', $_->[1], 'what is wrong is said');
}
if ($> == 0) {
	put("$dir/conf", $good, 0600);
	like(reload($nothing) ? ($t->log =~ /.*$nothing/s)[0] : 'no line', qr/Permission denied/, 'a file that the account cannot read');
}
is("@{[processes('keeper')]}", $keeper, 'the keeper is the same');
if ($> == 0) {
	put("$dir/conf", $good, 0644);
	chown(0, 0, "$dir/state/server.key");
	ok(reload($served), 'a key of the certificate that the account cannot read any more');
	settled();
	is($t->psql('john', 'SELECT 1', conninfo => { sslmode => 'require' })->{out}, "1\n", 'goes on to serve');
}
is($sum->($two[1]->query('SELECT 1')), 'T D C Z:I', 'the session goes on');
ok($d->healthy, 'and the API');
put("$dir/conf", $good, 0644);
ok(reload($served), 'put right, it is taken');
settled();

# --- kill -9 of the keeper ----------------------------------------------------------------------------

my $open = $t->login('quota');
$open->query('SELECT 1');
for my $n (1 .. 2) {
	my ($old) = processes('keeper');
	kill('KILL', $old);
	is($sum->($_->query('SELECT 1')), 'T D C Z:I', "kill -9 of the keeper, $n: a session goes on") for $open, $two[1];
	ok(poll_until(sub { my ($k) = processes('keeper'); $k && $k != $old }, 10), 'a new one comes');
}
ok(poll_until(sub { $t->psql('john', 'SELECT 1')->{out} eq "1\n" }, 10), 'which lets others in');
$t->must(DELETE => "/api/grants/$_") for $grant, $quota;
for ($open, $two[1]) {
	$m = $_->receive(5);
	is($m && $m->{type} eq 'E' && DBBat::Client::error($m)->{C}, '57P01', 'revocation reaches those from before');
}
$t->access('john', 'write');

# revoked while there is no keeper: seen by the next
my $late = $t->login('john');
($keeper) = processes('keeper');
kill('STOP', $pid);
kill('KILL', $keeper);
$t->storage("UPDATE dbbat.grants SET revoked_at = now() WHERE revoked_at IS NULL");
kill('CONT', $pid);
$m = $late->receive(10);
is($m && $m->{type} eq 'E' && DBBat::Client::error($m)->{C}, '57P01', 'a revocation that no keeper heard of');

# --- in the background, with the key from the environment ------------------------------------------------

my $b = $t->node(key => (slurp("$dir/key") =~ /(\S+)/)[0], start => 0);
my $program = "$b->{dir}/dbbat";
run(cmd => ['cp', DBBat::Daemon::program(), $program]);
{
	local $ENV{DBBAT_PROGRAM} = $program;
	is(DBBat::Daemon::command([], env => $b->{env})->{exit}, 0, 'in the background');
}
($pid) = slurp("$b->{dir}/run/dbbat.pid") =~ /^(\d+)$/m;
END { kill('KILL', $pid) if $pid }
ok(poll_until(sub { $b->healthy }, 10), 'it serves');
my $workers = sub { my %c; for (glob '/proc/[0-9]*/stat') { my ($p, $pp) = slurp($_) =~ /^(\d+) \(.*\) \S (\d+)/s or next; $c{$p} = 1 if $pp == $pid } return join ' ', sort keys %c };
# keeper, janitor, shipper, api, spares
my $first = '';
ok(poll_until(sub { my $before = $first; $first = $workers->(); split(' ', $first) == 1 + 1 + 1 + 2 + 4 && $first eq $before }, 10), 'all its processes are there')
	or diag($first);
# something is installed over it that is no dbbat, cannot be one, and one that is
for ([ "#!/bin/sh\nexit 0\n", 0755, 'another program' ], [ 'garbage', 0755, 'no program' ], [ '', 0644, 'nothing' ]) {
	put($program, $_->[0], $_->[1]);
	kill('HUP', $pid);
	sleep 0.5;
	is($workers->(), $first, "$_->[2] at its path changes nothing");
}
run(cmd => ['cp', DBBat::Daemon::program(), "$program.new"]);
rename "$program.new", $program;
kill('HUP', $pid);
ok(poll_until(sub { my %now = map { $_ => 1 } split ' ', $workers->(); %now && !grep { $now{$_} } split ' ', $first }, 10),
	'SIGHUP: all processes are new');
ok(kill(0, $pid) && $b->healthy, 'under the same pid');
kill('TERM', $pid);
ok(poll_until(sub { !kill(0, $pid) }, 15), 'SIGTERM ends it');
ok(!-e "$b->{dir}/run/dbbat.pid", 'and the pid file goes');

$t->done;
