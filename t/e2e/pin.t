# Read-only pins: messages of DBBat's own stand between the client's, and nothing shows of them. So most
# conversations here are held twice, with PostgreSQL itself and through a read grant, and must be the same.
# Code that is already in the database cannot write through it.
use DBBat::Test;

my $t = DBBat::Test->start(conf => { log_statement => 'all' });
$t->target(<<'END');
CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 5);
SELECT lo_from_bytea(4242, 'a large object');
CREATE FUNCTION f_off() RETURNS text LANGUAGE plpgsql AS $$
	BEGIN PERFORM set_config('transaction_read_only', NULL, true); INSERT INTO t VALUES (99); RETURN 'wrote'; END $$;
CREATE FUNCTION f_quiet() RETURNS text LANGUAGE plpgsql AS $$
	BEGIN PERFORM set_config('transaction_read_only', NULL, true); RETURN 'off'; END $$;
CREATE FUNCTION f_default() RETURNS text LANGUAGE plpgsql AS $$
	BEGIN PERFORM set_config('default_transaction_read_only', 'off', false); RETURN 'off'; END $$;
CREATE FUNCTION f_check(int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM public.f_off(); RETURN true; END $$;
CREATE DOMAIN d AS int CHECK (f_check(VALUE));
CREATE FUNCTION f_scs() RETURNS text LANGUAGE plpgsql AS $$
	BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); RETURN 'off'; END $$;
CREATE FUNCTION f_swap() RETURNS text LANGUAGE plpgsql AS $$
	BEGIN EXECUTE 'DEALLOCATE s'; EXECUTE 'PREPARE s AS SELECT f_off()'; RETURN 'swapped'; END $$;
CREATE FUNCTION f_exec(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE $1; RETURN 'done'; END $$;
CREATE FUNCTION f_notify() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('c', 'x'); END $$;
END
$t->access('john', 'read');

my ($parse, $bind, $describe, $execute, $close) = (\&DBBat::Client::parse, \&DBBat::Client::bind,
	\&DBBat::Client::describe, \&DBBat::Client::execute, \&DBBat::Client::close_message);
my $extended = \&DBBat::Client::extended;
my ($sync, $flush) = (DBBat::Client::sync(), DBBat::Client::flush());
my $query = \&DBBat::Client::query_message;

sub direct
{
	my $c = DBBat::Client->new($t->cluster->port);
	my $error = $c->login('target', DBBat::Test::TARGET_PASSWORD, 'target', options => '-c default_transaction_read_only=on');
	die "direct login: $error->{M}" if $error;
	return $c;
}

# Everything of a conversation that a client sees: types, tags, values, errors, warnings, states.
sub told
{
	return map {
		my $m = $_;
		my $e = $m->{type} =~ /[EN]/ ? DBBat::Client::error($m) : {};
		my ($row) = $m->{type} eq 'D' ? DBBat::Client::rows($m) : [];
		$m->{type} . ($m->{type} =~ /[EN]/ ? ":$e->{S} $e->{C} $e->{M}" : $m->{type} eq 'Z' ? ":$m->{body}"
			: $m->{type} eq 'C' ? ':' . substr($m->{body}, 0, -1) : $m->{type} eq 'D' ? ':' . join(',', map { $_ // 'NULL' } @$row) : '')
	} grep { $_->{type} !~ /[SA]/ } @_;
}

# Each step is what is sent in one write; the answers up to as many ReadyForQuery as it asks for.
sub converse
{
	my ($c, @steps) = @_;
	my @told;
	for my $step (@steps) {
		my $bytes = $step =~ /^[A-Za-z]\0/ ? $step : $query->($step);
		my $ready = 0;
		for (my $at = 0; $at < length $bytes; $at += 1 + unpack('N', substr($bytes, $at + 1, 4))) {
			$ready++ if substr($bytes, $at, 1) =~ /[QSF]/;
		}
		$c->send_raw($bytes);
		push @told, told($c->receive_ready) for 1 .. $ready;
	}
	return \@told;
}

sub same
{
	my ($name, @steps) = @_;
	is_deeply(converse($t->login('john'), @steps), converse(direct(), @steps), $name);
}

# --- simple ---------------------------------------------------------------------------------

same('one statement', 'SELECT 1');
same('nothing', '', 'SELECT 1');
same('several', 'SELECT 1; SELECT a FROM t WHERE a < 3');
same('an error', 'SELECT 1/0', 'SELECT 2');
same('an error behind a result', 'SELECT 1; SELECT 1/0; SELECT 2', 'SELECT 3');
same('a syntax the server refuses', 'SELECT nothing FROM nowhere', 'SELECT 3');
same('COPY', 'COPY t TO STDOUT', 'COPY (SELECT a FROM t) TO STDOUT (FORMAT csv)', 'COPY nowhere TO STDOUT');
same('a transaction', 'BEGIN', 'SELECT count(*) FROM t', 'COMMIT', 'SELECT 1');
same('one that is rolled back', 'BEGIN', 'SELECT 1', 'ROLLBACK');
same('one that has failed', 'BEGIN', 'SELECT 1/0', 'SELECT 1', 'COMMIT', 'SELECT 1');
same('by other names', 'START TRANSACTION', 'END', 'BEGIN WORK', 'ABORT');
same('savepoints', 'BEGIN', 'SAVEPOINT s', 'SELECT 1/0', 'ROLLBACK TO s', 'SELECT 1', 'RELEASE s', 'COMMIT');
same('outside a block', 'COMMIT', 'ROLLBACK', 'COMMIT AND CHAIN', 'SAVEPOINT s', 'RELEASE s', 'ROLLBACK TO s',
	'LOCK TABLE t IN ACCESS SHARE MODE', 'DECLARE c CURSOR FOR SELECT 1', 'FETCH 1 FROM c', 'SET LOCAL work_mem = 100',
	'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'SHOW transaction_isolation', 'SET CONSTRAINTS ALL IMMEDIATE');
same('BEGIN in a block', 'BEGIN', 'BEGIN', 'SELECT 1', 'COMMIT');
same('AND CHAIN', 'BEGIN ISOLATION LEVEL SERIALIZABLE', 'SELECT 1', 'COMMIT AND CHAIN', 'SHOW transaction_isolation',
	'ROLLBACK AND CHAIN', 'SHOW transaction_isolation', 'SHOW transaction_read_only', 'COMMIT');
same("pg_dump's transaction", 'BEGIN', 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY', 'SELECT 1',
	'SHOW transaction_isolation', 'COMMIT');
same('its modes', 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE', 'SELECT 1', 'SHOW transaction_isolation', 'COMMIT',
	'SHOW transaction_isolation');
same('BEGIN with more behind it', 'BEGIN; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1', 'SHOW transaction_isolation', 'COMMIT');
same('BEGIN with an error behind it', 'BEGIN; SELECT 1/0', 'SELECT 1', 'ROLLBACK');
same('all in one message', 'BEGIN; SELECT 1; COMMIT', 'SELECT 2', 'BEGIN; SELECT 1; ROLLBACK', 'BEGIN; SELECT 1/0; COMMIT', 'SELECT 1', 'COMMIT');
same('an end behind others', 'BEGIN', 'SELECT 1; COMMIT', 'BEGIN', 'SELECT 1/0; COMMIT', 'SELECT 2; COMMIT', 'ROLLBACK', 'BEGIN', 'SELECT 1; ROLLBACK', 'SELECT 3');
same('settings in one message', "BEGIN; SET work_mem = '7MB'; COMMIT", 'SHOW work_mem', "BEGIN; SET work_mem = '8MB'; ROLLBACK", 'SHOW work_mem');
same('settings stay', "SET work_mem = '7MB'", 'SHOW work_mem', "BEGIN", "SET work_mem = '8MB'", 'COMMIT', 'SHOW work_mem',
	'BEGIN', "SET work_mem = '9MB'", 'ROLLBACK', 'SHOW work_mem', 'RESET work_mem', 'SHOW work_mem');
same('set_config stays', "SELECT set_config('work_mem', '7MB', false)", 'SHOW work_mem', "SET work_mem = '6MB'; SELECT 1", 'SHOW work_mem',
	"SET work_mem = '5MB'; SELECT 1/0", 'SHOW work_mem');
same('and with PREPARE', "PREPARE p AS SELECT set_config('search_path', \$1, false)", "EXECUTE p('elsewhere')", 'SHOW search_path', 'DEALLOCATE p');
same('prepared in SQL', 'PREPARE p(int) AS SELECT a FROM t WHERE a = $1', 'EXECUTE p(1)', 'EXPLAIN (COSTS off) EXECUTE p(2)', 'EXECUTE nothing', 'DEALLOCATE p', 'EXECUTE p(1)');
same('DISCARD', "SET work_mem = '7MB'", 'DISCARD ALL', 'SHOW work_mem', 'BEGIN', 'DISCARD ALL', 'ROLLBACK', 'SELECT 1; DISCARD ALL', 'DISCARD PLANS');
same('cursors', 'BEGIN', 'DECLARE c CURSOR FOR SELECT a FROM t ORDER BY a', 'FETCH 2 FROM c', 'MOVE 1 IN c', 'FETCH ALL c', 'CLOSE c', 'COMMIT');
same('a cursor in one message', 'DECLARE c CURSOR FOR SELECT a FROM t ORDER BY a; FETCH 2 FROM c', 'FETCH 2 FROM c');
same('EXPLAIN', 'EXPLAIN (COSTS off) SELECT a FROM t', 'SHOW transaction_read_only');
same('what is prepared', $parse->('mine', 'SELECT 1') . $sync, 'SELECT name FROM pg_prepared_statements', 'SELECT name FROM pg_cursors');

# --- extended ---------------------------------------------------------------------------------

same('one statement, extended', $extended->('SELECT $1::int', 3) . $sync);
same('prepared and used', $parse->('p', 'SELECT a FROM t WHERE a = $1', 23) . $describe->('S', 'p') . $sync, $bind->('', 'p', 1) . $execute->('', 0) . $sync,
	$bind->('', 'p', 2) . $describe->('P', '') . $execute->('', 0) . $close->('P', '') . $sync, $close->('S', 'p') . $sync, $bind->('', 'p', 2) . $sync, 'SELECT 1');
same('the unnamed statement stays', $parse->('', 'SELECT 5') . $sync, $bind->('', '') . $execute->('', 0) . $sync,
	$bind->('', '') . $execute->('', 0) . $sync);
same('a portal in parts', $parse->('', 'SELECT a FROM t ORDER BY a') . $bind->('p', '') . $execute->('p', 2) . $execute->('p', 2) . $execute->('p', 0) . $sync, $execute->('p', 0) . $sync);
same('a portal over several groups in a block', $extended->('BEGIN') . $sync, $parse->('', 'SELECT a FROM t ORDER BY a') . $bind->('p', '') . $execute->('p', 2) . $sync,
	$execute->('p', 2) . $sync, $extended->('COMMIT') . $sync, $execute->('p', 2) . $sync);
same('a pipeline', $extended->('SELECT 1') . $extended->('SELECT 2') . $sync . $extended->('SELECT 3') . $sync);
same('with an error in it', $extended->('SELECT 1') . $extended->('SELECT 1/0') . $extended->('SELECT 2') . $sync . $extended->('SELECT 3') . $sync);
same('errors of Parse and Bind', $parse->('', 'SELECT * FROM nowhere') . $bind->('', '') . $execute->('', 0) . $sync,
	$parse->('', 'SELECT $1::int') . $bind->('', '', 'x') . $execute->('', 0) . $sync, $bind->('', 'nothing') . $sync, $execute->('nothing', 0) . $sync, 'SELECT 1');
same('Sync alone', $sync, $sync . $sync, 'SELECT 1');
same('a transaction', $extended->('BEGIN') . $sync, $extended->('SELECT 1') . $sync, $extended->('COMMIT') . $sync, $extended->('SELECT 1') . $sync);
same('in one group', $extended->('BEGIN') . $extended->('SELECT count(*) FROM t') . $extended->('COMMIT') . $sync);
same('two of them', $extended->('BEGIN') . $extended->('SELECT 1') . $extended->('COMMIT') . $extended->('BEGIN') . $extended->('SELECT 2') . $extended->('ROLLBACK') . $extended->('SELECT 3') . $sync);
same('that fails', $extended->('BEGIN') . $extended->('SELECT 1/0') . $extended->('COMMIT') . $sync, $extended->('SELECT 1') . $sync, $extended->('COMMIT') . $sync, 'SELECT 1');
same('with named statements', $parse->('b', 'BEGIN') . $parse->('c', 'COMMIT') . $parse->('r', 'ROLLBACK') . $sync,
	$bind->('', 'b') . $execute->('', 0) . $extended->('SELECT 1') . $sync, $bind->('', 'c') . $describe->('P', '') . $execute->('', 1) . $sync,
	$bind->('', 'b') . $execute->('', 0) . $sync, $bind->('', 'r') . $execute->('', 0) . $sync);
same('savepoints', $extended->('BEGIN') . $extended->('SAVEPOINT s') . $sync, $extended->('SELECT 1/0') . $sync, $extended->('ROLLBACK TO s') . $extended->('SELECT 1') . $sync,
	$extended->('COMMIT') . $sync);
same('outside a block, extended', map { $extended->($_) . $sync } 'COMMIT', 'ROLLBACK', 'SAVEPOINT s', 'LOCK TABLE t IN ACCESS SHARE MODE',
	'DECLARE c CURSOR FOR SELECT 1', 'SET LOCAL work_mem = 100', 'SELECT 1');
same('settings', map { $extended->($_) . $sync } "SET work_mem = '7MB'", 'SHOW work_mem', 'SET work_mem = nonsense', 'DISCARD ALL', 'SHOW work_mem', 'LISTEN c', 'UNLISTEN *');
same('settings in a pipeline', $extended->("SET work_mem = '7MB'") . $extended->('SHOW work_mem') . $extended->("SET work_mem = '8MB'") . $sync, 'SHOW work_mem',
	$extended->("SET work_mem = '9MB'") . $extended->('SELECT 1/0') . $sync, 'SHOW work_mem');
same('prepared, then begun', $parse->('p', 'SELECT a FROM t WHERE a = 1') . $parse->('b', 'BEGIN') . $bind->('', 'b') . $execute->('', 0) . $bind->('', 'p') . $execute->('', 0) . $sync, 'COMMIT');
same('simple behind extended without Sync', $extended->('SELECT 1') . $query->('SELECT 2'), $query->('SELECT 3') . $extended->('SELECT 4') . $sync, 'SELECT 5');
same('many at once', join('', map { $query->($_) } 'BEGIN', 'SELECT 1', 'SELECT 1/0', 'SELECT 2', 'ROLLBACK', 'SELECT 3'));
same('backslashes and accents', $extended->('SELECT 1') . $extended->("SELECT 'a\\b'") . $extended->("SELECT '\xc3\xa9'") . $sync, "SELECT 'a\\b', '\xc3\xa9'");
same('COPY, extended', $extended->('COPY t TO STDOUT') . $extended->('SELECT 1') . $sync);
same('CopyData out of place', DBBat::Client::message('d', "x\n") . DBBat::Client::message('c', '') . $query->('SELECT 1'));
same('a large result', "SELECT repeat('x', 1000) FROM generate_series(1, 3000)");
same('a time-out', "SET statement_timeout = '100ms'", 'SELECT count(*) FROM generate_series(1, 1000000000)', 'SHOW statement_timeout',
	'BEGIN', 'SELECT count(*) FROM generate_series(1, 1000000000)', 'ROLLBACK');
my $lo_open = sub { DBBat::Client::message('F', pack('N n n n N N N N n', 952, 1, 1, 2, 4, $_[0], 4, 0x40000, 1)) };
my $loread = DBBat::Client::message('F', pack('N n n n N N N N n', 954, 1, 1, 2, 4, 0, 4, 10, 1));
same('function calls', $lo_open->(4242), $loread, $lo_open->(1), 'BEGIN', $lo_open->(4242), $loread, 'COMMIT');
same('malformed', DBBat::Client::message('Q', 'x'), 'SELECT 1', $extended->('SELECT 1') . DBBat::Client::message('Q', 'x'), 'SELECT 1');

my $c = $t->login('john');
$c->send_raw($parse->('', 'SELECT $1::int + 1') . $describe->('S', '') . $flush);
is(join(' ', map { $c->receive->{type} } 1 .. 3), '1 t T', 'Flush brings what is there, and no more');
$c->send_raw($bind->('', '', 1) . $execute->('', 0) . $flush);
is(join(' ', map { $c->receive->{type} } 1 .. 3), '2 D C', 'and goes on');
$c->send_raw($sync);
is(DBBat::Client::summary($c->receive_ready), 'Z:I', 'to the Sync');

$c = $t->login('john');
$c->query('LISTEN c');
$t->cluster->sql('target', "NOTIFY c, 'hello'");
my @m = $c->query('SELECT 1');
my ($notified) = grep { $_->{type} eq 'A' } @m, $c->{status} eq 'I' ? () : ();
$notified //= (grep { $_->{type} eq 'A' } $c->query('SELECT 1'))[0];
like($notified->{body}, qr/hello/, 'LISTEN outside a block is heard');

# --- what outlives a transaction that is rolled back for the target: settings --------------------------

same('settings behind code', 'BEGIN', "SET work_mem = '7MB'", 'SELECT a FROM t', 'COMMIT', 'SHOW work_mem', 'BEGIN', "SET work_mem = '8MB'", 'SELECT a FROM t', 'ROLLBACK',
	'SHOW work_mem', 'BEGIN', 'RESET work_mem', 'SELECT a FROM t', 'COMMIT', 'SHOW work_mem');
same('of several kinds', 'BEGIN', "SET search_path = \"\$user\", public, other; SET TIME ZONE 'Europe/Paris'; SET DateStyle = 'SQL, DMY'", 'SELECT a FROM t',
	"SET NAMES 'latin1'", 'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'COMMIT', 'SHOW search_path', 'SHOW TIME ZONE', 'SHOW datestyle',
	'SHOW client_encoding', 'SHOW transaction_isolation');
same('local ones do not', 'BEGIN', "SET LOCAL work_mem = '7MB'", "SET cursor_tuple_fraction = 0.5", 'SELECT a FROM t', 'SHOW work_mem', 'COMMIT', 'SHOW work_mem', 'SHOW cursor_tuple_fraction');
same('nor what a savepoint took back', 'BEGIN', "SET work_mem = '7MB'", 'SAVEPOINT s', "SET work_mem = '8MB'", 'SELECT a FROM t', 'ROLLBACK TO s', 'COMMIT', 'SHOW work_mem');
same('with AND CHAIN', 'BEGIN', "SET work_mem = '7MB'", 'SELECT a FROM t', 'COMMIT AND CHAIN', 'SHOW work_mem', 'SELECT a FROM t', 'COMMIT', 'SHOW work_mem');
same('all in one message', "BEGIN; SET work_mem = '7MB'; SELECT a FROM t; COMMIT", 'SHOW work_mem', "SET work_mem = '8MB'; SELECT a FROM t", 'SHOW work_mem');
same('set_config beside code', "SELECT set_config('work_mem', '7MB', false) FROM t LIMIT 1", 'SHOW work_mem', "SELECT set_config('work_mem', '8MB', true) FROM t LIMIT 1", 'SHOW work_mem');
same('what a pool sends', "SET work_mem = '7MB'", 'LISTEN c', 'SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL', 'SHOW work_mem', 'SELECT pg_listening_channels()',
	"SELECT count(*) FROM t; RESET ALL; SET work_mem = '8MB'", 'SHOW work_mem', 'BEGIN', 'SELECT a FROM t', 'LISTEN c', 'UNLISTEN *', 'LISTEN d', 'COMMIT', 'SELECT pg_listening_channels()');
same('LISTEN in a pipeline', $extended->('LISTEN c') . $extended->('SELECT a FROM t') . $sync, 'SELECT pg_listening_channels()');
same('in a pipeline', $extended->('BEGIN') . $extended->("SET work_mem = '7MB'") . $extended->('SELECT a FROM t') . $extended->('COMMIT') . $sync, 'SHOW work_mem',
	$extended->("SET work_mem = '8MB'") . $extended->('SELECT a FROM t') . $sync, 'SHOW work_mem',
	$extended->("SET work_mem = '9MB'") . $extended->('SELECT a/0 FROM t') . $sync, 'SHOW work_mem');
same('the unnamed statement stays', $parse->('', 'SELECT 5') . $sync, 'BEGIN', $parse->('q', "SET work_mem = '7MB'") . $bind->('', 'q') . $execute->('', 0) . $sync,
	$parse->('', 'SELECT 6') . $bind->('', '') . $execute->('', 0) . $sync, $parse->('c', 'COMMIT') . $bind->('', 'c') . $execute->('', 0) . $sync, $bind->('', '') . $execute->('', 0) . $sync);
$c = $t->login('john');
$c->query($_) for 'BEGIN', 'LISTEN c', "SET work_mem = '7MB'", 'SELECT a FROM t', 'COMMIT';
is((DBBat::Client::rows($c->query('SELECT pg_listening_channels()')))[0][0], 'c', 'LISTEN outlives it, too');
is(DBBat::Client::summary($c->query('LISTEN d; SELECT a FROM t')), 'E:42501 Z:I', 'but not beside a query in one message');

# --- refused ------------------------------------------------------------------------------------

for my $sql ('SELECT 1; COMMIT; SELECT 2', 'BEGIN; SELECT 1; COMMIT; SELECT 2', 'BEGIN; COMMIT AND CHAIN', 'SELECT 1; COMMIT', 'SELECT 1; BEGIN', 'ROLLBACK; SELECT 1') {
	my @told = told($c->query($sql));
	like($told[0], qr/^E:ERROR 42501 .*grant/, "refused: $sql");
	is($told[-1], 'Z:I', 'and nothing happened');
}
$c->send_raw($extended->('SELECT 1') . $extended->('BEGIN') . $extended->('SELECT 2') . $sync);
is(DBBat::Client::summary($c->receive_ready), '1 2 D C 1 2 E:42501 Z:I', 'BEGIN behind another statement of a pipeline');
$c->send_raw($extended->('SELECT 1') . $extended->('COMMIT') . $extended->('SELECT 2') . $sync);
is(DBBat::Client::summary($c->receive_ready), '1 2 D C 1 2 E:42501 Z:I', 'COMMIT too');
$c->query('BEGIN');
is(DBBat::Client::summary($c->query('SELECT 1; COMMIT; SELECT 2')), 'E:42501 Z:E', 'in a block it fails the transaction');
$c->query('ROLLBACK');
is(DBBat::Client::summary($c->query('SELECT 1')), 'T D C Z:I', 'the session goes on');

# --- attacks by code that is there already ----------------------------------------------------------

my $count = 'SELECT count(*) FROM t';
sub attack
{
	my ($name, @steps) = @_;
	my $a = $t->login('john');
	my $last = '';
	for my $step (@steps) {
		$a->send_raw($step =~ /^[A-Z]\0/ ? $step : $query->($step));
		for (my @got = $a->receive_ready(10); @got && !$a->{eof}; @got = ()) { $last = join ' ', told(@got) }
		last if $a->{eof};
	}
	$a->send_raw(DBBat::Client::terminate());
	$a->closed;
	is($t->target($count), 5, "nothing is written: $name");
	return $last;
}
attack('a function', 'SELECT f_off()');
attack('extended', $extended->('SELECT f_off()') . $sync);
attack('in a block', 'BEGIN', 'SELECT f_off()', 'COMMIT');
attack('in a block, extended', $extended->('BEGIN') . $extended->('SELECT f_off()') . $extended->('COMMIT') . $sync);
attack('in a block with a setting', 'BEGIN', 'SET work_mem = 1000', 'SELECT f_off()', 'COMMIT');
attack('with a setting that is to be kept', 'SET work_mem = 1000; SELECT f_off()');
attack('with set_config', "SELECT set_config('work_mem', '1MB', false), f_off()");
attack('in one message with BEGIN', 'BEGIN; SELECT f_off()', 'COMMIT');
attack('all in one message', 'BEGIN; SELECT f_off(); COMMIT');
attack('with a setting', 'BEGIN; SET work_mem = 1000; SELECT f_off(); COMMIT');
attack('with the end', 'BEGIN', 'SET work_mem = 1000; SELECT f_off(); COMMIT');
attack('behind AND CHAIN', 'BEGIN', 'SELECT f_quiet()', 'ROLLBACK AND CHAIN', 'SELECT f_off()', 'COMMIT');
attack('COMMIT AND CHAIN', 'BEGIN', 'SET work_mem = 1000', 'SELECT f_quiet()', 'COMMIT AND CHAIN', 'SELECT f_off()', 'COMMIT');
attack('by the default', 'SELECT f_default()', 'SELECT f_off()');
attack('by the default, in a pipeline', $extended->('SELECT f_default()') . $sync . $extended->('SELECT f_off()') . $sync);
attack('at Parse', $parse->('', "SELECT '{1}'::d[]") . $sync);
attack('at Parse of a cursor', $parse->('', "DECLARE c CURSOR FOR SELECT '{1}'::d[]") . $sync);
attack('at Bind', $parse->('', 'SELECT $1::d') . $bind->('', '', 1) . $sync);
attack('at Execute in parts', $parse->('', 'SELECT f_off() FROM t') . $bind->('p', '') . $execute->('p', 1) . $sync);
attack('by PREPARE', 'PREPARE p AS SELECT f_off()', 'EXECUTE p');
attack('by COPY', 'COPY (SELECT f_off()) TO STDOUT');
attack('without a Sync', $extended->('SELECT f_off()') . $flush . DBBat::Client::terminate());
attack('by a name that means another thing', $parse->('s', 'SET work_mem = 1000') . $sync, 'SELECT f_swap()', $bind->('', 's') . $execute->('', 0) . $sync);
attack('by BEGIN that is none', $parse->('s', 'BEGIN') . $sync, 'SELECT f_swap()', $bind->('', 's') . $execute->('', 0) . $sync);
attack('by COMMIT that is none', $parse->('s', 'COMMIT') . $sync, 'BEGIN', 'SELECT f_swap()', $bind->('', 's') . $execute->('', 0) . $sync . $extended->('SELECT f_off()') . $sync);
attack('by string syntax', $extended->('SELECT f_scs()') . $extended->("SELECT '\\', \$\$';SELECT f_off()--\$\$") . $sync);

# a client that goes before it is answered: a statement that failed, and a transaction that has; not a crash, see done
for my $last ($query->('SELECT 1/0'), $query->('BEGIN; SELECT f_quiet(), 1/0') . $query->('COMMIT'), $extended->('SELECT 1/0') . $sync) {
	my $gone = $t->login('john');
	$gone->send_raw($last, DBBat::Client::terminate());
	while (my $m = $gone->receive) { }
	ok($gone->{eof}, 'who terminates is gone');
}

my $slow = $t->login('john');
$slow->send_raw($query->('SELECT count(*) FROM generate_series(1, 1000000000)'));
select(undef, undef, undef, 0.5);
my $cancel = DBBat::Client->new($t->daemon->{pg_port});
$cancel->send_raw(pack('N N N a*', 16, 80877102, $slow->{pid}, $slow->{secret}));
is(DBBat::Client::summary($slow->receive_ready), 'T E:57014 Z:I', 'a cancel ends the statement');
is(DBBat::Client::summary($slow->query('SELECT 1')), 'T D C Z:I', 'and the session goes on');

my $a = $t->login('john');
@m = $a->query('SELECT f_off()');
like(join(' ', told(@m)), qr/E:FATAL 25006 .*grant/, 'who writes is told, and out');
ok($a->closed, 'the session ends');
like($t->log, qr/has written, or is not read-only/, 'the operator is told');
for my $end ([simple => 'SELECT f_off() AS one'], ['extended' => $extended->('SELECT f_off() AS two') . $sync], ['in a block' => 'BEGIN', 'SELECT f_off()', 'COMMIT -- three'],
	['in one message' => 'BEGIN; SELECT f_off(); COMMIT -- four']) {
	attack(@$end);
}
for my $sql ('AS one', 'AS two', '-- three', '-- four') {
	my ($q) = $t->wait_queries(1, "sql_text LIKE '%$sql'");
	is($q->{status}, 'error', "its record does not say ok: $sql");
	is($q->{sqlstate}, '25006', 'but why');
	like($q->{message}, qr/not kept/, 'and that nothing was kept');
}

# What the target has under the name of a COMMIT that was parsed is none: EXECUTE in SQL ends no transaction.
for (["SELECT f_off(); EXECUTE cm"], ['BEGIN', 'SELECT f_off()', 'EXECUTE cm'], ["SELECT f_off(), f_exec('EXECUTE cm')"]) {
	my $hidden = $t->login('john');
	$hidden->send_raw($parse->('cm', 'COMMIT'), $sync);
	is(DBBat::Client::summary($hidden->receive_ready), '1 Z:I', 'a COMMIT is prepared');
	$hidden->query($_) for @$_;
	$hidden->close;
	is($t->target('SELECT count(*) FROM t WHERE a = 99'), 0, "nothing is written: @$_");
}

my $hear = direct();
$hear->query('LISTEN c');
attack('a notification', 'SELECT f_notify()');
attack('a notification in a block', 'BEGIN', 'SELECT f_notify()', 'COMMIT');
attack('with a setting to be kept', 'BEGIN', 'SET work_mem = 1000', 'SELECT f_notify()', 'COMMIT');
attack('beside set_config', "SELECT set_config('work_mem', '1MB', false), f_notify()");
attack('in one message', 'SET work_mem = 1000; SELECT f_notify()');
is(scalar(grep { $_->{type} eq 'A' } $hear->query('SELECT 1'), $hear->query('SELECT 1')), 0, 'nor is anybody notified');

# --- the record shows the client's statements alone ------------------------------------------------------

$c->send_raw(DBBat::Client::terminate());
my @q = $t->wait_queries(100);
is(scalar(grep { $_->{sql_text} =~ /READ ONLY$|pg_current_xact|^ROLLBACK AND CHAIN.*dbbat/ && $_->{sql_text} !~ /^(?:SET|BEGIN)/ } @q), 0, 'our own statements are no records');
my ($commit) = grep { $_->{sql_text} eq 'COMMIT' && $_->{status} eq 'ok' && $_->{command_tag} eq 'COMMIT' } @q;
ok($commit, "a COMMIT is one in the record");
is(scalar(grep { $_->{status} eq 'running' } @q), 0, 'nothing is left running');
like($t->cluster->log, qr/BEGIN READ ONLY/, 'the target was given them');

$t->done;
