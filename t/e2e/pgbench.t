# pgbench in its three modes and pg_dump, under a write grant: they work as they do without
# the proxy, and what the target executed is what the log has, one for one.
use DBBat::Test;

my $t = DBBat::Test->start;
$t->access('john', 'write');
# The target's own account of what it executed for us.
$t->cluster->sql('target', "ALTER ROLE target SET log_statement = 'all'");

# The statements in the target's log behind an offset, as PostgreSQL wrote them.
sub executed
{
	my ($from) = @_;
	my $log = substr($t->cluster->log, $from);
	my (@s, $in);
	for (split /\n/, $log) {
		if (/^target\|LOG:  (?:statement|execute [^:]*): (.*)/) {
			push @s, $1;
			$in = 1;
		} elsif (!/^\t(.*)/) {
			$in = 0;
		} elsif ($in) {
			$s[-1] .= "\n$1";
		}
	}
	return @s;
}

sub same_log
{
	my ($what, $code) = @_;
	my $from = length $t->cluster->log;
	my ($before) = $t->storage('SELECT coalesce(max(id), 0) FROM dbbat.queries');
	my $r = $code->();
	is($r->{exit}, 0, "$what works") or diag($r->{err});
	my @expected = sort(executed($from));
	my @got = sort map { $_->{sql_text} } $t->wait_queries(scalar @expected, "q.id > $before");
	is(scalar @got, scalar @expected, "$what: the log has as many statements as the target executed");
	is_deeply(\@got, \@expected, "$what: and they are the same");
	is($t->storage("SELECT count(*) FROM dbbat.queries WHERE id > $before AND status <> 'ok'"), 0, "$what: all of them ok");
	cmp_ok(scalar @expected, '>', 0, "$what: there are some");
	return $r;
}

same_log('pgbench -i', sub { $t->program('john', 'pgbench', '-i', '-q', '-s', 1) });
is($t->target('SELECT count(*) FROM pgbench_accounts'), 100000, 'the rows are there');

for my $mode (qw(simple extended prepared)) {
	my $r = same_log("pgbench -M $mode", sub { $t->program('john', 'pgbench', '-n', '-M', $mode, '-c', 4, '-t', 25) });
	like($r->{out}, qr{actually processed: 100/100}, "$mode: every transaction");
}
is($t->target('SELECT count(*) FROM pgbench_history'), 300, 'each transaction happened once');
is($t->storage("SELECT count(*) FROM dbbat.queries WHERE sql_text LIKE 'UPDATE pgbench_accounts%' AND rows_affected = 1"), 300,
	'with the row it changed');
is($t->storage("SELECT count(*) FROM dbbat.queries WHERE sql_text LIKE 'UPDATE pgbench_accounts%' AND jsonb_array_length(parameters) = 2"), 200,
	'and its parameters where it had some');

# A pipeline of libpq: many Executes before a Sync.
my $script = scratch_dir() . '/pipeline.sql';
open(my $fh, '>', $script) or die $!;
print $fh "\\startpipeline\n", "SELECT :client_id;\n" x 50, "\\endpipeline\n";
close $fh;
same_log('a pipeline', sub { $t->program('john', 'pgbench', '-n', '-M', 'extended', '-f', $script, '-c', 2, '-t', 5) });
is($t->storage("SELECT count(*) FROM dbbat.queries WHERE sql_text ~ '^SELECT [\$]1'"), 500, 'each statement of it is a record');

my $through = same_log('pg_dump', sub { $t->program('john', 'pg_dump') });
my $direct = run(cmd => [DBBat::Cluster::bindir() . '/pg_dump', '-d', $t->cluster->dsn('target', 'target', DBBat::Test::TARGET_PASSWORD)]);
my $plain = sub { $_[0]{out} =~ s/^\\(?:un)?restrict .*$//mgr };
is(length $plain->($through), length $plain->($direct), 'pg_dump through the proxy is as long as without it');
ok($plain->($through) eq $plain->($direct), 'and the same byte for byte');

$t->done;
