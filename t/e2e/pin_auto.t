# read_pinning = auto: the transactions of a read grant are left alone where a check has shown, not too long ago, that
# the role on the target cannot write, and pinned in any other case. The target's own log tells which.
use DBBat::Test;

my $t = DBBat::Test->start(conf => { log_statement => 'all' });
my $c = $t->cluster;
$c->sql('postgres', "CREATE ROLE reader LOGIN PASSWORD 'r'");
$t->target('CREATE TABLE t (a int); INSERT INTO t VALUES (1); GRANT SELECT ON t TO reader');
my $id = $t->database(DBBat::Test::DATABASE, read_username => 'reader', read_password => 'r');
my $path = "/api/databases/$id";
$t->access('john', 'read');

# Whether the statement with this in it stood in a transaction of ours.
sub stands_pinned
{
	my ($mark) = @_;
	my @lines = grep { /^reader\|LOG: .*(?:statement|execute)/ } split /\n/, $c->log;
	my ($at) = grep { $lines[$_] =~ /\Q'$mark'\E/ } 0 .. $#lines;
	return defined $at && $at > 0 && $lines[$at - 1] =~ /BEGIN READ ONLY/ ? 1 : 0;
}

# The same of one statement of a new session.
my $serial = 0;
sub pinned
{
	my $mark = 'mark' . ++$serial;
	my $r = $t->psql('john', "SELECT '$mark', a FROM t;\n");
	is($r->{out}, "$mark|1\n", 'a statement passes') or diag($r->{err});
	return stands_pinned($mark);
}
# Until the keeper has had it checked by itself.
sub checked
{
	my $was = $t->storage("SELECT coalesce(max(checked_at)::text, 'never') FROM dbbat.database_checks");
	my $sub = shift;
	$sub->() if $sub;
	ok(poll_until(sub { $t->storage("SELECT coalesce(max(checked_at)::text, 'never') FROM dbbat.database_checks") ne $was }, 20), 'it is checked');
}

# --- when ---------------------------------------------------------------------------------------

my $old;
checked(sub { $old = $t->login('john') });
is(pinned(), 0, 'the keeper has it checked by itself, and then: not pinned');
$old->query("SELECT 'of the old'");
is(stands_pinned('of the old'), 1, 'who was let in before it is pinned, and stays so');
like($c->log, qr/reader\|/, 'by the role of read grants');
my ($event) = @{$t->must(GET => '/api/audit?action=database.check')->{audit_events}};
is($event->{actor}, 'dbbat', 'which is an audit event');

$t->storage("UPDATE dbbat.database_checks SET checked_at = now() - interval '61 minutes'");
checked(sub { is(pinned(), 1, 'an old check does not count') });
is(pinned(), 0, 'and is made anew');
$t->storage("UPDATE dbbat.database_checks SET checked_at = now() - interval '31 minutes'");
checked(sub { is(pinned(), 0, 'past half of its time it counts, and is made anew') });

checked(sub {
	$t->must(PUT => $path, { description => 'the same', port => $c->port, host => 'localhost' });
	is(pinned(), 1, 'a check of another host does not count');
});
is(pinned(), 0, 'the next does');

for my $plant (
	['a function', 'CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS $$SELECT 1$$', 'DROP FUNCTION f'],
	['ownership', 'ALTER TABLE t OWNER TO reader', 'ALTER TABLE t OWNER TO target; GRANT SELECT ON t TO reader'],
	['a sequence', 'CREATE SEQUENCE s; GRANT USAGE ON SEQUENCE s TO reader', 'DROP SEQUENCE s'],
) {
	$c->sql('target', $plant->[1]);
	$t->must(POST => "$path/check");
	is(pinned(), 1, "$plant->[0]: pinned");
	$c->sql('target', $plant->[2]);
}
$t->must(POST => "$path/check");
is(pinned(), 0, 'without them: not');

# --- everything else stays on ------------------------------------------------------------------------

my $s = $t->login('john');
my $sum = \&DBBat::Client::summary;
my ($extended, $sync) = (\&DBBat::Client::extended, DBBat::Client::sync());
is((DBBat::Client::rows($s->query('SHOW default_transaction_read_only')))[0][0], 'on', 'the session is read-only by default');
is($sum->($s->query('INSERT INTO t VALUES (2)')), 'E:25006 Z:I', 'statements are judged');
like($sum->($s->query('SET default_transaction_read_only = off')), qr/^E:42501 Z:I/, 'settings too');
is($sum->($s->query("SELECT pg_terminate_backend(1)")), 'E:42501 Z:I', 'and functions');
is($sum->($s->query('BEGIN'), $s->query('SELECT 1/0'), $s->query('SELECT 1'), $s->query('COMMIT')),
	'C Z:T E:22012 Z:E E:25P02 Z:E C Z:I', 'a transaction is the client\'s own');
$s->send_raw(DBBat::Client::message('d', "1\n"), DBBat::Client::message('c', ''));
is($sum->($s->query('SELECT 1')), 'T D C Z:I', 'COPY data that nobody asked for goes nowhere');
is($sum->($s->query('COPY t TO STDOUT')), 'H d c C Z:I', 'COPY out');
$s->send_raw($extended->('COPY t TO STDOUT') . $extended->('SELECT 1') . $sync);
is($sum->($s->receive_ready), '1 2 H d c C 1 2 D C Z:I', 'in a pipeline');
$s->send_raw($extended->('SELECT 1') . $extended->("SELECT 'ä'") . $sync . $extended->("SELECT '\\'") . $sync);
is($sum->($s->receive_ready, $s->receive_ready), '1 2 D C 1 2 D C Z:I 1 2 D C Z:I', 'text that the lexers must agree on');
$s->send_raw($extended->('BEGIN') . $extended->('SELECT 1/0') . $sync . $extended->('SELECT 1') . $extended->("SELECT 'ä'") . $sync);
is($sum->($s->receive_ready, $s->receive_ready), '1 2 C 1 E:22012 Z:E E:25P02 Z:E', 'in a transaction that has failed');
$s->send_raw(DBBat::Client::parse('p', 'ROLLBACK') . $extended->("SELECT 'ä'") . $sync);
is($sum->($s->receive_ready), '1 E:25P02 Z:E', 'whose error is heard');
is($sum->($s->query('ROLLBACK')), 'C Z:I', 'and which ends');

# a function that was planted after the check: the server's own read-only mode, and its report, are left
$c->sql('target', q{CREATE FUNCTION f_off() RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('default_transaction_read_only', 'off', false); RETURN 'off'; END$$});
like($sum->($s->query('SELECT f_off()')), qr/E:25006/, 'a ParameterStatus that says otherwise ends the session');
ok($s->closed, 'at once');
$c->sql('target', 'DROP FUNCTION f_off');
my $w = $t->login('john');
$c->sql('target', q{CREATE FUNCTION f_scs() RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); RETURN 'off'; END$$});
$w->send_raw($extended->('SELECT f_scs()') . $extended->("SELECT '\\', \$\$'; SELECT 'unseen'--\$\$") . $sync);
like($sum->($w->receive_ready), qr/E:25006/, 'nor can string syntax change behind the lexer');
is(scalar(() = $c->log =~ /execute[^\n]*'unseen'/g), 0, 'nothing of it ran');

# --- always --------------------------------------------------------------------------------------------

my $always = $t->node(key => $t->daemon->{env}{DBB_KEY}, env => { DBB_READ_PINNING => 'always' });
my $r = DBBat::Client->new($always->{pg_port});
is($r->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE), undef, 'at a node with read_pinning = always');
$r->query("SELECT 'always'");
is(stands_pinned('always'), 1, 'it is pinned all the same');
$always->check_end;
$t->done;
