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

sub journals { my @files = glob("$d->{dir}/state/journal/*.journal"); return @files; }
sub summary { return DBBat::Client::summary(@_); }
sub ran { return $target->sql('target', "SELECT count(*) FROM load WHERE id BETWEEN $_[0] AND $_[1]"); }
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
is($t->storage("SELECT count(*) FROM dbbat.connections WHERE end_reason = 'client closed' AND ended_at IS NOT NULL"), 3,
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
	Test::More::skip('needs root, to mount a small disk', 7)
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
	my $code;
	poll_until(sub { ($code = $t->raw->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE)->{C}) ne '57P03' }, 10);
	is($code, '53100', 'no room for a journal: no session');
	$d->stop('INT');
	system('umount', '-l', $mounted);
}
$t->done;
