#!/usr/bin/perl
# The shipper: what the sessions of a node record goes to storage together; the trouble that one of them
# has there is not the others', and its own death costs nothing.
use DBBat::Test;

use Time::HiRes qw(sleep);

use DBBat::Cluster;
use DBBat::Load;

my $t = DBBat::Test->start(env => { DBB_SHIP_INTERVAL => '200ms' });
my $d = $t->daemon;
my $target = DBBat::Test::target_of_its_own('CREATE TABLE load (id bigint); GRANT INSERT ON load TO target');
$t->database(DBBat::Test::DATABASE, port => $target->port);
$t->access('john', 'write');

sub journals { my @files = glob("$d->{dir}/state/journal/*"); return @files; }
sub count { return $t->storage("SELECT count(*) FROM dbbat.queries WHERE $_[0]"); }
sub shippers { return $d->titles(qr/^dbbat: shipper$/); }
sub connections { return $t->storage(q{SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'dbbat s%'}); }

is(scalar shippers(), 1, 'there is one');

# --- together ---------------------------------------------------------------------------------------

my @sessions = map { $t->login('john') } 1 .. 12;
for my $n (1 .. 5) {
	$_->query("SELECT $n, 'together'") for @sessions;
}
ok(poll_until(sub { count("sql_text LIKE '%together%' AND status = 'ok'") == 60 }, 10), 'what twelve sessions have run is in the log');
is($t->storage(q{SELECT max(n) > 1 FROM (SELECT count(DISTINCT connection_id) n FROM dbbat.queries GROUP BY xmin::text) q}), 't', 'in batches of several');
is(connections(), 1, 'that came over one connection');
is($t->storage(q{SELECT count(*) FROM (SELECT seq - lag(seq, 1, 0::bigint) OVER (PARTITION BY connection_id ORDER BY seq) d FROM dbbat.queries) q WHERE d <> 1}), 0,
	'without a gap');

# --- a record that storage does not take -----------------------------------------------------------

my ($bad, @good) = @sessions;
my $id = $t->storage(q{SELECT min(connection_id) FROM dbbat.queries});
$t->storage(q{ALTER TABLE dbbat.queries ADD CONSTRAINT poison CHECK (sql_text NOT LIKE '%POISON%')});
for my $n (1 .. 3) {
	$_->query("SELECT $n, 'beside'") for @good;
	$bad->query("SELECT $n, 'POISON'") if $n == 2;
}
ok(poll_until(sub { count("sql_text LIKE '%beside%' AND status = 'ok'") == 33 }, 10), 'a record that storage refuses keeps no other session\'s out');
ok(poll_until(sub { count("connection_id = $id AND sql_text LIKE '(storage refused this record: SQLSTATE 23514)%' AND status = 'ok'") == 1 }, 10),
	'and is there in reduced form');
is(count("sql_text LIKE '(storage refused%'"), 1, 'no other is');
$t->storage('ALTER TABLE dbbat.queries DROP CONSTRAINT poison');

# --- a session that storage does not take ----------------------------------------------------------

$t->storage("ALTER TABLE dbbat.queries ADD CONSTRAINT poison CHECK (connection_id <> $id OR sql_text NOT LIKE '%4%') NOT VALID");
$t->storage("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN IF NEW.connection_id = $id THEN RAISE SQLSTATE 'XX001'; END IF; RETURN NEW; END \$\$");
$t->storage('CREATE TRIGGER no BEFORE INSERT ON dbbat.queries FOR EACH ROW EXECUTE FUNCTION no()');
$bad->query("SELECT 4, 'held'");
$_->query("SELECT 4, 'not held'") for @good;
ok(poll_until(sub { $t->log =~ /records cannot be shipped, and are kept: ERROR: +XX001/ }, 10), 'storage that takes nothing of one session is told of');
$_->query("SELECT 5, 'not held'") for @good;
ok(poll_until(sub { count("sql_text LIKE '%not held%' AND status = 'ok'") == 22 }, 10), 'the others go on');
is(count("connection_id = $id AND sql_text LIKE '%held%'"), 0, 'its own waits');
$t->storage('DROP FUNCTION no CASCADE');
$t->storage('ALTER TABLE dbbat.queries DROP CONSTRAINT poison');
ok(poll_until(sub { count("connection_id = $id AND sql_text = 'SELECT 4, ''held''' AND status = 'ok'") == 1 }, 20), 'until it is taken, as it was');

# --- a journal that grows under it ------------------------------------------------------------------

my $lock = spawn(cmd => [DBBat::Cluster::bindir() . '/psql', '-XAtq', '-d', $t->cluster->dsn('storage', 'postgres', DBBat::Cluster::SUPERUSER_PASSWORD)],
	stdin => 'BEGIN; LOCK TABLE dbbat.queries IN SHARE MODE; SELECT pg_sleep(60);');
ok(poll_until(sub { $t->storage(q{SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND granted AND relation = 'dbbat.queries'::regclass}) }, 10), 'storage is locked');
for my $n (1 .. 40) {
	$bad->query("SELECT $n, 'grows' /* " . ('x' x 50_000) . '*/');
}
ok((grep { -s $_ > 1 << 20 } journals()), 'a journal has grown');
$lock->signal('TERM');
$t->storage(q{SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'ShareLock' AND granted AND relation = 'dbbat.queries'::regclass});
$lock->wait(5);
ok(poll_until(sub { count("sql_text LIKE '%grows%' AND length(sql_text) > 50000 AND status = 'ok'") == 40 }, 20), 'what is in it is shipped');
$bad->query("SELECT 'after it'");
ok(poll_until(sub { count("sql_text LIKE '%after it%' AND status = 'ok'") == 1 }, 10), 'and what comes behind it');
$_->send_raw(DBBat::Client::terminate()) for @sessions;
ok(poll_until(sub { !journals() }, 10), 'at the end of the sessions nothing is left');
is($t->storage('SELECT count(*) FROM dbbat.connections WHERE end_reason IS DISTINCT FROM \'client closed\''), 0, 'each has its end');

# --- killed, stopped, replaced ------------------------------------------------------------------------

my $load = DBBat::Load->start($t, 6);
for my $how (qw(KILL KILL HUP KILL TERM)) {
	sleep 0.6;
	if ($how eq 'HUP') {
		$d->{process}->signal('HUP');
		next;
	}
	my ($pid) = map { /^(\d+)/ } shippers();
	kill $how, $pid if $pid;
}
sleep 0.6;
my @told = $load->stop;
is(DBBat::Load::answers(@told), 'C Z:I', 'killed and replaced under load, no session notices');
ok(poll_until(sub { !journals() }, 30), 'all is shipped');
my $ran = @told;
my $there = $t->storage("SELECT count(*) FROM dbbat.queries WHERE sql_text LIKE 'INSERT INTO load%' AND status = 'ok'
	AND substring(sql_text from '\\d+')::bigint " . $load->between);
ok($ran > 100, "$ran statements have run");
is($there, $ran, 'each is logged once');
ok(poll_until(sub { shippers() == 1 }, 10), 'there is one shipper again');
is($t->psql('john', "SELECT 'goes on'")->{exit}, 0, 'a session comes in');
ok(poll_until(sub { count("sql_text LIKE '%goes on%' AND status = 'ok'") == 1 }, 10), 'and is logged');
$t->done;
