#!/usr/bin/perl
# The journal from outside: what is in the log when storage was away, when a session died, when
# the disk is full, and what audit_sync makes a statement wait for.
use DBBat::Test;

use Time::HiRes qw(sleep time);

my $t = DBBat::Test->start;
my $d = $t->daemon;
my $target = DBBat::Test::target_of_its_own('CREATE TABLE load (id bigint); GRANT INSERT, SELECT ON load TO target');
$t->database(DBBat::Test::DATABASE, port => $target->port);
$t->access('john', 'write');
$target->sql('postgres', $_) for 'ALTER SYSTEM SET log_connections = on', 'SELECT pg_reload_conf()';

sub journals { my @files = glob("$d->{dir}/state/journal/*.journal"); return @files; }
sub summary { return DBBat::Client::summary(@_); }
sub ran { return $target->sql('target', "SELECT count(*) FROM load WHERE id BETWEEN $_[0] AND $_[1]"); }
sub target_logins { return scalar(() = $target->log =~ /connection authorized: user=target .*via dbbat/g); }
sub logged
{
	my ($first, $last) = @_;
	return $t->storage("SELECT count(*) FROM dbbat.queries WHERE sql_text LIKE 'INSERT INTO load%'
		AND substring(sql_text from '\\d+')::bigint BETWEEN $first AND $last AND status <> 'refused'");
}

# --- a session's file ---------------------------------------------------------------

is(scalar journals(), 0, 'without sessions there is no journal');
my $c = $t->login('john');
$c->query('SELECT 1');
my @files = journals();
is(scalar @files, 1, 'a session has one');
is(target_logins(), 1, 'and is logged in at the target');
is((stat $files[0])[2] & 07777, 0600, 'that only its owner can read');
$c->send_raw(DBBat::Client::terminate());
ok(poll_until(sub { !journals() }, 5), 'and that goes with it');

# --- a session that dies --------------------------------------------------------------

$c = $t->login('john');
$c->query('INSERT INTO load VALUES (1)');
$c->send_raw(DBBat::Client::query_message('SELECT pg_sleep(1.5)'));
ok(poll_until(sub { $t->queries("status = 'running'") }, 5), 'a statement runs');
my ($pid) = map { /^(\d+)/ } $d->titles(qr/^dbbat: session john@/);
kill 'KILL', $pid;
ok(poll_until(sub { !journals() }, 12), 'the session is killed; its journal is shipped by somebody else');
my ($cut) = $t->queries("sql_text LIKE '%pg_sleep(1.5)%'");
is("$cut->{status}: $cut->{message}", 'error: the session process died before the outcome was known', 'it says so');
is($t->storage("SELECT count(*) FROM dbbat.connections WHERE id = $cut->{connection_id} AND ended_at IS NOT NULL
	AND end_reason = 'session process died' AND queries = 2"), 1, 'and the connection has an end');
is(logged(1, 1), 1, 'what ran before is there');

# --- sessions that end together ----------------------------------------------------------

my @many = map { my $s = $t->login('john'); $s->query('INSERT INTO load VALUES (' . (10 + $_) . ')'); $s } 0 .. 11;
my @ids = split /\n/, $t->storage('SELECT id FROM dbbat.connections WHERE ended_at IS NULL ORDER BY id');
is(scalar @ids, 12, 'a dozen sessions');
$t->storage("CREATE FUNCTION no_end() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RAISE SQLSTATE 'XX002'; END \$\$;
	CREATE TRIGGER no_end BEFORE UPDATE ON dbbat.connections FOR EACH ROW WHEN (NEW.id = $ids[3] AND NEW.queries IS NOT NULL) EXECUTE FUNCTION no_end();
	UPDATE dbbat.connections SET started_at = started_at - interval '1 hour' WHERE id = $ids[7]");
my $ended = 'SELECT count(*) FROM dbbat.connections WHERE id IN (' . join(', ', @ids) . ") AND end_reason = 'client closed' AND queries = 1";
kill('STOP', my ($janitor) = map { /^(\d+)/ } $d->titles(qr/^dbbat: janitor/));
$_->send_raw(DBBat::Client::terminate()) for @many;
ok(poll_until(sub { !$d->titles(qr/^dbbat: session john@/) }, 5), 'end at once');
kill('CONT', $janitor);
ok(poll_until(sub { $t->storage($ended) == 10 }, 10), 'one that storage does not take, and one that it does not know, keep no other out');
ok(poll_until(sub { journals() == 1 && (journals())[0] =~ m{/$ids[3]-} }, 5), 'the first stays') or diag(join ' ', journals());
is(scalar(my @aside = glob "$d->{dir}/state/journal/*.damaged"), 1, 'the other is set aside');
unlink @aside;
$t->storage('DROP TRIGGER no_end ON dbbat.connections');
ok(poll_until(sub { !journals() && $t->storage($ended) == 11 }, 20), 'until storage takes it')
	or diag(join ' ', journals(), $t->storage("SELECT id, end_reason, queries FROM dbbat.connections WHERE id >= $ids[0]"));
is(logged(10, 21), 12, 'nothing is missing');

# --- storage away ------------------------------------------------------------------------

$c = $t->login('john');
my $other = $t->login('john');
$t->cluster->stop('QUIT');
my @answers = map { summary($c->query("INSERT INTO load VALUES ($_)")) } 100 .. 299;
is(scalar(grep { $_ eq 'C Z:I' } @answers), 200, 'with storage away a session goes on');
$other->send_raw(DBBat::Client::query_message('INSERT INTO load VALUES (300)'), DBBat::Client::terminate());
$other->close;
ok(poll_until(sub { ran(300, 300) == 1 }, 5), 'so does one that says goodbye behind its statement');
is($t->raw->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE)->{C}, '57P03', 'there are no new ones');
$c->send_raw(DBBat::Client::terminate());
ok(poll_until(sub { !$d->titles(qr/^dbbat: session john@/) }, 4), 'their ends do not wait for storage');
is(scalar journals(), 2, 'their journals stay');
$t->cluster->start;
ok(poll_until(sub { !journals() }, 20), 'and are shipped when it is back');
is(logged(100, 300), 201, 'with all that ran');
is($t->storage("SELECT count(*) FROM dbbat.connections WHERE id > $ids[-1] AND end_reason = 'client closed' AND ended_at IS NOT NULL"), 2,
	'and the ends as they were');

# --- journals that are not what they should be ---------------------------------------------

my $dir = "$d->{dir}/state/journal";
open(my $fh, '>', "$dir/7-x.journal") or die $!;
print $fh 'no journal at all' x 1000;
close $fh;
system('chown', 'postgres:', "$dir/7-x.journal") if $> == 0;
ok(poll_until(sub { -e "$dir/7-x.journal.damaged" }, 12), 'a damaged one is set aside');
$d->{process}->signal('TERM');
$d->{process}->wait(10);
like($t->log, qr/7-x\.journal is damaged/, 'with a word in the log');

# --- audit_sync -----------------------------------------------------------------------------

for my $sync (qw(fsync storage)) {
	my $first = $sync eq 'fsync' ? 1000 : 2000;
	$d->{env}{DBB_AUDIT_SYNC} = $sync;
	$d->{env}{DBB_SHIP_INTERVAL} = '20s';
	$d->start;
	$c = $t->login('john');
	is(summary($c->query("INSERT INTO load VALUES ($first)")), 'C Z:I', "$sync: a statement passes");
	my @sql = map { 'INSERT INTO load VALUES (' . ($first + $_) . ')' } 1 .. 50;
	$c->send_raw(map({ DBBat::Client::extended($_) } @sql), DBBat::Client::sync());
	is(scalar(grep { $_->{type} eq 'C' } $c->receive_ready), 50, 'a pipeline too');
	if ($sync eq 'storage') {
		is(logged(2000, 2050), 51, 'and all is in storage by then');
		$t->cluster->stop('QUIT');
		$c->send_raw(DBBat::Client::query_message('INSERT INTO load VALUES (2100)'));
		sleep 1;
		is(ran(2100, 2100), 0, 'with storage away nothing runs');
		my @refused = map { $_->{type} eq 'E' ? DBBat::Client::error($_)->{C} : () } $c->receive_ready(15);
		is("@refused", '57P03', 'and after a while the session says why');
		is(ran(2100, 2100), 0, 'it never runs');
		$t->cluster->start;
		ok(poll_until(sub { logged(2100, 2100) == 1 && !$t->queries("status = 'running'") }, 20), 'the attempt is in the log');
	}
	$c->close;
	poll_until(sub { !journals() }, 15);
	$d->stop;
}

# --- the disk is full -------------------------------------------------------------------------

SKIP: {
	delete @{$d->{env}}{qw(DBB_AUDIT_SYNC DBB_SHIP_INTERVAL)};
	Test::More::skip('needs root, to mount a small disk', 10)
		if $> != 0 || system('mount', '-t', 'tmpfs', '-o', 'size=500k,mode=0700', 'tmpfs', $dir) != 0;
	my $mounted = $dir;
	system('chown', 'postgres:', $dir);
	$d->start;
	$c = $t->login('john');
	$t->cluster->stop('QUIT');
	my ($id, @m) = (3000);
	do {
		$id++;
		@m = $c->query("INSERT INTO load VALUES ($id) /* " . ('x' x 5000) . ' */');
	} while (summary(@m) eq 'C Z:I' && $id < 3500);
	is(summary(@m), 'E:53100 Z:I', 'on a full disk a statement is refused');
	ok($id > 3020, 'not at once');
	is(ran($id, $id), 0, 'and does not run');
	$t->cluster->start;
	ok(poll_until(sub { summary($c->query('INSERT INTO load VALUES (3600)')) eq 'C Z:I' }, 20), 'with storage back it goes on');
	$c->send_raw(DBBat::Client::terminate());
	ok(poll_until(sub { !journals() }, 10), 'all is shipped');
	is(logged(3001, $id - 1), ran(3001, $id - 1), 'and nothing is missing');
	run(cmd => ['dd', 'if=/dev/zero', "of=$dir/fill", 'bs=1k', 'count=1000']);
	my ($code, $let_in) = ('', target_logins());
	poll_until(sub { ($code = $t->raw->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE)->{C}) ne '57P03' }, 10);
	is($code, '53100', 'no room for a journal: no session');
	is(target_logins(), $let_in, 'and no login at the target');
	my $refused = $t->raw;
	is($refused->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE, replication => 'database')->{C}, '42501',
		'one that is refused for its startup parameters is told so');
	ok($refused->closed, 'and nothing else');
	$d->stop('INT');
	system('umount', '-l', $mounted);
}
$t->done;
