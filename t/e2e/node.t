#!/usr/bin/perl
# Nodes: whose connection is whose, what becomes of those whose session, node or journal is gone, and that no
# node ends what lives on another.
use DBBat::Test;

use DBBat::Daemon;
use Time::HiRes qw(sleep time);

my $t = DBBat::Test->start;
my $d = $t->daemon;
$t->access('john', 'write');

my $sum = \&DBBat::Client::summary;
sub open_rows { return $t->storage('SELECT string_agg(id::text, $$ $$ ORDER BY id) FROM dbbat.connections WHERE ended_at IS NULL'); }
sub connection { return $t->storage("SELECT coalesce(end_reason, 'open') FROM dbbat.connections WHERE id = $_[0]"); }
# A row without a session. $of: node and boot; $age: when it was opened.
sub row
{
	my ($of, $age) = @_;
	return $t->storage("INSERT INTO dbbat.connections (user_id, username, database_id, database, grant_id, access_level, client_host, client_port,
		tls, application_name, started_at, node_id, boot_id) VALUES (1, 'row', 1, 'd', 1, 'read', '::1', 1, true, '', now() - interval '$age', $of) RETURNING id");
}
sub last_row { return $t->storage('SELECT max(id) FROM dbbat.connections'); }

# --- the name of a node ---------------------------------------------------------------------------

my ($node, $host) = slurp("$d->{dir}/state/node") =~ /^([0-9a-f]{32}) (\S+)\n\z/;
ok($node, 'state_dir keeps the name of the node');
is((stat "$d->{dir}/state/node")[2] & 07777, 0600, 'which is for nobody else');
my $c = $t->login('john');
my $live = last_row();
my ($by, $boot) = split /\|/, $t->storage("SELECT node_id, boot_id FROM dbbat.connections WHERE id = $live");
is($by, $node, 'a connection has it');
is($t->storage("SELECT count(*) FROM dbbat.nodes WHERE node_id = '$node' AND boot_id = '$boot' AND name = '$host' AND seen_at > now() - interval '1 minute'"), 1,
	'storage knows it');
ok(poll_until(sub { $t->storage(q{SELECT count(*) FROM dbbat.log_partitions WHERE upper > now()}) >= 4 }, 10), 'the janitor makes partitions ahead');

my $second = $t->node(start => 0, env => { DBB_STATE_DIR => "$d->{dir}/state" });
my $r = DBBat::Daemon::command(['-f'], env => $second->{env});
like("$r->{exit}: $r->{err}", qr/^69: .*state_dir \S+: another DBBat runs with it/s, 'a second one does not start with the same state_dir');
$d->{process}->signal('HUP');
poll_until(sub { $t->log =~ /SIGHUP.*serves PostgreSQL/s }, 10);
$r = DBBat::Daemon::command(['-f'], env => $second->{env});
like("$r->{exit}: $r->{err}", qr/^69: .*state_dir \S+: another DBBat runs with it/s, 'not after a reload either');
is($t->psql('john', 'SELECT 1')->{exit}, 0, 'a session after the reload');
is($t->storage('SELECT boot_id FROM dbbat.connections WHERE id = ' . last_row()), $boot, 'is of the same start');

# --- sessions without a journal ----------------------------------------------------------------------

my $dead = row("'$node', '$boot'", '1 minute');
my $old = row("'$node', 'before'", '0');
my $others = row("'other', 'other'", '1 minute');
ok(poll_until(sub { connection($dead) ne 'open' && connection($old) ne 'open' }, 30), 'a connection that has neither session nor journal');
is(connection($dead) . ', ' . connection($old), 'session process died, session process died', 'gets its end');
is(connection($live) . ', ' . connection($others), 'open, open', 'the others do not');
is($sum->($c->query('SELECT 1')), 'T D C Z:I', 'and the session that lives goes on');

# --- another node ---------------------------------------------------------------------------------------

my $b = $t->node(key => $d->{env}{DBB_KEY});
my $bc = DBBat::Client->new($b->{pg_port});
is($bc->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE), undef, 'a session on another node');
my $there = last_row();
is($t->storage("SELECT node_id <> '$node' FROM dbbat.connections WHERE id = $there"), 't', 'which has another name');

# it cannot say that it lives any more, as others see it
my ($janitor) = map { /^(\d+)/ } $b->titles(qr/^dbbat: janitor/);
kill('STOP', $janitor);
$t->storage("UPDATE dbbat.nodes SET seen_at = now() - interval '10 minutes' WHERE node_id <> '$node'");
my $lost = row("'never seen', 'x'", '6 minutes');
my $fresh = row("'never seen', 'x'", '1 minute');
ok(poll_until(sub { connection($there) ne 'open' && connection($lost) ne 'open' }, 60), 'a node is not seen for long');
is(connection($there) . ', ' . connection($lost), 'node lost, node lost', 'its connections are closed in the log');
is($t->storage("SELECT ended_at < now() - interval '5 minutes' OR ended_at = started_at FROM dbbat.connections WHERE id = $there"), 't', 'at the time it was last seen');
is(connection($fresh) . ', ' . connection($live), 'open, open', 'and no others');
my ($keeper) = map { /^(\d+)/ } $b->titles(qr/^dbbat: keeper/);
kill('KILL', $keeper);
ok(poll_until(sub { my ($k) = map { /^(\d+)/ } $b->titles(qr/^dbbat: keeper/); $k && $k != $keeper }, 10), 'also for a new keeper there');
sleep 1;
is($sum->($bc->query("SELECT 'alive'")), 'T D C Z:I', 'what lives is not ended by that');
kill('CONT', $janitor);
ok(poll_until(sub { connection($there) eq 'open' }, 20), 'and is open again when the node is back');
$bc->send_raw(DBBat::Client::terminate());
ok(poll_until(sub { connection($there) eq 'client closed' }, 10), 'the end is its own');
is($b->stop('INT'), 0, 'the other node stops');

# a session's own word comes before what was said about it
my $said = row("'never seen', 'x'", '6 minutes');
ok(poll_until(sub { connection($said) eq 'node lost' }, 30), 'lost');
$t->storage("SELECT dbbat.log_end($said, now(), 5, 6, 'client closed')");
is(connection($said), 'client closed', 'its own word, when it comes');
$t->storage("SELECT dbbat.log_end($said, now(), 7, 8, 'again')");
is(connection($said), 'client closed', 'is the last');

# --- all at once --------------------------------------------------------------------------------------------

my @more = map { $t->login('john') } 1 .. 5;
$more[0]->query('SELECT 1');
$more[1]->send_raw(DBBat::Client::query_message('SELECT pg_sleep(100)'));
my ($victim) = map { /^(\d+)/ } $d->titles(qr/^dbbat: session john@/);
ok(poll_until(sub { $t->queries("status = 'running'") }, 5), 'one is at work');
my $cut = row("'$node', '$boot'", '0');		# between its row and its journal
$d->{process}->kill_group('KILL');
poll_until(sub { $d->{process}->wait(0) && !$d->pids }, 10);
$d->start;
$t->storage("UPDATE dbbat.connections SET ended_at = now() WHERE id IN ($fresh, $others)");
ok(poll_until(sub { open_rows() eq "" }, 30), 'everything is killed: after the next start every connection has an end') or diag(open_rows());
is($t->storage(q{SELECT count(*) FROM dbbat.queries WHERE status = 'running'}), 0, 'and every statement');
is($t->storage("SELECT node_id = '$node' AND boot_id <> '$boot' FROM dbbat.nodes WHERE name = '$host' ORDER BY seen_at DESC LIMIT 1"), 't',
	'the node is the same, the start another');

# --- a state_dir that was copied ------------------------------------------------------------------------------

$d->stop('INT');
open(my $fh, '>', "$d->{dir}/state/node") or die $!;
print $fh "$node another.host\n";
close $fh;
$d->start;
isnt(substr(slurp("$d->{dir}/state/node"), 0, 32), $node, 'on another host it gets another name');
$t->storage("UPDATE dbbat.nodes SET boot_id = 'somebody else''s' WHERE node_id = '" . substr(slurp("$d->{dir}/state/node"), 0, 32) . "'");
ok(poll_until(sub { $t->log =~ /another DBBat goes by the id of this node/ }, 20), 'and when somebody else has it after all, that is said');
$t->done;
