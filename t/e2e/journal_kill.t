#!/usr/bin/perl
# Whatever is killed, whenever: each statement that ran on the target is in the log, once. Clients insert
# rows whose number is in the statement's text, while processes are killed, storage is away and comes back,
# and in the end of each round everything is killed at once. DBBAT_LONG=N does N rounds.
use DBBat::Test;

use POSIX ();
use Time::HiRes qw(sleep time);

use DBBat::Cluster;

my $rounds = $ENV{DBBAT_LONG} // 2;
my $seconds = 5;
my $clients = 6;
alarm((30 * $rounds + 120) * patience());

my $t = DBBat::Test->start(env => { DBB_SHIP_INTERVAL => '50ms' });
my $d = $t->daemon;
my $target = DBBat::Cluster->new;
$target->create('target', DBBat::Test::TARGET_PASSWORD);
$target->sql('target', 'CREATE TABLE load (id bigint); GRANT INSERT ON load TO target');
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
		for (1 .. 1 + int rand 200) {
			last if time >= $until;
			my $way = rand;
			if ($way < 0.01) {
				$c->send_raw(DBBat::Client::query_message('INSERT INTO load VALUES (' . $id++ . ')'),
					DBBat::Client::terminate());
				last;
			}
			my @sql = map { 'INSERT INTO load VALUES (' . $id++ . ')' } 1 .. ($way < 0.1 ? 5 : 1);
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

my %killed;
for my $round (1 .. $rounds) {
	my $until = time + $seconds * patience();
	my @pids = load_start($until);
	my ($stop_at, $start_at) = ($until - $seconds * 0.6, $until - $seconds * 0.4);
	my %helpers = map { $_ => 2 } qw(keeper api janitor);

	while (time < $until) {
		sleep 0.02 + rand 0.15;
		if ($round % 2 == 0 && $stop_at && time > $stop_at) {
			$t->cluster->stop('QUIT');
			$stop_at = 0;
		} elsif ($round % 2 == 0 && $start_at && time > $start_at) {
			$t->cluster->start;
			$start_at = 0;
		}
		# the supervisor waits longer and longer before it starts a helper again: a few times only
		my ($helper) = grep { $helpers{$_} && rand() < 0.05 } sort keys %helpers;
		my @victims = $d->titles($helper ? qr/^dbbat: \Q$helper\E/ : qr/^dbbat: session .*@/);
		next if !@victims;
		$helpers{$helper}-- if $helper;
		my ($pid) = $victims[rand @victims] =~ /^(\d+)/;
		kill 'KILL', $pid and $killed{$helper // 'session'}++;
	}
	$t->cluster->start if $round % 2 == 0 && $start_at;
	$d->{process}->kill_group('KILL');
	poll_until(sub { $d->{process}->wait(0) && !$d->pids }, 10);
	waitpid($_, 0) for @pids;
	$d->start;
}
diag('killed: ' . join ', ', map { "$killed{$_} $_" } sort keys %killed) if $ENV{DBBAT_LONG};
cmp_ok($killed{session} // 0, '>', 3 * $rounds, 'sessions were killed');

sub journals { my @files = glob("$d->{dir}/state/journal/*"); return @files; }
ok(poll_until(sub { !journals() }, 60), 'no journal is left behind') or diag(join ' ', journals());
poll_until(sub { $target->sql('postgres',
	"SELECT count(*) FROM pg_stat_activity WHERE usename = 'target'") == 0 }, 10);
my $ran = numbers($target->sql('target', 'SELECT id FROM load'));
my $logged = numbers($t->storage(q{SELECT (regexp_matches(sql_text, 'VALUES \((\d+)\)', 'g'))[1] FROM dbbat.queries}));
cmp_ok(scalar keys %$ran, '>', 100 * $rounds, 'statements ran');
diag(scalar(keys %$ran) . ' ran, ' . scalar(keys %$logged) . ' logged') if $ENV{DBBAT_LONG};
is_deeply([grep { $ran->{$_} != 1 } sort keys %$ran], [], 'none ran twice');
is_deeply([grep { !$logged->{$_} } sort keys %$ran], [], 'all that ran is in the log');
is_deeply([grep { $logged->{$_} != 1 } sort keys %$logged], [], 'nothing is in the log twice');
is($t->storage(q{SELECT count(*) FROM dbbat.queries WHERE status = 'running'}), 0, 'nothing is running in the log for ever');
# one that was killed with its keeper between its row and its journal never said or did anything
is($t->storage(q{SELECT count(*) FROM dbbat.connections c WHERE ended_at IS NULL
	AND EXISTS (SELECT FROM dbbat.queries q WHERE q.connection_id = c.id)}), 0, 'every connection has an end');
# what the log says has succeeded is there; what was cut off may be
my $ok = numbers($t->storage(q{SELECT (regexp_matches(sql_text, 'VALUES \((\d+)\)', 'g'))[1] FROM dbbat.queries WHERE status = 'ok'}));
my $pipelined = grep { !$ran->{$_} } keys %$ok;
cmp_ok($pipelined, '<=', 0.05 * keys %$ok, 'what the log calls done was done, but for pipelines cut off before their commit');
$t->done;
