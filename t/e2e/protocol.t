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

$t->done;
