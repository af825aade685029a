# Programs the tests start: each in a process group of its own, with its output in
# files, and none of them left behind when the test ends, however it ends.
package DBBat::Process;

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();
use POSIX qw(:sys_wait_h setpgid _exit);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(run spawn poll_until group_pids slurp scratch_dir build_dir as_account patience);

my $main_pid = $$;
my %live;		# pid => DBBat::Process, until it is reaped and its group empty
my $scratch;

# Nothing of the caller's surroundings changes what a test sees.
delete @ENV{grep { /^(PG|DBB_|PGL_)/ } keys %ENV};
delete @ENV{qw(http_proxy HTTP_PROXY https_proxy all_proxy ALL_PROXY)};
@ENV{qw(LC_ALL TZ)} = ('C', 'UTC');

# A test that hangs or is told to go cleans up like one that ends: die runs END.
$SIG{$_} = sub { die "stopped by SIG$_[0]\n" } for qw(INT TERM HUP);
$SIG{ALRM} = sub { die "the test took too long\n" };
alarm(180 * patience());

# Sanitizer builds are slower: everything that waits waits longer.
sub patience
{
	return ($ENV{DBBAT_BUILD} // '') =~ /san|address|undefined|thread/ ? 5 : 1;
}

# Where what all tests share is kept.
sub build_dir
{
	return $ENV{DBBAT_BUILD} // die "DBBAT_BUILD is not set: run the tests by make check-only\n";
}

# A short path, because socket paths are short; PostgreSQL's account can pass through.
sub scratch_dir
{
	if (!$scratch) {
		$scratch = File::Temp->newdir('dbbat-XXXXXX', DIR => '/tmp', CLEANUP => 0)->dirname;
		chmod(0711, $scratch);
	}
	return $scratch;
}

# PostgreSQL does not run as root: what must not, goes through here.
sub as_account
{
	return @_ if $> != 0;
	return ('setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', '--', @_);
}

# spawn(cmd => [...], env => {...}, stdin => text, out => file, err => file)
sub spawn
{
	my %o = @_;
	my $stem = scratch_dir() . '/out.' . $$ . '.' . ++our $serial;
	my $self = bless {
		cmd => $o{cmd}, started => time,
		out_file => $o{out} // "$stem.out", err_file => $o{err} // "$stem.err",
	}, __PACKAGE__;

	if (defined $o{stdin}) {
		open(my $in, '>:raw', "$stem.in") or die "$stem.in: $!";
		print $in $o{stdin};
		close $in;
	}
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		@SIG{qw(INT TERM HUP ALRM)} = ('DEFAULT') x 4;
		setpgid(0, 0);
		if ($o{env}) {
			for (keys %{$o{env}}) {
				defined $o{env}{$_} ? ($ENV{$_} = $o{env}{$_}) : delete $ENV{$_};
			}
		}
		open(STDIN, '<', defined $o{stdin} ? "$stem.in" : '/dev/null') or _exit(126);
		open(STDOUT, '>>', $self->{out_file}) or _exit(126);
		open(STDERR, '>>', $self->{err_file}) or _exit(126);
		exec { $o{cmd}[0] } @{$o{cmd}} or do {
			print STDERR "$o{cmd}[0]: $!\n";
			_exit(127);
		};
	}
	setpgid($pid, $pid);
	$self->{pid} = $pid;
	$live{$pid} = $self;
	return $self;
}

# Runs to the end: { exit, signal, out, err, timed_out, seconds }
sub run
{
	my %o = @_;
	my $p = spawn(%o);
	my $timeout = ($o{timeout} // 60) * patience();

	my $done = $p->wait($timeout);
	$p->kill_group('KILL');
	$p->wait(5) if !$done;
	delete $live{$p->{pid}};
	my $status = $p->{status} // 0;
	my %r = (
		exit => $done ? $status >> 8 : -1, signal => $status & 127, timed_out => !$done,
		out => $p->out, err => $p->err, seconds => time - $p->{started},
	);
	unlink $p->{out_file}, $p->{err_file};
	return \%r;
}

sub pid { $_[0]{pid} }
sub out { slurp($_[0]{out_file}) }
sub err { slurp($_[0]{err_file}) }

sub signal
{
	my ($self, $sig) = @_;
	return !defined $self->{status} && kill($sig, $self->{pid});
}

sub kill_group
{
	my ($self, $sig) = @_;
	return kill($sig, -$self->{pid});
}

# True when it has ended, within so many seconds; then {status} is set.
sub wait
{
	my ($self, $seconds) = @_;
	my $until = time + ($seconds // 0);
	until (defined $self->{status}) {
		my $got = waitpid($self->{pid}, WNOHANG);
		if ($got == $self->{pid}) {
			$self->{status} = $?;
		} elsif ($got < 0) {
			$self->{status} = 255 << 8;
		} elsif (time >= $until) {
			return 0;
		} else {
			sleep 0.005;
		}
	}
	return 1;
}

sub exit_code
{
	my ($self) = @_;
	return $self->{status} & 127 ? 128 + ($self->{status} & 127) : $self->{status} >> 8;
}

# The processes of a group that are not zombies.
sub group_pids
{
	my ($pgid) = @_;
	my @pids;
	for my $file (glob '/proc/[0-9]*/stat') {
		my $stat = slurp($file);
		my ($pid, $state, $group) = $stat =~ /^(\d+) \(.*\) (\S) \d+ (\d+) /s or next;
		push @pids, $pid if $group == $pgid && $state ne 'Z';
	}
	return @pids;
}

# The first true value of the sub within so many seconds, else undef.
sub poll_until
{
	my ($sub, $seconds) = @_;
	my $until = time + ($seconds // 10) * patience();
	while (1) {
		my $v = $sub->();
		return $v if $v;
		return undef if time >= $until;
		sleep 0.03;
	}
}

sub slurp
{
	my ($file) = @_;
	open(my $fh, '<:raw', $file) or return '';
	local $/;
	return scalar(<$fh>) // '';
}

END {
	if ($$ == $main_pid) {
		my $status = $?;
		alarm(0);
		$_->kill_group('KILL') for values %live;
		waitpid($_, 0) for keys %live;
		system('rm', '-rf', $scratch) if $scratch && !$ENV{DBBAT_KEEP};
		$? = $status;
	}
}

1;
