#!/usr/bin/perl
# What waits for the storage is seen: statements that run, backlogs, journals without a session. And sessions
# that have nothing to say do not hold a connection of the storage.
use DBBat::Test;

use Time::HiRes qw(sleep time);

my $t = DBBat::Test->start(env => { DBB_SHIP_INTERVAL => '1s' });
my $d = $t->daemon;
$t->access('john', 'write');

sub status { return $t->must(GET => '/api/status'); }
sub connections { return $t->storage(q{SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'dbbat shipper%'}); }

my $c = $t->login('john');
is(connections(), 0, 'while no session has done anything the shipper has no connection to the storage');
my $s = status();
is($s->{sessions}{busy}, 1, 'it is seen');
is($s->{sessions}{max}, 1000, 'with how many there may be');
is($s->{node_id}, substr(slurp("$d->{dir}/state/node"), 0, 32), 'on this node');
is_deeply([@{$s->{records}}{qw(waiting waiting_bytes oldest_seconds sessions)}], [0, 0, 0, []], 'nothing waits');
is($t->api(GET => '/api/status', undef, as => 'john:' . DBBat::Test::password('john'))->{status}, 403, 'which is for admins');

# --- running ---------------------------------------------------------------------------------------

$c->send_raw(DBBat::Client::query_message("SELECT pg_sleep(4), 'long'"));
my $seen = poll_until(sub { $t->must(GET => '/api/queries?status=running')->{queries}[0] }, 3);
is($seen && $seen->{sql_text}, "SELECT pg_sleep(4), 'long'", 'a statement is seen while it runs');
is(connections(), 1, 'over a connection that the shipper has opened');
$c->receive_ready;
ok(poll_until(sub { !@{$t->must(GET => '/api/queries?status=running')->{queries}} }, 5), 'and then with its outcome');
ok(poll_until(sub { status()->{records}{shipped} == 2 }, 5), 'both records are counted');
ok(poll_until(sub { connections() == 0 }, 20), 'when there is nothing more to say the connection is closed');
$c->query('SELECT 1');
ok(poll_until(sub { connections() == 1 }, 5), 'and opened again');

# --- what waits -------------------------------------------------------------------------------------------

$t->storage('REVOKE INSERT ON dbbat.queries FROM storage');
$c->query("SELECT $_") for 1 .. 10;
my $id = $t->storage('SELECT max(id) FROM dbbat.connections');
ok(poll_until(sub { status()->{records}{waiting} == 20 }, 10), 'records that wait are counted');
$s = status()->{records};
cmp_ok($s->{waiting_bytes}, '>', 1000, 'with their bytes');
cmp_ok($s->{oldest_seconds}, '>', 0, 'and how old they are');
is_deeply([map { [@$_{qw(connection_id records bytes)}] } @{$s->{sessions}}], [[$id, 20, $s->{waiting_bytes}]], 'whose they are');
my $other = $t->login('john');
my $complaints = () = $t->log =~ /janitor: records cannot be shipped/g;
$other->query('SELECT 1');
ok(poll_until(sub { @{status()->{records}{sessions}} == 2 }, 10), 'those of another');
is(status()->{records}{sessions}[0]{connection_id}, $id, 'the oldest first');
my ($pid) = map { /^(\d+)/ } $d->titles(qr/^dbbat: session john@/);
kill('KILL', $pid);
ok(poll_until(sub { status()->{records}{orphaned_journals} == 1 }, 15), 'a journal without its session, too');
is(scalar @{status()->{records}{sessions}}, 1, 'the session is not there any more');
cmp_ok(status()->{records}{orphaned_bytes}, '>', 0, 'but its records');
cmp_ok(scalar(() = $t->log =~ /janitor: records cannot be shipped/g) - $complaints, '<', 30, 'which is not tried again and again');
$t->storage('GRANT INSERT ON dbbat.queries TO storage');
ok(poll_until(sub { my $r = status()->{records}; !$r->{orphaned_journals} && !$r->{waiting} }, 20), 'until they are shipped');
is(status()->{records}{shipped}, 2 * $t->storage('SELECT count(*) FROM dbbat.queries'), 'what was shipped is counted, whoever did it');
$d->{process}->signal('HUP');
poll_until(sub { $t->log =~ /SIGHUP.*serves PostgreSQL/s }, 10);
poll_until(sub { status()->{records}{shipped} }, 5);
is(status()->{records}{shipped}, 2 * $t->storage('SELECT count(*) FROM dbbat.queries'), 'also after a reload');
$t->done;
