#!/usr/bin/perl
# kill -9 of the supervisor: what the processes it leaves do, and that another can start over them.
use DBBat::Test;

use Time::HiRes qw(sleep time);

my $t = DBBat::Test->start(env => { DBB_SHUTDOWN_TIMEOUT => '6s', DBB_MAX_SESSIONS => 20 });
my $d = $t->daemon;
my $sum = \&DBBat::Client::summary;
$t->access('john', 'write');
$t->access('quota', 'write', max_queries => 1000);

my $old = $d->{process};
# What is left of it, by title.
sub left
{
	my $pids = join ',', DBBat::Process::group_pids($old->pid) or return;
	return grep { !/<defunct>/ } map { /^\s*\d+\s+(.*)/ } split /\n/, run(cmd => ['ps', '-ww', '-o', 'pid=,args=', '-p', $pids])->{out};
}
sub journals { my @files = glob("$d->{dir}/state/journal/*.journal"); return @files; }

my ($idle, $working, $leaving) = map { $t->login('john') } 1 .. 3;
my $quota = $t->login('quota');
$_->query('SELECT 1') for $idle, $leaving, $quota;
$working->send_raw(DBBat::Client::query_message("SELECT pg_sleep(2), 'worked on'"));
ok(poll_until(sub { $t->queries("status = 'running'") }, 5), 'one session is at work');
kill('KILL', $old->pid);
$old->wait(5);

# --- what they do -------------------------------------------------------------------------------

ok(poll_until(sub { !grep { !/^dbbat: (?:keeper|session \w+@)/ } left() }, 10), 'all but the sessions and their keeper go') or diag(join "\n", left());
is(scalar(grep { /^dbbat: session/ } left()), 4, 'those stay');
$d->start;
ok(1, 'another dbbat starts meanwhile');
is($t->psql('john', "SELECT 'new'")->{exit}, 0, 'and serves');
ok(poll_until(sub { journals() == 4 }, 10), 'it leaves the journals of those that live alone');
is($sum->($idle->query("SELECT 'old'")), 'T D C Z:I', 'a session of before goes on');
is($sum->($quota->query("SELECT 'old'")), 'T D C Z:I', 'with its quota');
is($sum->($working->receive_ready), 'T D C Z:I', 'what was running comes to its end');
$leaving->send_raw(DBBat::Client::terminate());

# --- how they end ----------------------------------------------------------------------------------

my $m = $idle->receive(12);
is($m && $m->{type} eq 'E' && DBBat::Client::error($m)->{C}, '57P01', 'after shutdown_timeout the others are told to go');
ok(poll_until(sub { !left() }, 10), 'with the last the keeper goes') or diag(join "\n", left());
is($d->healthy, 1, 'the new one is not touched by that');
is($t->psql('john', "SELECT 'later'")->{exit}, 0, 'and serves');
ok(poll_until(sub { !journals() }, 20), 'no journal is left');
ok(poll_until(sub { $t->storage('SELECT count(*) FROM dbbat.connections WHERE ended_at IS NULL') == 0 }, 10), 'every connection has an end');
is($t->storage(q{SELECT count(*) FROM dbbat.connections WHERE end_reason LIKE '%died%'}), 0, 'its own');
is($t->storage(q{SELECT count(*) FROM dbbat.queries WHERE status <> 'ok'}), 0, 'every statement its outcome');
is($t->storage(q{SELECT count(*) FROM dbbat.queries WHERE sql_text ~ 'worked on|old|new|later'}), 5, 'none is missing');

# --- killed with the supervisor stopped in its tracks: while another starts at once ------------------

my @c = map { $t->login('john') } 1 .. 3;
$old = $d->{process};
kill('KILL', $old->pid);
$old->wait(5);
$d->start;
ok(1, 'started at once, with all of the old ones still there');
is($t->psql('john', 'SELECT 1')->{exit}, 0, 'it serves');
$_->send_raw(DBBat::Client::terminate()) for @c;
ok(poll_until(sub { !left() }, 15), 'the old ones are gone in the end') or diag(join "\n", left());
$t->done;
