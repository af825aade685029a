# Much in one direction: it is received in larger pieces, and its end, and what comes behind it, do not wait for more.
use DBBat::Test;

my $t = DBBat::Test->start;
$t->access('john', 'write');
my $many = 1_000_000;
my $file = scratch_dir() . '/bulk';

for my $ssl (qw(disable require)) {
	my %o = (conninfo => { sslmode => $ssl }, timeout => 120);
	my $r = $t->psql('john', "SELECT count(*), sum(length(x)) FROM (SELECT repeat('x', 40) AS x FROM generate_series(1, $many)) s;\n"
		. "\\copy (SELECT g, repeat('x', 40) FROM generate_series(1, $many) g) TO '$file'\nSELECT 'behind';\n", %o);
	is($r->{exit}, 0, "$ssl: COPY out") or diag($r->{err});
	like($r->{out}, qr/^behind$/m, "$ssl: what comes behind it");
	is(-s $file, $many * 42 + 5_888_896, "$ssl: all of it has come");

	$r = $t->psql('john', "CREATE TEMP TABLE bulk (g int, x text);\n\\copy bulk FROM '$file'\n"
		. "SELECT count(*), sum(g), sum(length(x)) FROM bulk;\n", %o);
	is($r->{exit}, 0, "$ssl: COPY in") or diag($r->{err});
	like($r->{out}, qr/^$many\|500000500000\|40000000$/m, "$ssl: all of it is there");

	# a cursor: bulk that ends again and again, and goes on
	$r = $t->psql('john', "\\set FETCH_COUNT 150000\n\\o $file\nSELECT g, repeat('x', 40) FROM generate_series(1, $many) g;\n\\o\nSELECT 'behind';\n", %o);
	is($r->{out}, "behind\n", "$ssl: pieces of a result") or diag($r->{err});
	is(-s $file, $many * 42 + 5_888_896, "$ssl: all of them");
}

$t->done;
