# Sessions of john that insert number after number into a table `load`, and keep what each statement was answered.
#
#	my $load = DBBat::Load->start($t, 3);
#	...
#	my @told = $load->stop;			# "1000001 C Z:I", ...
#
# Each has a million numbers of its own, and goes on until it is told to stop or its session ends.
package DBBat::Load;

use strict;
use warnings;

use IO::Handle;
use POSIX ();
use Time::HiRes qw(sleep);

use DBBat::Client;
use DBBat::Process qw(slurp scratch_dir patience);

my $next = 1_000_001;	# the first number of the next session

# pause: seconds between two statements of one session. sql: of a number, the statement.
sub start
{
	my ($class, $t, $sessions, %o) = @_;
	my $self = bless { files => [], pids => [], low => $next, stop => scratch_dir() . "/load.$next.stop" }, $class;

	for (1 .. $sessions) {
		my $file = scratch_dir() . "/load.$next";
		my $c = $t->login('john');
		my $pid = fork() // die "fork: $!";
		if ($pid == 0) {
			$SIG{ALRM} = 'DEFAULT';
			alarm(60 * patience());
			eval { _insert($c, $next, $file, $self->{stop}, $o{pause} // 0, $o{sql} // sub { "INSERT INTO load VALUES ($_[0])" }) };
			POSIX::_exit($@ ne '');
		}
		push @{$self->{pids}}, $pid;
		push @{$self->{files}}, $file;
		$next += 1_000_000;
	}
	$self->{high} = $next - 1;
	return $self;
}

sub _insert
{
	my ($c, $n, $file, $stop, $pause, $sql) = @_;
	open(my $told, '>', $file) or POSIX::_exit(1);
	$told->autoflush;
	for (; !-e $stop; $n++) {
		my @m = $c->query($sql->($n));
		print $told "$n " . DBBat::Client::summary(@m) . "\n";
		last if !@m || $m[-1]{type} ne 'Z';
		sleep $pause if $pause;
	}
	$c->send_raw(DBBat::Client::terminate());
}

# Whether the last answer that each session has had is that one.
sub all_told
{
	my ($self, $answer) = @_;
	return !grep { slurp($_) !~ /^\d+ \Q$answer\E\n\z/m } @{$self->{files}};
}

# Ends them. What they were told, number and answer.
sub stop
{
	my ($self) = @_;
	open(my $fh, '>', $self->{stop}) or die "$self->{stop}: $!";
	close $fh;
	waitpid($_, 0) for @{$self->{pids}};
	return map { split /\n/, slurp($_) } @{$self->{files}};
}

# The numbers these sessions may have used, as SQL for behind a column.
sub between { return "BETWEEN $_[0]{low} AND $_[0]{high}" }

# The answers in a list that stop gave, each once.
sub answers
{
	my %answers = map { s/^\d+ //r => 1 } @_;
	return join ', ', sort keys %answers;
}

1;
