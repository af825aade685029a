#!/usr/bin/perl
# Whatever is killed, whenever: each statement that ran on the target is in the log, once. Clients insert rows whose
# number is in the statement's text, while sessions, keeper, API, janitor, shipper and supervisor are killed at random, storage is
# away, and the disk of the journals is full; in the end of each round everything is killed at once.
#
#	KILL_ROUNDS=300 KILL_SECONDS=3 make check-only T=t/e2e/journal_kill.t PROVE_FLAGS=-v
#
# The rounds take turns with audit_sync, or have that of KILL_SYNC.
use DBBat::Test;

use POSIX ();
use Time::HiRes qw(sleep time);

my $rounds = $ENV{KILL_ROUNDS} // 3;
my $seconds = $ENV{KILL_SECONDS} // 4;
my @syncs = $ENV{KILL_SYNC} // qw(journal fsync storage);
my $clients = 6;
alarm(((10 + 4 * $seconds) * $rounds + 180) * patience());

my $t = DBBat::Test->start(env => { DBB_SHIP_INTERVAL => '50ms', DBB_LOG_LEVEL => 'warning' }, serve => 0);
my $d = $t->daemon;
my $target = DBBat::Test::target_of_its_own('CREATE TABLE load (id bigint); GRANT INSERT ON load TO target');
mkdir "$d->{dir}/state/journal", 0700;
# small, so that it can be filled
my $disk = $> == 0 && system('mount', '-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', "$d->{dir}/state/journal") == 0;
my $filler = "$d->{dir}/state/journal/filler";
system('chown', 'postgres:', "$d->{dir}/state/journal") if $> == 0;
END { system('umount', '-l', "$d->{dir}/state/journal") if $disk && $d }
$d->start;
$t->database(DBBat::Test::DATABASE, port => $target->port);
$t->access('john', 'write');

# One client: ids from its first on, each sent at most once, in every way a statement can come.
sub client
{
	my ($id, $until) = @_;
	srand($id);
	while (time < $until) {
		my $c = eval { $t->raw };
		my $error = $c ? eval { $c->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE) } : 1;
		if ($error || $@) {
			sleep 0.05;
			next;
		}
		for (1 .. 1 + int rand 2000) {
			last if time >= $until;
			my $way = rand;
			if ($way < 0.02) {
				$c->send_raw(DBBat::Client::query_message('INSERT INTO load VALUES (' . $id++ . ')'),
					DBBat::Client::terminate());
				last;
			}
			my $padding = rand() < 0.5 ? ' /* ' . ('x' x rand 5000) . ' */' : '';
			my @sql = map { 'INSERT INTO load VALUES (' . $id++ . ')' . $padding } 1 .. ($way < 0.1 ? 5 : 1);
			$c->send_raw($way < 0.3 ? (map({ DBBat::Client::extended($_) } @sql), DBBat::Client::sync())
				: DBBat::Client::query_message(join '; ', @sql));
			my @m = $c->receive_ready(3);
			last if !@m || $m[-1]{type} ne 'Z';
		}
		$c->close;
	}
}

my $first = 1;
sub load_start
{
	my ($until) = @_;
	my @pids;
	for (1 .. $clients) {
		my $id = $first;
		$first += 1_000_000;
		my $pid = fork() // die "fork: $!";
		if ($pid == 0) {
			alarm(60 * patience());
			$SIG{ALRM} = 'DEFAULT';
			eval { client($id, $until) };
			POSIX::_exit(0);
		}
		push @pids, $pid;
	}
	return @pids;
}

# The numbers of each statement that is there, with how often it is.
sub numbers
{
	my %n;
	$n{$_}++ for grep { length } split /\n/, $_[0];
	return \%n;
}

sub fill
{
	open(my $fh, '>', $filler) or return;
	my $block = 'x' x 65536;
	1 while (syswrite($fh, $block) // 0) == length $block;
	close $fh;
}

# --- what happens in a round, besides kills: from when to when, as parts of it -----------------------------

my @happenings = (
	[],
	[[0.3, 0.6, sub { $t->cluster->stop('QUIT') }, sub { $t->cluster->start }]],
	[[0.22, 0.7, sub { $t->cluster->stop('QUIT') }, sub { $t->cluster->start }],
		$disk ? [0.2, 0.6, \&fill, sub { unlink $filler }] : ()],
);

my (%killed, @supervisors);
sub victims
{
	my ($match) = @_;
	my @found = $d->titles($match);
	# sessions that a killed supervisor has left live on
	for my $group (@supervisors) {
		push @found, map { my $title = slurp("/proc/$_/cmdline") =~ tr/\0/ /r; $title =~ $match ? "$_ $title" : () }
			DBBat::Process::group_pids($group->pid);
	}
	return @found;
}

sub kill_one
{
	my ($kind, $match) = @_;
	my @found = victims($match) or return 0;
	my ($pid) = $found[rand @found] =~ /^(\d+)/;
	return kill('KILL', $pid) && ++$killed{$kind};
}

for my $round (1 .. $rounds) {
	my $until = time + $seconds * patience();
	my @pids = load_start($until);
	my @happen = map { my ($from, $to, @do) = @$_;
		map { { at => $until - $seconds * patience() * (1 - ($from, $to)[$_]), do => $do[$_] } } 0, 1 } @{$happenings[$round % 3]};
	my %helpers = (keeper => 2, api => 2, janitor => 2, shipper => 2);
	# when something happens, often after it
	my $supervisor_at = $until - $seconds * patience() * (@happen && rand() < 0.7 ? 0.3 : rand 0.9);

	while (time < $until || $supervisor_at) {
		sleep 0.01 + rand 0.1;
		for (grep { $_->{do} && time > $_->{at} } @happen) {
			$_->{do}->();
			$_->{do} = undef;
		}
		if ($supervisor_at && time > $supervisor_at) {
			$supervisor_at = 0;
			$d->{process}->signal('KILL') and $killed{supervisor}++;
			$d->{process}->wait(5);
			push @supervisors, $d->{process};
			# it needs storage to start, and the old one's disk
			while (my ($next) = sort { $a->{at} <=> $b->{at} } grep { $_->{do} } @happen) {
				sleep 0.05 while time < $next->{at};
				$next->{do}->();
				$next->{do} = undef;
			}
			$d->start;
		}
		# without storage no others come: those that are there must live to see the disk full
		next if -e $filler;
		# the supervisor waits longer and longer before it starts a helper again: a few times only
		my ($helper) = grep { $helpers{$_} && rand() < 0.05 } sort keys %helpers;
		if ($helper) {
			$helpers{$helper}-- if kill_one($helper, qr/^dbbat: \Q$helper\E/);
		} else {
			kill_one('session', qr/^dbbat: session .*@/);
		}
	}
	for (grep { $_->{do} } @happen) {
		$_->{do}->();
	}
	$_->kill_group('KILL') for $d->{process}, @supervisors;
	poll_until(sub { $d->{process}->wait(0) && !$d->pids && !grep { DBBat::Process::group_pids($_->pid) } @supervisors }, 10);
	@supervisors = ();
	waitpid($_, 0) for @pids;
	$d->{env}{DBB_AUDIT_SYNC} = $syncs[$round % @syncs];
	$d->start;
}
diag('killed: ' . join(', ', map { "$killed{$_} $_" } sort keys %killed)
	. '; refused for a full disk: ' . scalar(() = $t->log =~ /statement cannot be recorded.*No space/g)) if $ENV{KILL_ROUNDS};
cmp_ok($killed{session} // 0, '>', 0, 'sessions were killed');
is($killed{supervisor}, $rounds, 'and supervisors');

# --- what is in the log -------------------------------------------------------------------------------------

sub journals { my @files = glob("$d->{dir}/state/journal/*"); return @files; }
ok(poll_until(sub { !journals() }, 60), 'no journal is left behind') or diag(join ' ', journals());
poll_until(sub { $target->sql('postgres',
	"SELECT count(*) FROM pg_stat_activity WHERE usename = 'target'") == 0 }, 10);
my $ran = numbers($target->sql('target', 'SELECT id FROM load'));
my $logged = numbers($t->storage(q{SELECT (regexp_matches(sql_text, 'VALUES \((\d+)\)', 'g'))[1] FROM dbbat.queries}));
cmp_ok(scalar keys %$ran, '>', 100 * $rounds, 'statements ran');
diag(scalar(keys %$ran) . ' ran, ' . scalar(keys %$logged) . ' logged') if $ENV{KILL_ROUNDS};
is_deeply([grep { $ran->{$_} != 1 } sort keys %$ran], [], 'none ran twice');
is_deeply([grep { !$logged->{$_} } sort keys %$ran], [], 'all that ran is in the log');
my @twice = grep { $logged->{$_} != 1 } sort keys %$logged;
is_deeply(\@twice, [], 'nothing is in the log twice')
	or diag($t->storage("SELECT connection_id, seq, executed_at, status, command_tag, message, duration_us, length(sql_text), left(sql_text, 60)
		FROM dbbat.queries WHERE sql_text ~ 'VALUES \\\\($twice[0]\\\\)'"));
is($t->storage(q{SELECT count(*) FROM dbbat.queries WHERE status = 'running'}), 0, 'nothing is running in the log for ever');
ok(poll_until(sub { $t->storage('SELECT count(*) FROM dbbat.connections WHERE ended_at IS NULL') == 0 }, 40), 'every connection has an end');
is($t->storage(q{SELECT count(*) FROM dbbat.queries q WHERE NOT EXISTS (SELECT FROM dbbat.connections c WHERE c.id = q.connection_id)}), 0,
	'every statement its connection');
# what the log says has succeeded is there; what was cut off may be
my $ok = numbers($t->storage(q{SELECT (regexp_matches(sql_text, 'VALUES \((\d+)\)', 'g'))[1] FROM dbbat.queries WHERE status = 'ok'}));
my $pipelined = grep { !$ran->{$_} } keys %$ok;
cmp_ok($pipelined, '<=', 0.05 * keys %$ok, 'what the log calls done was done, but for pipelines cut off before their commit');
$t->done;
