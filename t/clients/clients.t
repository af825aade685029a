# Real clients: each does the same things directly and through DBBat, without and with TLS, and must print
# the same; then the log must have one record for each statement that the client says it executed.
use DBBat::Test;

my $clients = DBBat::Process::build_dir() . '/clients';
my ($jar) = glob '/usr/share/java/postgresql.jar';
my ($odbc) = glob '/usr/lib/*/odbc/psqlodbcw.so';
my %python = (env => { PYTHONPATH => "$clients/python", ODBC_DRIVER => $odbc });
my %node = (env => { NODE_PATH => "$clients/node/node_modules" });
my $classes = "$clients/java";

# probe: succeeds where the client is installed.
my @clients = (
	{ name => 'psycopg2', file => 'psycopg2_client.py', run => ['python3'], probe => ['-c', 'import psycopg2'], %python },
	{ name => 'psycopg', file => 'psycopg_client.py', run => ['python3'], probe => ['-c', 'import psycopg'], %python },
	{ name => 'asyncpg', file => 'asyncpg_client.py', run => ['python3'], probe => ['-c', 'import asyncpg'], %python },
	{ name => 'node-postgres', file => 'pg_client.js', run => ['node'],
		probe => ['-e', 'require("pg"); require("pg-cursor"); require("pg-copy-streams")'], %node },
	{ name => 'postgres.js', file => 'postgres_client.js', run => ['node'], probe => ['-e', 'require("postgres")'], %node },
	{ name => 'JDBC', file => 'JdbcClient', run => ['java', '-cp', ($jar // '') . ":$classes"], build => \&compile },
	{ name => 'DBD::Pg', file => 'dbd_client.pl', run => ['/usr/bin/perl'], probe => ['-MDBD::Pg', '-e', '1'] },
	{ name => 'ruby-pg', file => 'ruby_client.rb', run => ['ruby'], probe => ['-e', 'require "pg"'] },
	{ name => 'ODBC', file => 'odbc_client.py', run => ['python3'],
		probe => ['-c', 'import os, pyodbc; os.stat(os.environ["ODBC_DRIVER"])'], %python },
);

# The reason why there is none, or nothing.
sub compile
{
	return 'the driver postgresql.jar is not installed' if !$jar;
	mkdir $classes;
	my $r = run(cmd => ['javac', '-cp', $jar, '-d', $classes, 't/clients/JdbcClient.java'], timeout => 120);
	return $r->{exit} == 0 ? undef : 'it does not compile: ' . ($r->{err} =~ /^(.*)/)[0];
}

sub absent
{
	my ($c) = @_;
	return $c->{build}->() if $c->{build};
	my $r = run(cmd => [@{$c->{run}}, @{$c->{probe}}], env => $c->{env});
	return $r->{exit} == 0 ? undef : 'it is not installed: ' . ((grep { /\S/ } split /\n/, $r->{err})[-1] // '');
}

alarm(900);
my $password = 'of-the-target';
my $t = DBBat::Test->start;
$t->user('target', password => $password);
$t->database('target', database_name => 'target');
$t->grant('target', 'target', 'write');

sub play
{
	my ($c, $port, $tls) = @_;
	my $file = $c->{build} ? $c->{file} : "t/clients/$c->{file}";
	return run(cmd => [@{$c->{run}}, $file], timeout => 120, env => { %{$c->{env} // {}},
		PGHOST => '127.0.0.1', PGPORT => $port, PGUSER => 'target', PGPASSWORD => $password, PGDATABASE => 'target',
		PGSSLMODE => $tls, LC_ALL => 'C.UTF-8' });
}

# The lines that differ, as a reader of a failure wants them.
sub differences
{
	my ($direct, $proxied) = map { [split /\n/, $_->{out}] } @_;
	my $n = @$direct > @$proxied ? @$direct : @$proxied;
	return map { "direct:  $direct->[$_]\nproxied: $proxied->[$_]" }
		grep { ($direct->[$_] //= '(nothing)') ne ($proxied->[$_] //= '(nothing)') } 0 .. $n - 1;
}

sub compare
{
	my ($c, $direct, $tls) = @_;
	my $seen = $t->storage('SELECT coalesce(max(id), 0) FROM dbbat.connections');
	my $got = play($c, $t->daemon->{pg_port}, $tls);
	ok($got->{exit} == 0 && !$got->{timed_out}, "$c->{name}, TLS $tls: it runs to its end") or diag($got->{err});
	ok($got->{out} eq $direct->{out}, "$c->{name}, TLS $tls: it sees the same")
		or diag(map { substr($_, 0, 600) . "\n" } differences($direct, $got));
	my ($expected) = $got->{out} =~ /COUNT\D*(\d+)/ or return;
	my $where = "c.id > $seen AND starts_with(q.sql_text, '/* counted */')";
	my @q = $t->wait_queries($expected, $where);
	is(scalar @q, $expected, "$c->{name}, TLS $tls: one record for each statement");
	is(scalar(grep { $_->{status} ne 'ok' } @q), 0, "$c->{name}, TLS $tls: each with its outcome");
	is($t->storage("SELECT count(*) FROM dbbat.queries q JOIN dbbat.connections c ON c.id = q.connection_id"
		. " WHERE c.id > $seen AND q.sql_text LIKE '%pg_sleep(30)%' AND q.status = 'cancelled'") > 0, 1,
		"$c->{name}, TLS $tls: what was cancelled is so in the log");
}

my ($only) = @ARGV;
for my $c (@clients) {
	next if $only && $c->{name} !~ /$only/;
	Test::More::subtest($c->{name} => sub {
		my $why = absent($c);
		plan(skip_all => "$c->{name}: $why") if $why;
		my $direct = play($c, $t->cluster->port, 'disable');
		ok($direct->{exit} == 0 && $direct->{out} =~ /COUNT/, 'it works without DBBat') or return diag($direct->{err});
		compare($c, $direct, $_) for qw(disable require);
	});
}
$t->done;
