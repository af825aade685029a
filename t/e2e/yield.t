# Sessions in a crowd yield the processor to who wakes them; those that are alone do not.
use DBBat::Test;

my $t = DBBat::Test->start;
$t->access('john', 'write');
chomp(my $processors = qx(nproc));

# The scheduling policies of the sessions that are logged in.
sub policies
{
	return map { my ($pid) = split ' ';
		my @f = split ' ', (slurp("/proc/$pid/stat") =~ s/.*\)//sr);
		$f[38] // () } $t->daemon->titles(qr/session john@/);
}

my $alone = $t->login('john');
$alone->query('SELECT 1') for 1 .. 3;
is_deeply([policies()], [0], 'one alone has the normal policy');

is($t->program('john', 'pgbench', '-i', '-q', '-s', 1)->{exit}, 0, 'there is something to read');
my $crowd = spawn(cmd => [DBBat::Cluster::bindir() . '/pgbench', '-n', '-S', '-c', 4 * $processors, '-T', 120, $t->conninfo('john')],
	env => { PGPASSWORD => DBBat::Test::password('john') });
ok(poll_until(sub { $alone->query('SELECT 1'); my @p = policies(); @p > 1 && !grep { $_ != 3 } @p }, 60), 'in a crowd all yield (SCHED_BATCH)');
$crowd->signal('TERM');
$crowd->wait(30);
ok(poll_until(sub { $alone->query('SELECT 1'); "@{[policies()]}" eq '0' }, 30), 'and no more when it is over');

$t->done;
