# A throw-away PostgreSQL cluster: a copy of one initdb per build directory.
package DBBat::Cluster;

use strict;
use warnings;

use Fcntl ':flock';
use File::Copy qw(copy);
use File::Path qw(make_path);

use DBBat::Port qw(free_port);
use DBBat::Process qw(run spawn poll_until slurp scratch_dir build_dir as_account);

use constant SUPERUSER_PASSWORD => 'of-the-superuser';

# Where PostgreSQL's own programs are.
sub bindir
{
	my @dirs = grep { -x "$_/initdb" } (split(/\n/, `pg_config --bindir 2>/dev/null`),
		sort { ($b =~ /(\d+)/)[0] <=> ($a =~ /(\d+)/)[0] } glob '/usr/lib/postgresql/*/bin');
	return $dirs[0] // die "PostgreSQL's server programs are missing: make deps\n";
}

sub new
{
	my ($class, %o) = @_;
	my $dir = scratch_dir() . '/pg' . ++our $serial;
	my $self = bless { dir => $dir, data => "$dir/data", log_file => "$dir/log", port => free_port() }, $class;

	mkdir $dir, 0700 or die "$dir: $!";
	_as_template($self->{data});
	open(my $conf, '>>', "$self->{data}/postgresql.conf") or die $!;
	print $conf <<"END";
listen_addresses = '127.0.0.1'
port = $self->{port}
unix_socket_directories = '$dir'
fsync = off
autovacuum = off
jit = off
max_connections = 150
log_line_prefix = '%u|'
END
	print $conf "$_ = '$o{conf}{$_}'\n" for sort keys %{$o{conf} // {}};
	close $conf;
	if ($> == 0) {
		my ($uid, $gid) = (getpwnam('postgres'))[2, 3];
		chown($uid, $gid, $dir);
	}
	$self->start;
	return $self;
}

# initdb once for all tests of a build directory; the others wait for it, then copy.
sub _as_template
{
	my ($to) = @_;
	my $cache = build_dir() . '/t/cluster';
	my ($version) = `@{[bindir()]}/postgres --version` =~ /([\d.]+)/;
	my $template = "$cache/$version-$>";

	make_path($cache);
	open(my $lock, '>', "$cache/lock") or die "$cache/lock: $!";
	flock($lock, LOCK_EX);
	if (!-d $template) {
		my $work = scratch_dir() . '/initdb';
		mkdir $work, 0700;
		open(my $pw, '>', "$work/pw") or die $!;
		print $pw SUPERUSER_PASSWORD, "\n";
		close $pw;
		system('chown', '-R', 'postgres:', $work) if $> == 0;
		my $r = run(timeout => 120, cmd => [as_account(bindir() . '/initdb', '-D', "$work/data", '-U', 'postgres',
			'--auth=scram-sha-256', "--pwfile=$work/pw", '--no-locale', '--encoding=UTF8', '--no-sync',
			'--no-instructions')]);
		die "initdb failed: $r->{err}$r->{out}" if $r->{exit} != 0;
		system('cp', '-a', "$work/data", "$template.new") == 0 or die 'cannot copy the cluster';
		rename("$template.new", $template) or die "$template: $!";
		system('rm', '-rf', $work);
	}
	system('cp', '-a', $template, $to) == 0 or die 'cannot copy the cluster';
	close $lock;
}

sub start
{
	my ($self) = @_;
	$self->{process} = spawn(out => $self->{log_file}, err => $self->{log_file},
		cmd => [as_account('setpriv', '--pdeathsig', 'QUIT', '--', bindir() . '/postgres', '-D', $self->{data})]);
	poll_until(sub { $self->{process}->wait(0) || $self->_answers }, 30)
		&& !$self->{process}->wait(0)
		or die 'PostgreSQL does not start: ' . slurp($self->{log_file});
}

sub _answers
{
	my ($self) = @_;
	return run(cmd => [bindir() . '/pg_isready', '-q', '-h', '127.0.0.1', '-p', $self->{port}])->{exit} == 0;
}

sub stop
{
	my ($self, $signal) = @_;
	# not ours any more after a restart_command
	my ($other) = $self->{process}->wait(0) ? slurp("$self->{data}/postmaster.pid") =~ /^(\d+)/ : ();
	if ($other) {
		kill('INT', $other);
		poll_until(sub { !kill(0, $other) }, 20);
		return;
	}
	$self->{process}->signal($signal // 'INT');
	$self->{process}->wait(20) or $self->{process}->kill_group('KILL');
	poll_until(sub { !DBBat::Process::group_pids($self->{process}->pid) }, 5);
}

# What stops the server and starts it again, from a shell, whoever asks.
sub restart_command
{
	my ($self) = @_;
	return join ' ', as_account(bindir() . '/pg_ctl', '-D', $self->{data}, qw(-w -m fast restart));
}

# Speaks TLS from here on, with copies of these.
sub tls
{
	my ($self, $crt, $key) = @_;
	my %from = (crt => $crt, key => $key);
	for (sort keys %from) {
		my $to = "$self->{data}/server.$_";
		copy($from{$_}, $to) && chmod(0600, $to) or die "$to: $!";
		system('chown', 'postgres:', $to) if $> == 0;
	}
	$self->sql('postgres', 'ALTER SYSTEM SET ssl = on');
	$self->sql('postgres', 'SELECT pg_reload_conf()');
	poll_until(sub { $self->sql('postgres', 'SHOW ssl') eq 'on' }, 10) or die 'no TLS: ' . $self->log;
}

sub port { $_[0]{port} }
sub log { slurp($_[0]{log_file}) }

sub dsn
{
	my ($self, $db, $user, $password) = @_;
	return "host=127.0.0.1 port=$self->{port} dbname=$db user=$user password=$password";
}

# SQL by the superuser; dies when it fails. Unaligned rows, fields joined by "|".
sub sql
{
	my ($self, $db, $sql) = @_;
	my $r = run(cmd => [bindir() . '/psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $self->dsn($db, 'postgres', SUPERUSER_PASSWORD)],
		stdin => $sql);
	die "psql: $r->{err}" if $r->{exit} != 0;
	chomp $r->{out};
	return $r->{out};
}

# A role that can log in, and a database of its own with the same name.
sub create
{
	my ($self, $name, $password) = @_;
	$self->sql('postgres', "CREATE ROLE $name LOGIN PASSWORD '$password';\nCREATE DATABASE $name OWNER $name;");
}

1;
