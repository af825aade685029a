#!/usr/bin/perl
# bench.pl [-r ROUNDS] [-w SECONDS] [-s SECTION,...] [-b ROWS] [-c CLIENTS,...]
#		[-n SESSIONS] [-o PROGRAM] [-f] [-k]
#
# Measures DBBat against the same PostgreSQL reached directly and through PgBouncer, and prints each target
# with what was measured. Only ratios of one round mean anything: in each round all ways take their turn, in
# rotating order, and what is printed is the median of the rounds' ratios, with their spread.
#
#	-r  rounds (3)    -w  seconds of one measurement (2)    -b  rows of the table for bulk work (2000000)
#	-s  sections: select, one, pipeline, connect, bulk, tls, read, capture, memory, many (all)
#	-c  numbers of clients of the section select (1,8,64)    -n  sessions of the section many (2000)
#	-o  another dbbat, an older one for instance, is one more way in the first five sections
#	-f  a relay that does nothing but pass bytes on is one more way in the first five sections
#	-k  keep it all running, say how to reach it, and wait for the end of input
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";
use Getopt::Std;
use List::Util qw(sum);

use DBBat::Process;
use Measure qw(pgbench pgbench_on_one copy_out copy_in select_rows idle_memory many_sessions login_stages);
use Ways;

my %o = (r => 3, w => 2, n => 2000, c => '1,8,64', b => 2_000_000, s => 'select,one,pipeline,connect,bulk,tls,read,capture,memory,many');
getopts('r:w:s:b:c:n:o:fk', \%o) or die "see the head of $0\n";
my %wanted = map { $_ => 1 } split /,/, $o{s};
alarm(0);
$| = 1;

my $ways = Ways->new(bulk => $o{b}, other => $o{o}, floor => $o{f}, told => $wanted{connect});
my @rows;	# of the table at the end
chomp(my $processors = qx(nproc));

sub median { my @s = sort { $a <=> $b } @_; return @s % 2 ? $s[@s / 2] : ($s[@s / 2 - 1] + $s[@s / 2]) / 2; }
sub spread { my @s = sort { $a <=> $b } @_; return $s[-1] - $s[0]; }

# Plays all ways in turn; { way => [value of each round] }.
sub rounds
{
	my ($name, $names, $measure) = @_;
	my %got = map { $_ => [] } @$names;
	for my $r (0 .. $o{r} - 1) {
		my @order = map { $names->[($_ + $r) % @$names] } 0 .. $#$names;
		for my $way (@order) {
			my $v = $measure->($way);
			warn "$name, $way: $v->{error}\n" if $v->{error};
			push @{$got{$way}}, $v;
		}
	}
	printf "%-26s %-13s %9s %10s %10s %10s %10s %10s\n", $name, 'way', 'rate', 'CPU us', 'storage', 'target', 'client', 'nobody';
	for my $way (@$names) {
		my @ok = grep { !$_->{error} } @{$got{$way}} or next;
		my @parts = map { my $part = $_; median(map { $_->{$part} } @ok) } qw(cpu stored target client);
		my $rate = median(map { $_->{value} } @ok);
		printf "%-26s %-13s %9.4g" . ' %10.1f' x 5 . "\n", '', $way, $rate, @parts, $processors * 1e6 / $rate - sum(@parts);
	}
	return \%got;
}

# The ratios of two ways of one work in `what` (value or cpu), a round each; `more` is added to a way's seconds for one.
sub ratios
{
	my ($got, $way, $to, $what, $more) = @_;
	return map { my ($v, $w) = ($got->{$way}[$_], $got->{$to}[$_]);
		my $late = $more ? $more->($_) : 0;
		$v->{error} || $w->{error} || !$w->{$what} ? () : $v->{$what} / (1 + $late * $v->{$what}) / $w->{$what} } 0 .. $o{r} - 1;
}

# A row: the target is a floor, or a ceiling where negative; there may be none. Its bound is what the relay that does nothing has; where the
# processors are `full`, with the CPU that the storage uses for DBBat's row of the log.
sub judge
{
	my ($name, $got, $way, $to, $target, %j) = @_;
	my $what = $j{what} // 'value';
	my @ratios = ratios($got, $way, $to, $what);
	my @bound = $got->{floor} ? ratios($got, 'floor', $to, $what,
		$j{full} ? sub { ($got->{$way}[$_[0]]{stored} // 0) / 1e6 / $processors } : undef) : ();
	push @rows, ["$name, " . ($what eq 'cpu' ? 'CPU ' : '') . "$way / $to", $target,
		@ratios ? (median(@ratios), spread(@ratios)) : (undef, undef), @bound ? median(@bound) : ()];
}

sub plain { my ($name, $v, $target) = @_; push @rows, [$name, $target, defined $v->{value} ? ($v->{value}, 0) : ()]; }

sub table
{
	printf "\n%-52s %10s %10s %8s %8s\n", 'work', 'target', 'measured', 'spread', $o{f} ? 'bound' : '';
	for (@rows) {
		my ($name, $target, $v, $spread, $bound) = @$_;
		my ($wanted, $verdict) = ('-', '');
		if ($target) {
			my $pass = defined $v && ($target < 0 ? $v <= -$target : $v >= $target);
			($wanted, $verdict) = (($target < 0 ? '<= ' : '>= ') . abs $target, $pass ? 'pass' : 'FALLS SHORT');
		}
		printf "%-52s %10s %10s %8s %8s  %s\n", $name, $wanted, defined $v ? sprintf('%.3f', $v) : '-',
			defined $v ? sprintf('%.2f', $spread) : '', defined $bound ? sprintf('%.3f', $bound) : '', $verdict;
	}
}

if ($o{k}) {
	print map { "PGPASSWORD=" . Ways::PASSWORD() . " psql '" . $ways->conninfo($_) . "'\n" } sort keys %{$ways->{ways}};
	print "dbbat $ways->{dbbat}{dir} pid ", $ways->{dbbat}->pid, "\n";
	<STDIN>;
	exit 0;
}

my @other = $o{o} ? ('other_dbbat') : ();
my @three = (qw(direct dbbat pgbouncer), @other);
my @floor = $o{f} ? ('floor') : ();
if ($wanted{select}) {
	for my $c (split /,/, $o{c}) {
		for my $mode (qw(simple extended prepared)) {
			my $got = rounds("$mode, $c", [@three, @floor], sub { pgbench($ways, $_[0], $o{w}, '-S', '-M', $mode, '-c', $c, '-j', $c > 1 ? 2 : 1) });
			judge("$mode, $c", $got, 'dbbat', 'direct', 0.75) if $c == 1;
			judge("$mode, $c", $got, 'dbbat', 'pgbouncer', $c == 1 ? 1.15 : 1, full => $c >= 4 * $processors);
			judge("$mode, $c", $got, 'dbbat', 'pgbouncer', $c == 1 ? -1 : -1.25, what => 'cpu') if $c != 8;
		}
	}
}
if ($wanted{one}) {
	for my $mode (qw(simple extended prepared)) {
		my $got = rounds("$mode, 1, one processor", [@three, @floor], sub { pgbench_on_one($ways, $_[0], $o{w}, '-S', '-M', $mode, '-c', 1) });
		judge("$mode, 1, one processor", $got, 'dbbat', $_) for qw(direct pgbouncer);
	}
}
if ($wanted{pipeline}) {
	my $file = scratch_file('pipeline.sql', "\\startpipeline\n" . "SELECT abalance FROM pgbench_accounts WHERE aid = 1;\n" x 20 . "\\endpipeline\n");
	for my $c (1, 8) {
		my $got = rounds("pipeline of 20, $c", [@three, @floor], sub { pgbench($ways, $_[0], $o{w}, '-M', 'extended', '-f', $file, '-c', $c, '-j', 1) });
		judge("pipeline of 20, $c", $got, 'dbbat', 'pgbouncer', 1.05, full => $c >= 4 * $processors);
	}
}
if ($wanted{connect}) {
	my $got = rounds('a connection each', [qw(direct dbbat), @other, @floor], sub { pgbench($ways, $_[0], $o{w}, '-S', '-C', '-c', 1, '-j', 1) });
	judge('a connection each', $got, 'dbbat', 'direct', 0.93);
	my $told = login_stages($ways, 'told_dbbat', $o{w} * $o{r});
	warn "stages of a login: $told->{error}\n" if $told->{error};
	for (@{$told->{stages}}) {
		my ($stage, $kind, $us) = @$_;
		printf "%-24s %-14s %12.0f us\n", $kind eq 'work' ? 'work of the session' : 'it waits for', $stage, median(@$us);
		plain("login, work of $stage, us", { value => median(@$us) }, -300) if $kind eq 'work';
	}
}
if ($wanted{bulk}) {
	my $narrow = int($o{b} * 5 / 2);
	for (['COPY out', sub { copy_out($ways, $_[0]) }], ['COPY in', sub { copy_in($ways, $_[0]) }],
	    ['SELECT of narrow rows', sub { select_rows($ways, $_[0], 'SELECT g FROM narrow') }]) {
		my $got = rounds($_->[0], [@three, @floor], $_->[1]);
		judge($_->[0], $got, 'dbbat', 'direct', 0.95);
		judge($_->[0], $got, 'dbbat', 'pgbouncer', 1);
	}
}
if ($wanted{tls}) {
	for (['TLS, simple, 1', sub { pgbench($ways, $_[0], $o{w}, '-S', '-c', 1) }],
	    ['TLS, prepared, 8', sub { pgbench($ways, $_[0], $o{w}, '-S', '-M', 'prepared', '-c', 8, '-j', 2) }],
	    ['TLS, COPY out', sub { copy_out($ways, $_[0]) }], ['TLS, COPY in', sub { copy_in($ways, $_[0]) }],
	    ['TLS, SELECT of narrow rows', sub { select_rows($ways, $_[0], 'SELECT g FROM narrow') }]) {
		my $got = rounds($_->[0], [qw(dbbat_tls pgbouncer_tls), map { "${_}_tls" } @other], $_->[1]);
		judge($_->[0], $got, 'dbbat_tls', 'pgbouncer_tls', 1);
	}
}
if ($wanted{read}) {
	my $got = rounds('read grant, prepared, 1', [qw(dbbat low pinned)],
		sub { pgbench($ways, $_[0], $o{w}, '-S', '-M', 'prepared', '-c', 1) });
	judge('read grant, prepared, 1', $got, 'low', 'dbbat', 0.95);
	judge('read grant, prepared, 1', $got, 'pinned', 'dbbat', 0.60);
}
if ($wanted{capture}) {
	my $got = rounds('capture, prepared, 1', [qw(dbbat capture)], sub { pgbench($ways, $_[0], $o{w}, '-S', '-M', 'prepared', '-c', 1) });
	judge('capture, prepared, 1', $got, 'capture', 'dbbat', 0.95);
	$got = rounds('capture, SELECT', [qw(dbbat capture)], sub { select_rows($ways, $_[0], 'SELECT g FROM narrow') });
	judge('capture, SELECT', $got, 'capture', 'dbbat', 0.95);
}
if ($wanted{memory}) {
	plain('PSS of an idle session, kB', idle_memory($ways, 'dbbat', 20), -1024);
	plain('PSS of an idle session with TLS, kB', idle_memory($ways, 'dbbat_tls', 20), -1536);
}
plain('sessions at once', many_sessions($ways, 'dbbat', $o{n}), $o{n}) if $wanted{many};
table();
exit(0);

sub scratch_file
{
	my ($name, $text) = @_;
	my $path = DBBat::Process::scratch_dir() . "/$name";
	open(my $f, '>', $path) or die "$path: $!";
	print $f $text;
	close $f;
	return $path;
}
