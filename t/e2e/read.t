# A read grant reads. What it refuses leaves the transaction as the server says it is.
use DBBat::Test;

my $t = DBBat::Test->start;
$t->target("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2);");
$t->access('john', 'read');

my $extended = \&DBBat::Client::extended;
my $sum = \&DBBat::Client::summary;
my $sync = DBBat::Client::sync();
my $c = $t->login('john');
my $count = 'SELECT count(*) FROM t';

is_deeply([DBBat::Client::rows($c->query($count))], [[2]], 'reading works');
is($sum->($c->query('SELECT 1; SELECT 2')), 'T D C T D C Z:I', 'several statements too');
is($sum->($c->query('BEGIN')), 'C Z:T', 'and a transaction');
is($sum->($c->query($count)), 'T D C Z:T', 'with a query in it');
is($sum->($c->query('COMMIT')), 'C Z:I', 'to its end');

# --- refusals, simple ---------------------------------------------------------------------

my @m = $c->query('INSERT INTO t VALUES (3)');
is($sum->(@m), 'E:25006 Z:I', 'an INSERT is refused');
my $e = DBBat::Client::error($m[0]);
like($e->{M}, qr/grant/, 'the message says that it is the grant');
is($e->{S}, 'ERROR', 'it is an ERROR, not the end of the session');
unlike(join(' ', %$e), qr/syntax/i, 'the trick behind it does not show');
is($sum->($c->query($count)), 'T D C Z:I', 'the session goes on');

$c->query('BEGIN');
is($sum->($c->query('INSERT INTO t VALUES (3)')), 'E:25006 Z:E', 'inside a transaction: it has failed');
is($sum->($c->query($count)), 'E:25P02 Z:E', 'so the next statement is ignored');
is($sum->($c->query('COMMIT')), 'C Z:I', 'and COMMIT is a ROLLBACK');

$c->query('BEGIN');
$c->query('SAVEPOINT s');
is($sum->($c->query('DELETE FROM t')), 'E:25006 Z:E', 'behind a savepoint');
is($sum->($c->query('ROLLBACK TO s')), 'C Z:T', 'that one can go back to');
is($sum->($c->query($count)), 'T D C Z:T', 'and go on');
$c->query('ROLLBACK');

is($sum->($c->query('SELECT 1; INSERT INTO t VALUES (3); SELECT 2')), 'E:25006 Z:I', 'one of several refuses them all');

# --- extended, named, pipelined ---------------------------------------------------------------

$c->send_raw($extended->('INSERT INTO t VALUES ($1)', 3), $sync);
is($sum->($c->receive_ready), 'E:25006 Z:I', 'extended');
$c->send_raw($extended->('BEGIN'), $extended->($count), $extended->('INSERT INTO t VALUES (3)'), $extended->($count), $sync);
is($sum->($c->receive_ready), '1 2 C 1 2 D C E:25006 Z:E', 'in a pipeline: in its place, and the rest is skipped');
$c->send_raw($extended->('ROLLBACK'), $sync);
is($sum->($c->receive_ready), '1 2 C Z:I', 'and rolled back');
$c->send_raw($extended->($count), $extended->('TRUNCATE t'), $sync, $extended->($count), $sync);
is($sum->($c->receive_ready), '1 2 D C E:25006 Z:I', 'an implicit transaction');
is($sum->($c->receive_ready), '1 2 D C Z:I', 'what follows the Sync runs');

$c->send_raw(DBBat::Client::parse('w', 'UPDATE t SET a = 0'), $sync);
is($sum->($c->receive_ready), 'E:25006 Z:I', 'Parse of a named statement is refused');
$c->send_raw(DBBat::Client::bind('', 'w'), DBBat::Client::execute('', 0), $sync);
is($sum->($c->receive_ready), 'E:26000 Z:I', 'so there is no such statement');
is($sum->($c->query('PREPARE x AS DELETE FROM t')), 'E:25006 Z:I', 'nor through PREPARE');

# --- ways around -----------------------------------------------------------------------------------

my %around = (
	'SET transaction_read_only = off' => undef,
	'SET default_transaction_read_only TO off' => undef,
	'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE' => undef,
	'BEGIN READ WRITE' => undef,
	'START TRANSACTION READ WRITE' => undef,
	"SELECT set_config('transaction_read_only', 'off', false)" => undef,
	"/* SELECT */ in/**/sert INTO t VALUES (3)" => undef,
	"INSERT\nINTO t VALUES (3)" => '25006',
	'WITH x AS (INSERT INTO t VALUES (3) RETURNING a) SELECT * FROM x' => '25006',
	'EXPLAIN ANALYZE DELETE FROM t' => undef,
	'SELECT * INTO copy FROM t' => '25006',
	'CREATE TABLE u AS SELECT 1' => '25006',
	'CREATE TEMP TABLE u (a int)' => undef,
	"DO \$\$ BEGIN DELETE FROM t; END \$\$" => undef,
	'COPY t FROM STDIN' => undef,
	"COPY t TO PROGRAM 'cat'" => undef,
	'SELECT a FROM t FOR UPDATE' => undef,
	'TRUNCATE t' => '25006', 'DROP TABLE t' => '25006', 'VACUUM t' => undef,
	"ALTER ROLE target PASSWORD 'x'" => undef,
	'SET ROLE postgres' => undef,
	'this does not parse' => undef,
);
for my $sql (sort keys %around) {
	my $got = $sum->($c->query($sql));
	my $code = $around{$sql};
	like($got, $code ? qr/^E:$code Z:I$/ : qr/^E:(?:25006|42501|42601) Z:I$/, "refused: $sql");
}
# These go back to how the session was opened, and that was read-only.
for my $sql ('RESET default_transaction_read_only', 'RESET ALL', 'DISCARD ALL', 'SET SESSION AUTHORIZATION DEFAULT', 'RESET ROLE') {
	$c->query($sql);
	is((DBBat::Client::rows($c->query('SHOW default_transaction_read_only')))[0][0], 'on', "read-only after $sql");
}
# A transaction that was opened for reading stays so.
$c->query('BEGIN');
for my $sql ('SET TRANSACTION READ WRITE', 'SET LOCAL transaction_read_only = off') {
	like($sum->($c->query("SAVEPOINT s; $sql")), qr/^E:(?:25006|42501) Z:E$/, "refused in a transaction: $sql");
	$c->query('ROLLBACK');
	$c->query('BEGIN');
}
$c->query('ROLLBACK');

my $call = DBBat::Client::message('F', pack('N n n n', 2, 0, 0, 0));
$c->send_raw($call);
like($sum->($c->receive_ready), qr/^E:(?:25006|42501) Z:I$/, 'a function call by the fast path');

for my $options ('-c default_transaction_read_only=off', '--transaction_read_only=off') {
	my $try = $t->raw;
	my $error = $try->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE, options => $options);
	ok($error || $sum->($try->query('INSERT INTO t VALUES (3)')) =~ /^E:25006/, "startup options: $options");
}
my $replication = $t->raw->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE, replication => 'database');
ok($replication, 'replication is refused');

# --- the second line: what the target itself says -------------------------------------------------------

is((DBBat::Client::rows($c->query('SHOW default_transaction_read_only')))[0][0], 'on', 'the target session is read-only by itself');
is($t->target($count), 2, 'nothing was written by any of it');

# --- and the record ----------------------------------------------------------------------------------------

$c->send_raw(DBBat::Client::terminate());
ok($c->closed, 'the client leaves');
my ($insert) = grep { $_->{sql_text} eq 'INSERT INTO t VALUES (3)' } $t->wait_queries(20, "q.status = 'refused'");
is($insert->{status}, 'refused', 'the refused statement is in the log');
is($insert->{sqlstate}, '25006', 'with its SQLSTATE');
is($t->storage("SELECT count(*) FROM dbbat.queries WHERE status = 'running'"), 0, 'nothing is left running');

# --- psql, pg_dump and pgbench under a read grant ----------------------------------------------------------------

my $r = $t->psql('john', "\\d t\n\\dt\n\\l\n\\du\n");
is($r->{exit}, 0, "psql's own queries pass") or diag($r->{err});
$r = $t->psql('john', "INSERT INTO t VALUES (3);\n");
like($r->{err}, qr/25006: .*grant/, 'psql shows the refusal');
$r = $t->program('john', 'pg_dump');
is($r->{exit}, 0, 'pg_dump works under a read grant') or diag($r->{err});

$t->done;
