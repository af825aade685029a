# What other people's suites found: each line is a message that once came through otherwise than from PostgreSQL.
use DBBat::Test;

my $t = DBBat::Test->start;
$t->access('john', 'write');
my $sum = \&DBBat::Client::summary;

# The notices of a login with this application_name, and the client.
sub notices
{
	my ($name, @more) = @_;
	my $c = $t->login('john', application_name => $name, @more);
	return ($c, map { DBBat::Client::error($_) } @{$c->{notices}});
}

# --- application_name: our own words in it must not show -----------------------------------

my ($c, @n) = notices('a' x 63);
is(scalar @n, 0, 'a name of 63 bytes is not too long because of what is put in front');
is($c->{parameters}{application_name}, 'a' x 63, 'and the client is told its own');
like((DBBat::Client::rows($c->query('SHOW application_name')))[0][0], qr/^john via dbbat: a+$/, 'the target has both, cut');

($c, @n) = notices('b' x 64);
is(scalar @n, 1, 'a name of 64 bytes brings one notice') or diag(map { $_->{M} } @n);
is("$n[0]{S} $n[0]{C} $n[0]{M}", 'NOTICE 42622 identifier "' . 'b' x 64 . '" will be truncated to "' . 'b' x 63 . '"', 'the same as from the server');
is($c->{parameters}{application_name}, 'b' x 63, 'and is cut for the client too');

($c, @n) = notices('x' x 62 . "\xc3\xa4");
is($c->{parameters}{application_name}, 'x' x 62, 'the cut is in front of a character, not within');
($c, @n) = notices("caf\xc3\xa9 1");
my $direct = (DBBat::Client::rows($c->query("SET application_name = 'caf\xc3\xa9 1'; SHOW application_name")))[0][0];
is(($c = $t->login('john', application_name => "caf\xc3\xa9 1"))->{parameters}{application_name}, $direct,
	'what is not ASCII is told as the server shows it');

# --- memory: what passes is not held, however large --------------------------------------------

my $psql = $t->psql_start('john', <<'END', args => ['-o', '/dev/null']);
CREATE TABLE bulk (a text);
SELECT repeat('x', 200000000);
COPY (SELECT repeat('x', 1000) FROM generate_series(1, 200000)) TO STDOUT;
\copy bulk FROM PROGRAM 'yes 0123456789012345678901234567890123456789 | head -c 100000000'
SELECT pg_sleep(60);
END
poll_until(sub { $psql->wait(0) || $t->target("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()") }, 60);
is($t->target('SELECT count(*) FROM bulk') > 2_000_000, 1, 'a value of 200 MB and COPY of as much, out and in') or diag($psql->err);
my %peak = map { /VmHWM:\s+(\d+)/ ? ($1 => 1) : () } map { slurp('/proc/' . (split)[0] . '/status') } $t->daemon->titles(qr/session john@/);
my ($most) = sort { $b <=> $a } keys %peak;
cmp_ok($most // 1e9, '<', 24_000, 'no session grew beyond 24 MB, most of it the libraries') if patience() == 1;
$psql->signal('INT');
$psql->wait(10);

$t->done;
