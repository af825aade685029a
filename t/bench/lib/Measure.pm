# What is measured of a way: rates (the larger the better), and what they cost.
package Measure;

use strict;
use warnings;

use Exporter 'import';
use POSIX ();
use Socket;
use Time::HiRes qw(time sleep);

use DBBat::Client;
use DBBat::Cluster;
use DBBat::Process qw(run scratch_dir slurp poll_until spawn);

our @EXPORT_OK = qw(pgbench pgbench_on_one copy_out copy_in select_rows idle_memory many_sessions login_stages cpu pids);

our @launcher;	# before pgbench
my $ticks = POSIX::sysconf(&POSIX::_SC_CLK_TCK);

# A process and what descends from it, as [pid, own and waited-for CPU seconds].
sub _tree
{
	my ($top) = @_;
	my (%kids, %cpu);
	for my $file (glob '/proc/[0-9]*/stat') {
		my ($pid, $rest) = slurp($file) =~ /^(\d+) \(.*\) \S (.*)/s or next;
		my @f = split / /, $rest;
		push @{$kids{$f[0]}}, $pid;
		$cpu{$pid} = ($f[10] + $f[11] + $f[12] + $f[13]) / $ticks;
	}
	my @todo = ($top);
	my @found;
	while (defined(my $pid = shift @todo)) {
		push @found, [$pid, $cpu{$pid} // 0];
		push @todo, @{$kids{$pid} // []};
	}
	return @found;
}

sub cpu { my $sum = 0; $sum += $_->[1] for _tree($_[0]); return $sum; }
sub pids { return map { $_->[0] } _tree($_[0]); }

# CPU seconds of what is in between, of the storage, the target and the client around what the sub does; it waits until sessions
# have ended, because an ended process's time is known exactly, that of a living one in ticks, and until all they have recorded
# is shipped.
sub _charged
{
	my ($ways, $way, $sub) = @_;
	my %pid = (cpu => $way->{pid}, stored => $ways->{storage}{process}->pid, target => $ways->way('direct')->{pid});
	my $n = () = pids($way->{pid});
	my %charged = map { $_ => -cpu($pid{$_}) } keys %pid;
	$charged{client} -= $_ for times;
	my $v = $sub->();
	$charged{client} += $_ for times;
	poll_until(sub { pids($way->{pid}) <= $n }, 2) if $way->{name} ne 'direct';
	poll_until(sub { !glob "$way->{journals}/*.journal" }, 30) if $way->{journals};
	sleep 0.05;
	$charged{$_} += cpu($pid{$_}) for keys %pid;
	$charged{cpu} = 0 if $way->{name} eq 'direct';
	return ($v, \%charged);
}

# A value with its cost in microseconds of each of n.
sub _costs
{
	my ($value, $n, $charged) = @_;
	return { value => $value, map { $_ => $charged->{$_} / $n * 1e6 } keys %$charged };
}

# Transactions a second; CPU in microseconds of a transaction.
sub pgbench
{
	my ($ways, $name, $seconds, @args) = @_;
	my $way = $ways->way($name);
	my ($r, $charged) = _charged($ways, $way, sub { run(timeout => $seconds + 120, env => { PGPASSWORD => Ways::PASSWORD() },
		cmd => [@launcher, DBBat::Cluster::bindir() . '/pgbench', '-n', '-T', $seconds, @args, $ways->conninfo($name)]) });
	my ($tps) = $r->{out} =~ /^tps = ([\d.]+)/m;
	my ($n) = $r->{out} =~ /^number of transactions actually processed: (\d+)/m;
	return { error => $r->{err} || $r->{out} } if $r->{exit} != 0 || !$tps || !$n;
	return _costs($tps, $n, $charged);
}

# The same where the client, the target and what is between them have one processor, and the storage and the rest of DBBat the
# others: what a transaction takes is then what they use, and not how long a processor takes to wake.
sub pgbench_on_one
{
	my ($ways, $name, $seconds, @args) = @_;
	my $way = $ways->way($name);
	my ($all) = slurp('/proc/self/status') =~ /^Cpus_allowed:\s+([\da-f]+)$/m or die 'more than 32 processors';
	my $bind = sub {
		my ($to, $rest) = @_;
		# what is forked while it runs is a session
		my @rest = (pids($ways->{storage}{process}->pid), grep { slurp("/proc/$_/cmdline") =~ /^dbbat: (?!supervisor|session)/ } pids($way->{pid}));
		my %rest = map { $_ => 1 } @rest;
		my @path = grep { !$rest{$_} } pids($ways->way('direct')->{pid}), pids($way->{pid});
		run(cmd => ['taskset', '-p', @$_]) for (map { [$to, $_] } @path), map { [$rest, $_] } @rest;
	};
	local @launcher = ('taskset', '1');
	$bind->('1', sprintf '%x', hex($all) & ~1);
	my $v = pgbench($ways, $name, $seconds, @args);
	$bind->($all, $all);
	return $v;
}

# Where the time of a login goes, as sessions tell at log_level debug: [stage, waits or works, the us of each login].
sub login_stages
{
	my ($ways, $name, $seconds) = @_;
	my $log = $ways->way($name)->{log};
	my $before = length slurp($log);
	my $r = pgbench($ways, $name, $seconds, '-S', '-C', '-c', 1, '-j', 1);
	return $r if $r->{error};
	my (%us, @stages);
	for my $line (substr(slurp($log), $before) =~ /let in after us of work: (.*)/g) {
		my ($work, $waits) = split /; of waits: /, $line;
		for (['work', $work], ['waits', $waits]) {
			my ($kind, $text) = @$_;
			while ($text =~ /(\w+) (\d+)/g) {
				push @stages, [$1, $kind, $us{$1} = []] if !$us{$1};
				push @{$us{$1}}, $2;
			}
		}
	}
	return { stages => \@stages };
}

# The last command, as psql times it: what a login takes is a row of its own.
sub _psql
{
	my ($ways, $name, @args) = @_;
	my ($r, $charged) = _charged($ways, $ways->way($name), sub { run(timeout => 300, env => { PGPASSWORD => Ways::PASSWORD() },
		cmd => [DBBat::Cluster::bindir() . '/psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-c', '\timing on', @args, $ways->conninfo($name)]) });
	my ($ms) = $r->{out} =~ /^Time: ([\d.]+) ms[^\n]*\n\z/m;
	return { error => $r->{err} || $r->{out} } if $r->{exit} != 0 || !$ms;
	return _costs(1000 / $ms, 1, $charged);
}

sub copy_out { my ($ways, $name) = @_; return _psql($ways, $name, '-c', '\copy bulk to /dev/null'); }

sub copy_in
{
	my ($ways, $name) = @_;
	my $file = scratch_dir() . '/bulk.txt';
	_psql($ways, 'direct', '-c', "\\copy bulk to $file") if !-e $file;
	return _psql($ways, $name, '-c', 'CREATE TEMP TABLE b (g bigint, a text, b text)', '-c', "\\copy b from $file");
}

# A client of our own; over TLS by way of openssl, which takes the same of every way's time. Ends with what is returned with it.
sub _client
{
	my ($way) = @_;
	return DBBat::Client->new($way->{port}) if $way->{ssl} eq 'disable';
	socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open(STDIN, '<&', $theirs) && open(STDOUT, '>&', $theirs) && open(STDERR, '>', '/dev/null') or POSIX::_exit(126);
		close $ours;
		# not a word of ours is a command of openssl's with -quiet
		exec 'openssl', 's_client', '-quiet', '-starttls', 'postgres', '-connect', "127.0.0.1:$way->{port}" or POSIX::_exit(127);
	}
	close $theirs;
	return (bless({ socket => $ours, in => '', parameters => {}, status => '' }, 'DBBat::Client'), $pid);
}

# Rows read by a client that does nothing with them.
sub select_rows
{
	my ($ways, $name, $sql) = @_;
	my $way = $ways->way($name);
	my ($v, $charged) = _charged($ways, $way, sub {
		my ($c, $pid) = _client($way);
		my $error = $c->login($way->{user}, Ways::PASSWORD(), $way->{db});
		return { error => $error->{M} } if $error;
		my ($socket, $bytes, $last) = ($c->{socket}, '', '');
		my $t0 = time;
		$c->send_raw(DBBat::Client::query_message($sql));
		while ($last ne "Z\0\0\0\5I") {
			my $n = sysread($socket, $bytes, 262144) or return { error => 'the connection ended' };
			$last = substr($last . substr($bytes, $n > 6 ? $n - 6 : 0, 6), -6);
		}
		my $seconds = time - $t0;
		$c->send_raw(pack 'aN', 'X', 4);
		$c->close;
		waitpid $pid, 0 if $pid;
		return { value => 1 / $seconds };
	});
	return $v->{error} ? $v : _costs($v->{value}, 1, $charged);
}

# PSS in kB of a session that has run a statement and is idle: the mean of n.
sub idle_memory
{
	my ($ways, $name, $n) = @_;
	my $pid = $ways->way($name)->{pid};
	my %before = map { $_ => 1 } pids($pid);
	my @psql = map { spawn(cmd => ['sh', '-c', "(echo 'SELECT 1;'; sleep 6) | exec \"\$@\"", 'sh', DBBat::Cluster::bindir() . '/psql',
		'-XAtq', $ways->conninfo($name)], env => { PGPASSWORD => Ways::PASSWORD() }) } 1 .. $n;
	sleep 4;
	my ($sum, $count) = (0, 0);
	for my $session (grep { slurp("/proc/$_/cmdline") =~ /session writer/ } pids($pid)) {
		my ($pss) = slurp("/proc/$session/smaps_rollup") =~ /^Pss:\s+(\d+)/m or next;
		$sum += $pss;
		$count++;
	}
	$_->wait(10) for @psql;
	return $count ? { value => $sum / $count } : { error => 'no session was found' };
}

# Sessions that were open at once, and those that then answered.
sub many_sessions
{
	my ($ways, $name, $n) = @_;
	my $file = scratch_dir() . '/many.sql';
	open(my $f, '>', $file) or die "$file: $!";
	print $f "\\set t random(5, 15)\n\\sleep :t s\nSELECT 1;\n";
	close $f;
	my $p = spawn(env => { PGPASSWORD => Ways::PASSWORD() }, cmd => ['sh', '-c', "ulimit -n 8192; exec \"\$@\"", 'sh',
		DBBat::Cluster::bindir() . '/pgbench', '-n', '-f', $file, '-c', $n, '-j', '1', '-t', '1', $ways->conninfo($name)]);
	my ($most, $until) = (0, time + 300);
	until ($p->wait(1)) {
		return { error => 'pgbench does not end' } if time > $until;
		my $open = grep { slurp("/proc/$_/cmdline") =~ /session writer/ } pids($ways->way($name)->{pid});
		$most = $open if $open > $most;
	}
	my ($done) = $p->out =~ /^number of transactions actually processed: (\d+)/m;
	return { error => $p->err } if !$done;
	return { value => $most < $done ? $most : $done };
}

1;
