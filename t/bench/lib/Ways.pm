# The ways to one PostgreSQL that are compared: direct, through DBBat in several roles, through PgBouncer in
# session mode. Target and storage are clusters of their own, so that the storage's work can be told from
# the target's.
package Ways;

use strict;
use warnings;

use JSON::PP;

use DBBat::Cluster;
use DBBat::Daemon;
use DBBat::Port qw(free_port);
use DBBat::Process qw(run spawn poll_until scratch_dir as_account);

use constant PASSWORD => 'of-the-bench';

my %conf = (max_connections => 2200, shared_buffers => '256MB', max_wal_size => '4GB', checkpoint_timeout => '1h');

sub new
{
	my ($class, %o) = @_;
	my $self = bless { ways => {}, ids => {} }, $class;
	$self->{target} = DBBat::Cluster->new(conf => \%conf);
	$self->{storage} = DBBat::Cluster->new(conf => \%conf);
	$self->{target}->create('target', PASSWORD);
	$self->_fill($o{bulk});
	$self->_dbbat($ENV{DBBAT_PROGRAM}, 'storage', '');
	$self->_dbbat($o{other}, 'other', 'other_') if $o{other};
	$self->_dbbat($ENV{DBBAT_PROGRAM}, 'told', 'told_', 'debug') if $o{told};
	$self->_bouncer;
	$self->_floor if $o{floor};
	return $self;
}

# What is read: pgbench's tables, and `bulk`.
sub _fill
{
	my ($self, $rows) = @_;
	my $target = $self->{target};
	$self->_way('direct', $target->port, 'target', 'target', pid => $target->{process}->pid);
	my $r = run(cmd => [DBBat::Cluster::bindir() . '/pgbench', '-i', '-s', '10', '-q', $self->conninfo('direct')],
		env => { PGPASSWORD => PASSWORD }, timeout => 300);
	die "pgbench -i: $r->{err}" if $r->{exit} != 0;
	$target->sql('target', <<"END");
SET ROLE target;
CREATE TABLE bulk AS SELECT g, md5(g::text) a, md5((g * 7)::text) b FROM generate_series(1, $rows) g;
CREATE TABLE narrow AS SELECT g FROM generate_series(1, $rows * 5 / 2) g;
RESET ROLE;
CREATE ROLE reader LOGIN PASSWORD '@{[PASSWORD]}';
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
VACUUM ANALYZE;
CHECKPOINT;
END
}

sub _way
{
	my ($self, $name, $port, $user, $db, %o) = @_;
	$self->{ways}{$name} = { name => $name, port => $port, user => $user, db => $db, ssl => 'disable', %o };
}

sub way { $_[0]{ways}{$_[1]} // die "no such way: $_[1]\n" }

sub conninfo
{
	my ($self, $name) = @_;
	my $w = $self->way($name);
	return "host=127.0.0.1 port=$w->{port} user=$w->{user} dbname=$w->{db} sslmode=$w->{ssl}";
}

sub _api
{
	my ($port, $path, $body) = @_;
	my $r = run(cmd => ['curl', '-sS', '--max-time', 30, '-u', 'admin:admin', '-H', 'Content-Type: application/json',
		'--data-binary', '@-', "http://127.0.0.1:$port$path"], stdin => encode_json($body));
	my $json = eval { decode_json($r->{out}) };
	die "$path: $r->{out}$r->{err}" if !$json || !$json->{id};
	return $json->{id};
}

# As it is installed, but for max_sessions; hardly with a log.
sub _dbbat
{
	my ($self, $program, $storage, $prefix, $log_level) = @_;
	local $ENV{DBBAT_PROGRAM} = $program;
	$self->{storage}->create($storage, PASSWORD);
	my $dbbat = DBBat::Daemon->new(dsn => $self->{storage}->dsn($storage, $storage, PASSWORD),
		env => { DBB_LOG_LEVEL => $log_level // 'warning', DBB_MAX_SESSIONS => 2500 });
	$self->{dbbat} //= $dbbat;
	my %database = (description => '', host => '127.0.0.1', port => $self->{target}->port, database_name => 'target',
		password => PASSWORD, ssl_mode => 'disable', username => 'target');
	my %databases = (target => {}, captured => { capture => JSON::PP::true }, low => { username => 'reader' });
	my $api = $dbbat->{api_port};
	my %id = map { $_ => _api($api, '/api/databases', { %database, name => $_, %{$databases{$_}} }) } keys %databases;
	my @ways = ([qw(dbbat writer target write)], [qw(capture writer captured write)], [qw(low reader low read)],
		[qw(pinned reader target read)]);
	my %user = map { $_ => _api($api, '/api/users', { username => $_, password => PASSWORD, is_admin => JSON::PP::false }) }
		qw(writer reader);
	for (@ways) {
		my ($name, $user, $db, $level) = @$_;
		_api($api, '/api/grants', { user_id => $user{$user}, database_id => $id{$db}, access_level => $level,
			starts_at => '2024-01-01T00:00:00Z', expires_at => '2099-12-31T23:59:59Z' });
		$self->_way("$prefix$name", $dbbat->{pg_port}, $user, $db, pid => $dbbat->pid, log => $dbbat->{log_file},
			journals => "$dbbat->{dir}/state/journal");
	}
	$self->_way("${prefix}dbbat_tls", $dbbat->{pg_port}, 'writer', 'target', pid => $dbbat->pid, ssl => 'require',
		journals => "$dbbat->{dir}/state/journal");
}

# What a process for each connection costs at least (floor.c).
sub _floor
{
	my ($self) = @_;
	my ($program, $port) = ("$ENV{DBBAT_BUILD}/t/bench/floor", free_port());
	die "$program is missing: make bench builds it\n" if !-x $program;
	my $p = spawn(cmd => [$program, $port, '127.0.0.1', $self->{target}->port]);
	$self->_way('floor', $port, 'target', 'target', pid => $p->pid);
	_answers($self, 'floor', $p);
}

sub _answers
{
	my ($self, $name, $process) = @_;
	poll_until(sub { run(cmd => [DBBat::Cluster::bindir() . '/psql', '-XAtq', '-c', 'SELECT 1', $self->conninfo($name)],
		env => { PGPASSWORD => PASSWORD })->{exit} == 0 }, 10) or die "$name does not come up: " . $process->err;
}

# Debian's package, logging nothing, with the certificate of DBBat.
sub _bouncer
{
	my ($self) = @_;
	my ($dir, $port) = (scratch_dir() . '/pgbouncer', free_port());
	my ($program) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';
	die "pgbouncer is missing: contrib/deps.sh pgbouncer\n" if !$program;
	mkdir $dir, 0700 or die "$dir: $!";
	open(my $users, '>', "$dir/users") or die $!;
	print $users qq("target" "@{[PASSWORD]}"\n);
	close $users;
	my $certificate = "$self->{dbbat}{dir}/state/server";
	system('cp', "$certificate.crt", "$certificate.key", $dir) == 0 or die 'no certificate';
	open(my $ini, '>', "$dir/ini") or die $!;
	print $ini <<"END";
[databases]
target = host=127.0.0.1 port=@{[$self->{target}->port]} dbname=target
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $dir/users
pool_mode = session
max_client_conn = 2500
default_pool_size = 2200
client_tls_sslmode = allow
client_tls_key_file = $dir/server.key
client_tls_cert_file = $dir/server.crt
server_tls_sslmode = disable
log_connections = 0
log_disconnections = 0
log_stats = 0
END
	close $ini;
	system('chown', '-R', 'postgres:', $dir) if $> == 0;
	my $p = spawn(cmd => [as_account($program, '-q', "$dir/ini")]);
	$self->_way('pgbouncer', $port, 'target', 'target', pid => $p->pid);
	$self->_way('pgbouncer_tls', $port, 'target', 'target', pid => $p->pid, ssl => 'require');
	_answers($self, 'pgbouncer', $p);
}

1;
