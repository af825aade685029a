# One dbbat in the foreground, its environment, its log and its end.
package DBBat::Daemon;

use strict;
use warnings;

use IO::Socket::INET;
use Test::More;

use DBBat::Port qw(free_port);
use DBBat::Process qw(run spawn poll_until slurp scratch_dir group_pids patience);

# What must never be in the log, whatever the test did.
my $bad_lines = qr/AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Assertion|stack smashing|
	free\(\)|malloc\(\)|double free|(?i:segmentation)|(?i:signal\ (?:4|6|7|8|11)\b)/x;

sub program
{
	return $ENV{DBBAT_PROGRAM} // die "DBBAT_PROGRAM is not set: run the tests by make check-only\n";
}

# dbbat with these arguments and environment, to its end.
sub command
{
	my ($args, %o) = @_;
	return run(cmd => [program(), @$args], env => _sanitizer($o{env}), timeout => $o{timeout} // 20);
}

# Leaks are looked for by the unit tests; an account change hides a process from LeakSanitizer.
sub _sanitizer
{
	my ($env) = @_;
	return { ASAN_OPTIONS => 'detect_leaks=0', UBSAN_OPTIONS => 'print_stacktrace=1', %{$env // {}} };
}

sub keygen
{
	my $r = command(['keygen']);
	die "dbbat keygen: $r->{err}" if $r->{exit} != 0;
	chomp $r->{out};
	return $r->{out};
}

# dsn is needed; env adds to and replaces what is set here; start => 0 leaves it to the test.
sub new
{
	my ($class, %o) = @_;
	my $dir = scratch_dir() . '/dbbat' . ++our $serial;
	my ($pg, $api) = (free_port(), free_port());

	mkdir $dir, 0711 or die "$dir: $!";
	mkdir "$dir/$_", 0700 for qw(state run);
	if ($> == 0) {
		my ($uid, $gid) = (getpwnam('postgres'))[2, 3];
		chown($uid, $gid, "$dir/state", "$dir/run");
	}
	my $self = bless {
		dir => $dir, log_file => "$dir/log", pg_port => $pg, api_port => $api,
		env => {
			DBB_DSN => $o{dsn}, DBB_KEY => $o{key} // keygen(),
			DBB_LISTEN_PG => "127.0.0.1:$pg", DBB_LISTEN_API => "127.0.0.1:$api",
			DBB_STATE_DIR => "$dir/state", DBB_RUNTIME_DIR => "$dir/run",
			DBB_SHIP_INTERVAL => '100ms', DBB_LOG_LEVEL => 'debug',
			$> == 0 ? (DBB_USER => 'postgres') : (),
			%{$o{env} // {}},
		},
	}, $class;
	$self->start if $o{start} // 1;
	return $self;
}

sub launch
{
	my ($self) = @_;
	my ($log, $env) = ($self->{log_file}, _sanitizer($self->{env}));
	$self->{process} = spawn(cmd => [program(), '-f', @{$self->{args} // []}], env => $env, out => $log, err => $log);
}

sub start
{
	my ($self) = @_;
	$self->launch;
	$self->wait_ready;
}

# Both ports answer: the API with its health, the proxy with a connection.
sub wait_ready
{
	my ($self) = @_;
	my $up = poll_until(sub { $self->{process}->wait(0) || ($self->healthy && $self->connects) }, 20);
	die 'dbbat does not come up: ' . $self->log if !$up || $self->{process}->wait(0);
}

sub healthy
{
	my ($self) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{api_port}, Timeout => 2) or return 0;
	local $SIG{PIPE} = 'IGNORE';
	print $s "GET /api/health HTTP/1.0\r\nHost: localhost\r\n\r\n";
	my $line = <$s> // '';
	return $line =~ /^HTTP\/1\.. 200 /;
}

sub connects
{
	my ($self) = @_;
	return defined IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{pg_port}, Timeout => 2);
}

sub pid { $_[0]{process}->pid }
sub log { slurp($_[0]{log_file}) }
sub pids { group_pids($_[0]{process}->pid) }

# "pid title" of each process whose title matches; ps cuts nothing.
sub titles
{
	my ($self, $match) = @_;
	my %mine = map { $_ => 1 } $self->pids;
	my @found;
	for (split /\n/, run(cmd => ['ps', '-ww', '-e', '-o', 'pid=,args='])->{out}) {
		my ($pid, $args) = /^\s*(\d+)\s+(.*)/ or next;
		push @found, "$pid $args" if $mine{$pid} && $args =~ $match;
	}
	return @found;
}

# Asks it to go and waits; the exit code, or undef when it had to be killed.
sub stop
{
	my ($self, $signal, $seconds) = @_;
	$self->{process}->signal($signal // 'TERM');
	my $ended = $self->{process}->wait(($seconds // 10) * patience());
	poll_until(sub { !$self->pids }, 3) if $ended;
	$self->{left} = [$self->pids];
	$self->{process}->kill_group('KILL');
	$self->{process}->wait(5);
	return $ended ? $self->{process}->exit_code : undef;
}

# The tests that every test ends with.
sub check_end
{
	my ($self) = @_;
	is($self->stop('INT'), 0, 'dbbat ends when it is told to, with exit code 0') if !defined $self->{process}{status};
	is("@{$self->{left} // []}", '', 'no process of it is left');
	my @bad = grep { $_ =~ $bad_lines } split /\n/, $self->log;
	is("@bad", '', 'no crash and no sanitizer report in its log');
}

1;
