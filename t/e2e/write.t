# A write grant does what its role may, but not to that role. What a read grant may take is configuration.
use DBBat::Test;

my $t = DBBat::Test->start(env => { DBB_USER_FUNCTIONS => 'app.listed, lib.*, anywhere', DBB_READ_REFUSE => 'sleep, listen',
	DBB_READ_WORK_MEM => '100MB', DBB_READ_TIMEOUT => '20s' });
$t->cluster->sql('postgres', "ALTER ROLE target CREATEROLE; CREATE ROLE other LOGIN; CREATE ROLE boss SUPERUSER");
$t->target(<<'END');
CREATE SCHEMA app; CREATE SCHEMA lib;
CREATE FUNCTION app.listed() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.hidden() RETURNS int LANGUAGE sql AS 'SELECT 2';
CREATE FUNCTION lib.any() RETURNS int LANGUAGE sql AS 'SELECT 3';
CREATE FUNCTION anywhere() RETURNS int LANGUAGE sql AS 'SELECT 4';
CREATE TABLE t (a int);
END
$t->access('john', 'write');
$t->access('mary', 'read');
my $sum = \&DBBat::Client::summary;
my ($extended, $sync) = (\&DBBat::Client::extended, DBBat::Client::sync());
my $verifiers = "SELECT string_agg(rolname || rolpassword || rolcanlogin || rolcreaterole, ',' ORDER BY oid) FROM pg_authid WHERE rolname = 'target'";
my $before = $t->cluster->sql('postgres', $verifiers);

# --- write: the stored role ------------------------------------------------------------------

my $c = $t->login('john');
for my $sql ("ALTER USER target PASSWORD 'mine'", 'ALTER ROLE target NOLOGIN', "ALTER USER CURRENT_USER PASSWORD 'mine'",
	'ALTER ROLE target RENAME TO mine', 'GRANT target TO other', 'CREATE ROLE mine IN ROLE target', 'DROP OWNED BY target',
	'REASSIGN OWNED BY target TO other', "SELECT 1; ALTER USER U&\"\\0074arget\" PASSWORD 'mine'") {
	is($sum->($c->query($sql)), 'E:42501 Z:I', "refused: $sql");
}
$c->send_raw($extended->("ALTER USER target PASSWORD 'mine'"), $sync);
is($sum->($c->receive_ready), 'E:42501 Z:I', 'extended');
$c->query('BEGIN');
is($sum->($c->query('GRANT target TO other')), 'E:42501 Z:E', 'in a transaction: it has failed');
$c->query('ROLLBACK');
for my $sql ("ALTER USER other PASSWORD 'new'", 'CREATE ROLE mine LOGIN', 'GRANT other TO mine', 'ALTER ROLE mine RENAME TO his', 'DROP ROLE his', 'GRANT other TO target',
	'INSERT INTO t VALUES (1)', 'CREATE TABLE u (a int)', 'GRANT SELECT ON t TO other', 'DROP OWNED BY other') {
	is($sum->($c->query($sql)), 'C Z:I', "passes: $sql");
}

# psql asks for the new password; without a terminal, on its standard input
sub new_password
{
	my ($role) = @_;
	return run(cmd => ['setsid', '-w', @{$t->psql_command('john')}], env => { PGPASSWORD => DBBat::Test::password('john') },
		stdin => "\\password $role\nnew\nnew\n");
}
like(new_password('target')->{err}, qr/42501: ALTER ROLE of the role that DBBat logs in as/, '\password of the stored role is refused');
is(new_password('other')->{err} =~ s/Enter.*?: //gr, "\n\n", '\password of another one works') or diag(new_password('other')->{err});
is($t->cluster->sql('postgres', $verifiers), $before, 'the role is as it was');

my $error = $t->raw->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE, replication => 'database');
is($error->{C}, '42501', 'nor does it replicate') or diag(explain $error);
is($sum->($c->query('IDENTIFY_SYSTEM')), 'E:42601 Z:I', 'a replication command is no SQL');
$c->send_raw(DBBat::Client::terminate());
ok($c->closed, 'the client leaves');

my @refused = $t->wait_queries(12, "q.status = 'refused' AND c.username = 'john'");
is(scalar @refused, 12, 'each refusal is a record');
is_deeply([sort keys %{{ map { $_->{sqlstate} => 1 } @refused }}], ['42501'], 'with its SQLSTATE');
like($refused[0]{message}, qr/role that DBBat logs in as/, 'and what was refused');

# --- read: what the configuration says -----------------------------------------------------------

my $m = $t->login('mary');
my %want = (
	'SELECT app.listed()' => 'T D C Z:I', 'SELECT lib.any()' => 'T D C Z:I', 'SELECT anywhere(), public.anywhere()' => 'T D C Z:I',
	'SELECT app.hidden()' => 'E:42501 Z:I', 'SELECT listed()' => 'E:42501 Z:I', 'SELECT lower(\'A\')' => 'T D C Z:I',
	'SELECT pg_sleep(0)' => 'E:42501 Z:I', 'LISTEN c' => 'E:42501 Z:I', 'SELECT pg_advisory_xact_lock(1)' => 'T D C Z:I',
	"SET work_mem = '100MB'" => 'C Z:I', "SET work_mem = '101MB'" => 'E:42501 Z:I',
	"SET statement_timeout = '20s'" => 'C Z:I', 'SET statement_timeout = 0' => 'E:42501 Z:I', 'RESET statement_timeout' => 'C Z:I',
);
is($sum->($m->query($_)), $want{$_}, $_) for sort keys %want;
is((DBBat::Client::rows($m->query('SHOW statement_timeout')))[0][0], '20s', 'read_timeout is in force from the start');
my $lower = $t->login('mary', options => '-c statement_timeout=5000');
is((DBBat::Client::rows($lower->query('SHOW statement_timeout')))[0][0], '5s', 'and a client may have less');
is($t->raw->login('mary', DBBat::Test::password('mary'), DBBat::Test::DATABASE, options => '-c statement_timeout=0')->{C}, '42501', 'not more');

# --- the words are checked -----------------------------------------------------------------------

for my $bad ([user_functions => 'a.b.c'], [read_refuse => 'everything']) {
	my ($option, $value) = @$bad;
	my $daemon = $t->node(start => 0, env => { 'DBB_' . uc $option => $value });
	$daemon->launch;
	ok($daemon->{process}->wait(10 * patience()), "it does not start with $option = $value");
	like($daemon->log, qr/$option: "$value" is no/, 'and says why');
}
$t->done;
