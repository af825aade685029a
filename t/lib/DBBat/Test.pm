# What the end-to-end tests are written in: a cluster that is both storage and
# target, a dbbat in front of it, its API through curl, real psql and pgbench through its port.
#
#	my $t = DBBat::Test->start(env => { DBB_MAX_SESSIONS => 5 });
#	$t->access('john', 'read');
#	is($t->psql('john', 'SELECT 1')->{out}, "1\n", 'a query passes');
#	$t->done;
package DBBat::Test;

use strict;
use warnings;

use JSON::PP;
use Test::More;

use DBBat::Client;
use DBBat::Cluster;
use DBBat::Daemon;
use DBBat::Process qw(run spawn poll_until slurp scratch_dir patience);

use constant {
	STORAGE_PASSWORD => 'of-the-storage',
	TARGET_PASSWORD => 'of-the-target',
	DATABASE => 'my_database',
};

sub import
{
	strict->import;
	warnings->import;
	no strict 'refs';
	my $to = caller;
	*{"${to}::$_"} = \&{"Test::More::$_"}
		for qw(ok is isnt like unlike is_deeply cmp_ok pass fail diag note plan BAIL_OUT);
	*{"${to}::$_"} = \&{"DBBat::Process::$_"} for qw(run spawn poll_until slurp scratch_dir patience);
}

# env: for dbbat. conf: for postgresql.conf. serve => 0: no dbbat yet.
sub start
{
	my ($class, %o) = @_;
	my $self = bless { cluster => DBBat::Cluster->new(conf => $o{conf}), ids => {} }, $class;

	$self->{cluster}->create('storage', STORAGE_PASSWORD);
	$self->{cluster}->create('target', TARGET_PASSWORD);
	$self->{daemon} = $self->node(env => $o{env}, start => $o{serve});
	return $self;
}

# A dbbat on the storage of this test.
sub node
{
	my ($self, %o) = @_;
	return DBBat::Daemon->new(dsn => $self->dsn, %o);
}

# A cluster that is the target only, so that the storage can be away without it; with what that SQL makes in it.
sub target_of_its_own
{
	my ($sql) = @_;
	my $target = DBBat::Cluster->new;
	$target->create('target', TARGET_PASSWORD);
	$target->sql('target', $sql) if $sql;
	return $target;
}

sub dsn { $_[0]{cluster}->dsn('storage', 'storage', STORAGE_PASSWORD) }
sub daemon { $_[0]{daemon} }
sub cluster { $_[0]{cluster} }
sub log { $_[0]{daemon}->log }
sub storage { $_[0]{cluster}->sql('storage', $_[1]) }
sub target { $_[0]{cluster}->sql('target', "SET ROLE target;\n$_[1]") }

sub done
{
	my ($self) = @_;
	$self->{daemon}->check_end;
	diag("dbbat's log ended with:\n", join "\n", (split /\n/, $self->log)[-40 .. -1])
		if !Test::More->builder->is_passing && $ENV{DBBAT_VERBOSE};
	Test::More::done_testing();
}

# --- the REST API, by curl ----------------------------------------------------------

# api(METHOD, path, body or undef, as => 'user:password', args => [...])
# Returns { status, headers, text, json }. A body that is a string is sent as it is.
sub api
{
	my ($self, $method, $path, $body, %o) = @_;
	my $port = $o{port} // $self->{daemon}{api_port};
	my $headers = scratch_dir() . "/headers.$$";
	my @cmd = ('curl', '-sS', '--max-time', 30 * patience(), '-X', $method, '-D', $headers);

	push @cmd, '-u', $o{as} // 'admin:admin' if !$o{anonymous};
	push @cmd, '-H', 'Content-Type: application/json', '--data-binary', '@-' if defined $body;
	my $r = run(cmd => [@cmd, @{$o{args} // []}, "http://127.0.0.1:$port$path"],
		defined $body ? (stdin => ref $body ? encode_json($body) : $body) : ());
	my $head = slurp($headers);
	my ($status) = $head =~ /.*^HTTP\/\S+ (\d+)/ms;
	my %headers = map { /^([^:]+):\s*(.*?)\r?$/ ? (lc $1 => $2) : () } split /\n/, $head;
	return {
		status => $status // 0, headers => \%headers, text => $r->{out}, error => $r->{err},
		json => scalar(eval { decode_json($r->{out}) }),
	};
}

# An API call that must work; its JSON.
sub must
{
	my ($self, $method, $path, $body) = @_;
	my $r = $self->api($method, $path, $body);
	die "$method $path: $r->{status} $r->{text}$r->{error}" if $r->{status} !~ /^2/;
	return $r->{json};
}

sub password { "secret of $_[0]" }

sub user
{
	my ($self, $name, %o) = @_;
	return $self->{ids}{"user $name"} = $self->must(POST => '/api/users',
		{ username => $name, password => password($name), is_admin => JSON::PP::false, %o })->{id};
}

sub database
{
	my ($self, $name, %o) = @_;
	return $self->{ids}{"database $name"} = $self->must(POST => '/api/databases', {
		name => $name, description => 'of a test', host => '127.0.0.1', port => $self->{cluster}->port,
		database_name => 'target', username => 'target', password => TARGET_PASSWORD, ssl_mode => 'prefer', %o,
	})->{id};
}

# By names; options replace or add members.
sub grant
{
	my ($self, $user, $database, $level, %o) = @_;
	return $self->must(POST => '/api/grants', {
		user_id => $self->{ids}{"user $user"}, database_id => $self->{ids}{"database $database"},
		access_level => $level, starts_at => '2024-01-01T00:00:00Z', expires_at => '2099-12-31T23:59:59Z', %o,
	})->{id};
}

# A user with a grant for the one target; the grant's id.
sub access
{
	my ($self, $user, $level, %o) = @_;
	$self->database(DATABASE) if !$self->{ids}{'database ' . DATABASE};
	$self->user($user) if !$self->{ids}{"user $user"};
	return $self->grant($user, DATABASE, $level, %o);
}

sub id { $_[0]{ids}{"$_[1] $_[2]"} }

# --- clients of the proxy -------------------------------------------------------------

sub conninfo
{
	my ($self, $user, %o) = @_;
	my %c = (host => '127.0.0.1', port => $self->{daemon}{pg_port}, user => $user, dbname => DATABASE,
		connect_timeout => 20 * patience(), %{$o{conninfo} // {}});
	return join ' ', map { "$_='$c{$_}'" } sort keys %c;
}

sub _client_env
{
	my ($user, %o) = @_;
	return { PGPASSWORD => $o{password} // password($user), %{$o{env} // {}} };
}

# psql over the proxy, one Query message for each statement of $sql; errors with SQLSTATE.
sub psql
{
	my ($self, $user, $sql, %o) = @_;
	return run(cmd => $self->psql_command($user, %o), env => _client_env($user, %o),
		stdin => $sql, timeout => $o{timeout} // 60);
}

# The same, running on.
sub psql_start
{
	my ($self, $user, $sql, %o) = @_;
	return spawn(cmd => $self->psql_command($user, %o), env => _client_env($user, %o), stdin => $sql);
}

sub psql_command
{
	my ($self, $user, %o) = @_;
	return [DBBat::Cluster::bindir() . '/psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-v', 'ON_ERROR_STOP=' . ($o{on_error_stop} // 1),
		@{$o{args} // []}, '-d', $self->conninfo($user, %o)];
}

# pgbench, pg_dump and the like: they take a connection string at the end.
sub program
{
	my ($self, $user, $program, @args) = @_;
	my @to = $program eq 'pgbench' ? ($self->conninfo($user)) : ('-d', $self->conninfo($user));
	return run(cmd => [DBBat::Cluster::bindir() . "/$program", @args, @to], env => _client_env($user), timeout => 120);
}

# A raw connection that is not logged in, and one that is.
sub raw { return DBBat::Client->new($_[0]{daemon}{pg_port}); }
sub login
{
	my ($self, $user, %parameters) = @_;
	my $c = $self->raw;
	my $error = $c->login($user, password($user), DATABASE, %parameters);
	die "login of $user: $error->{C} $error->{M}" if $error;
	return $c;
}

# --- the record -----------------------------------------------------------------------

# Rows of dbbat.queries, oldest first, as hashes; $where is SQL over q and c (its connection).
sub queries
{
	my ($self, $where) = @_;
	my $out = $self->storage('SELECT row_to_json(x) FROM (SELECT q.*, c.username FROM dbbat.queries q'
		. ' JOIN dbbat.connections c ON c.id = q.connection_id WHERE ' . ($where // 'true')
		. ' ORDER BY q.connection_id, q.seq) x');
	return map { decode_json($_) } split /\n/, $out;
}

# The same when there are n of them and none is running, or whatever there is in the end.
sub wait_queries
{
	my ($self, $n, $where) = @_;
	my @q;
	poll_until(sub { @q = $self->queries($where); @q >= $n && !grep { $_->{status} eq 'running' } @q }, 8);
	return @q;
}

1;
