#!/usr/bin/perl
# The storage in all kinds of trouble, under load: sessions that are open go on, nobody new comes in, and when it
# is over the log has all that ran, once and in order.
use DBBat::Test;

use Time::HiRes qw(sleep);

use DBBat::Cluster;
use DBBat::Load;

my $t = DBBat::Test->start(env => { DBB_SHIP_INTERVAL => '50ms' });
my $d = $t->daemon;
my $target = DBBat::Test::target_of_its_own('CREATE TABLE load (id bigint); GRANT INSERT ON load TO target');
$t->database(DBBat::Test::DATABASE, port => $target->port);
$t->access('john', 'write');

sub journals { my @files = glob("$d->{dir}/state/journal/*"); return @files; }
sub login { return $t->raw->login('john', DBBat::Test::password($_[0] // 'john'), DBBat::Test::DATABASE); }

# Some of what they say is long, so that journals fill and grow.
sub load_start
{
	return DBBat::Load->start($t, 3, pause => 0.002,
		sql => sub { "INSERT INTO load VALUES ($_[0])" . ($_[0] % 10 ? '' : ' /* ' . ('long ' x 500) . '*/') });
}

# Runs a trouble under load; $over ends it. Gives what the sessions were told, each answer once.
sub trouble
{
	my ($name, $begin, $over, %o) = @_;
	my $load = load_start();
	sleep 0.3;
	$begin->();
	my $refused;
	poll_until(sub { $refused = login() }, 5);
	is($refused && $refused->{C}, '57P03', "$name: nobody new comes in");
	like($refused->{M}, qr/^DBBat cannot reach its storage database, so no access can be recorded; try again shortly$/, 'in plain words');
	sleep($o{seconds} // 0.7);
	my $before = $target->sql('target', 'SELECT count(*) FROM load');
	sleep 0.3;
	cmp_ok($target->sql('target', 'SELECT count(*) FROM load'), '>', $before, 'those who are in go on') if !$o{refuses};
	$over->();
	ok(poll_until(sub { !login() }, 20), 'when it is over others come in');
	ok(poll_until(sub { $load->all_told('C Z:I') }, 20), 'statements pass') if $o{refuses};
	sleep 0.3;
	my @told = $load->stop;
	is(DBBat::Load::answers(@told), $o{refuses} ? 'C Z:I, E:57P03 Z:I' : 'C Z:I', 'what they were told');
	ok(poll_until(sub { !journals() }, 30), 'all is shipped') or diag(join ' ', journals());
	complete($name, $load, @told);
	return @told;
}

# What the sessions were told ran is on the target and in the log, once, in its order; nothing else is.
sub complete
{
	my ($name, $load, @told) = @_;
	my @ran = sort { $a <=> $b } map { /^(\d+) C / ? $1 : () } @told;
	my $between = $load->between;
	is($target->sql('target', "SELECT count(*) || ' ' || count(DISTINCT id) FROM load WHERE id $between"), scalar(@ran) . ' ' . scalar(@ran),
		"what was said to have run has run");
	my $rows = "(SELECT q.*, substring(sql_text from '\\d+')::bigint AS n FROM dbbat.queries q WHERE sql_text LIKE 'INSERT INTO load%') q WHERE n $between";
	is($t->storage("SELECT md5(string_agg(n::text, ' ' ORDER BY n)) FROM $rows AND status = 'ok'"),
		$target->sql('target', "SELECT md5(string_agg(id::text, ' ' ORDER BY id)) FROM load WHERE id $between"), "$name: it is in the log, once");
	is($t->storage("SELECT count(*) FROM $rows AND status <> 'ok'"), 0, 'nothing else is');
	is($t->storage("SELECT count(*) FROM (SELECT id, lag(id) OVER w AS before, seq, lag(seq) OVER w AS last FROM $rows WINDOW w AS (PARTITION BY connection_id ORDER BY id)) x
		WHERE seq <= last"), 0, 'in its order');
}

# --- away ----------------------------------------------------------------------------------------

trouble('stopped', sub { $t->cluster->stop('QUIT') }, sub { $t->cluster->start }, seconds => 2);

# --- failed over: it answers, and cannot be written to -----------------------------------------------

trouble('in recovery',
	sub {
		$t->cluster->stop;
		open(my $fh, '>', "$t->{cluster}{data}/standby.signal") or die $!;
		close $fh;
		$t->cluster->start;
		is($t->storage('SELECT pg_is_in_recovery()'), 't', 'storage is a standby');
	},
	sub { $t->cluster->sql('storage', 'SELECT pg_promote()') });
$t->storage('ALTER ROLE storage SET default_transaction_read_only = on');
trouble('read-only by default',
	sub { $t->storage(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'storage'}) },
	sub {
		$t->storage('ALTER ROLE storage RESET default_transaction_read_only');
		$t->storage(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'storage'});
	});

# --- restarted in the middle of a batch ----------------------------------------------------------------

my $load = load_start();
for (1 .. 3) {
	my $lock = spawn(cmd => [DBBat::Cluster::bindir() . '/psql', '-XAtq', '-d', $t->cluster->dsn('storage', 'postgres', DBBat::Cluster::SUPERUSER_PASSWORD)],
		stdin => 'BEGIN; LOCK TABLE dbbat.queries IN SHARE MODE; SELECT pg_sleep(60);');
	ok(poll_until(sub { $t->storage(q{SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'dbbat.queries'::regclass}) >= 1 }, 10), 'a batch is under way');
	$t->cluster->stop('QUIT');
	$lock->wait(5);
	$t->cluster->start;
	sleep 0.3;
}
my @told = $load->stop;
is(DBBat::Load::answers(@told), 'C Z:I', 'restarts are not felt');
ok(poll_until(sub { !journals() }, 30), 'all is shipped');
complete('restarted in the middle of a batch', $load, @told);

# --- permission lost ---------------------------------------------------------------------------------------

$load = load_start();
sleep 0.3;
$t->storage('REVOKE ALL ON dbbat.queries FROM storage');
ok(poll_until(sub { $t->log =~ /records cannot be shipped, and are kept: ERROR: permission denied for table queries/ }, 10), 'permission is lost');
is(login(), undef, 'who can be recorded comes in');
sleep 0.5;
$t->storage('GRANT ALL ON dbbat.queries TO storage');
@told = $load->stop;
is(DBBat::Load::answers(@told), 'C Z:I', 'sessions go on');
ok(poll_until(sub { !journals() }, 30), 'when it is regained all is shipped');
complete('permission lost', $load, @told);
trouble('no permission to open a connection', sub { $t->storage('REVOKE INSERT ON dbbat.connections FROM storage') },
	sub { $t->storage('GRANT INSERT ON dbbat.connections TO storage') });

# --- the disk of the storage is full ----------------------------------------------------------------------------

# only root can make one that is small
my $disk = scratch_dir() . '/small';
mkdir $disk;
if ($> == 0 && system('mount', '-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', $disk) == 0) {
	system('chown', 'postgres:', $disk);
	$t->cluster->sql('storage', "CREATE TABLESPACE small LOCATION '$disk'");
	$t->storage(q{DO $$ DECLARE part regclass; BEGIN
		FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'dbbat.queries'::regclass LOOP EXECUTE format('ALTER TABLE %s SET TABLESPACE small', part); END LOOP;
		END $$});
	$load = load_start();
	sleep 0.3;
	open(my $fh, '>', "$disk/filler") or die $!;
	1 while (syswrite($fh, 'x' x 65536) // 0) == 65536;
	close $fh;
	ok(poll_until(sub { $t->log =~ /records cannot be shipped, and are kept: ERROR: could not extend file .*No space left on device/ }, 20), 'the disk is full');
	sleep 0.5;
	unlink "$disk/filler";
	@told = $load->stop;
	is(DBBat::Load::answers(@told), 'C Z:I', 'sessions go on');
	ok(poll_until(sub { !journals() }, 30), 'when there is room again all is shipped');
	complete('disk full', $load, @told);
}
END { system('umount', '-l', $disk) if defined $disk && $> == 0 }

# --- partitions come and go under the records -------------------------------------------------------------------

$load = load_start();
for (1 .. 5) {
	sleep 0.3;
	# what is there was never in a partition of its own
	$t->storage(q{DO $$ DECLARE part text; BEGIN FOR part IN SELECT name FROM dbbat.log_partitions WHERE upper IS NOT NULL AND "table" = 'queries' LOOP
		EXECUTE format('ALTER TABLE dbbat.queries DETACH PARTITION dbbat.%I', part);
		EXECUTE format('INSERT INTO dbbat.queries SELECT * FROM dbbat.%I', part);
		EXECUTE format('DROP TABLE dbbat.%I', part);
	END LOOP; END $$});
	cmp_ok($t->storage('SELECT count(*) FROM dbbat.queries_default'), '>', 0, 'records without a partition');
	sleep 0.2;
	ok(poll_until(sub { eval { $t->storage('SELECT dbbat.log_partitions_make(true)') } }, 20), 'partitions are made');
	is($t->storage('SELECT count(*) FROM dbbat.queries_default'), 0, 'and have them');
	$t->storage(q{SELECT dbbat.log_expire('1 day')});
}
@told = $load->stop;
is(DBBat::Load::answers(@told), 'C Z:I', 'sessions go on');
ok(poll_until(sub { !journals() }, 30), 'all is shipped');
complete('partitions', $load, @told);

# --- journal_max ---------------------------------------------------------------------------------------------

$d->stop;
$d->{env}{DBB_JOURNAL_MAX} = '64kB';
$d->start;
@told = trouble('journal_max', sub { $t->cluster->stop('QUIT') }, sub { $t->cluster->start }, seconds => 3, refuses => 1);
my @refused = map { /^(\d+) E/ ? $1 : () } @told;
is($target->sql('target', 'SELECT count(*) FROM load WHERE id IN (' . join(',', @refused) . ')'), 0, 'what was refused has not run');

# --- what fails before there is a session -----------------------------------------------------------------------

is($t->raw->login('john', 'wrong', DBBat::Test::DATABASE)->{C}, '28P01', 'a wrong password');
is($t->raw->login('nobody', 'wrong', DBBat::Test::DATABASE)->{C}, '28P01', 'nobody');
is($t->raw->login('john', DBBat::Test::password('john'), 'elsewhere')->{C}, '28000', 'a database that is not granted');
ok(poll_until(sub { $t->storage(q{SELECT count(*) FROM dbbat.audit_events WHERE action IN ('login.failed', 'login.refused')}) == 3 }, 5), 'are records');
$target->stop;
like(login()->{C}, qr/^08/, 'a target that is not there');
ok(poll_until(sub { $t->storage(q{SELECT count(*) FROM dbbat.connections WHERE end_reason LIKE 'the target could not be reached%' AND queries = 0 AND ended_at IS NOT NULL}) == 1 }, 5),
	'is a record');
$t->done;
