# Fifty sessions at a time on one quota, some of them killed: the target never executes more than the grant has, and
# what the dead had leased and not used comes back, once.
use DBBat::Test;
use IO::Select;

my $t = DBBat::Test->start(env => { DBB_MAX_SESSIONS => 100 });
my $query = \&DBBat::Client::query_message;
$t->target('CREATE SEQUENCE n; CREATE TABLE ran (id bigint DEFAULT nextval(\'n\'))');

# Pids of the sessions of a user.
sub sessions { my ($user) = @_; return map { /^(\d+)/ } $t->daemon->titles(qr/dbbat: session \Q$user\E@/); }

# Each client sends its statement again and again until it is refused or dies. $kill: some are killed on the way.
sub storm
{
	my ($user, $sql, $kill, $node) = @_;
	my @c = map { $t->login($user) } 1 .. ($node ? 25 : 50);
	# half of them at another node
	push @c, map { my $c = DBBat::Client->new($node->{pg_port}); $c->login($user, DBBat::Test::password($user), DBBat::Test::DATABASE) and die; $c } 1 .. 25 if $node;
	my @pids = $kill ? sessions($user) : ();
	my $select = IO::Select->new;
	my (%of, %codes);
	my $answers = 0;
	for my $c (@c) {
		$of{fileno $c->{socket}} = $c;
		$select->add($c->{socket});
		$c->send_raw($query->($sql));
	}
	while ($select->count) {
		my @ready = $select->can_read(60 * patience()) or last;
		for my $fh (@ready) {
			my $c = $of{fileno $fh};
			my @m = $c->receive_ready;
			my ($error) = map { DBBat::Client::error($_)->{C} } grep { $_->{type} eq 'E' } @m;
			if (!@m || $m[-1]{type} ne 'Z' || $error) {
				$codes{$error // 'died'}++;
				$select->remove($fh);
				next;
			}
			$answers++;
			$c->send_raw($query->($sql));
			kill 'KILL', splice(@pids, 0, 2) if $answers % 7 == 0 && @pids;
		}
	}
	return ($answers, \%codes, @c);
}

sub used { return $t->must(GET => "/api/grants/$_[0]")->{$_[1]}; }
sub leases { return $t->storage("SELECT count(*) FROM dbbat.leases WHERE grant_id = $_[0]"); }

# --- statements ---------------------------------------------------------------------------------

my $grant = $t->access('calm', 'write', max_queries => 400);
my ($answers, $codes, @c) = storm('calm', 'INSERT INTO ran DEFAULT VALUES');
is($t->target('SELECT count(*) FROM ran'), 400, 'fifty sessions together execute exactly as many statements as the grant has');
is($answers, 400, 'and are answered as many');
is_deeply($codes, { 53400 => 50 }, 'then each of them is told');
ok(poll_until(sub { used($grant, 'queries_used') == 400 }, 5), 'the API says so');
is(used($grant, 'queries_remaining'), 0, 'and that nothing is left');
$_->close for @c;
ok(poll_until(sub { leases($grant) == 0 }, 20), 'all of them are settled');
is(used($grant, 'queries_used'), 400, 'nothing comes back of what was used');

$t->target('TRUNCATE ran');
$grant = $t->access('wild', 'write', max_queries => 400);
($answers, $codes, @c) = storm('wild', 'INSERT INTO ran DEFAULT VALUES', 1);
cmp_ok($codes->{died} // 0, '>=', 10, 'of fifty sessions many are killed');
my $ran = $t->target('SELECT count(*) FROM ran');
cmp_ok($ran, '<=', 400, 'the target executes no more than the quota');
$_->close for @c;
ok(poll_until(sub { leases($grant) == 0 }, 60), 'the dead are settled too');
my $used = used($grant, 'queries_used');
my $logged = $t->storage("SELECT count(*) FROM dbbat.queries WHERE grant_id = $grant AND status <> 'refused'");
cmp_ok($used, '>=', $ran, 'what was executed is counted');
cmp_ok($used - $ran, '<=', $codes->{died}, 'and no more than what was under way in the dead');
my $more = 0;
if ($used < 400) {
	my $last = $t->login('wild');
	$more++ while DBBat::Client::summary($last->query('INSERT INTO ran DEFAULT VALUES')) eq 'C Z:I';
	$last->close;
}
is($used + $more, 400, "what they had leased and not used ($more statements) can be used by others");
is($t->target('SELECT count(*) FROM ran'), $ran + $more, 'to the last one, and not one more');
is(used($grant, 'queries_remaining'), 0, 'then nothing is left');

# Two nodes share it as one.
my $node = $t->node(key => $t->daemon->{env}{DBB_KEY}, env => { DBB_MAX_SESSIONS => 100 });
$t->target('TRUNCATE ran');
$grant = $t->access('both', 'write', max_queries => 300);
($answers, $codes, @c) = storm('both', 'INSERT INTO ran DEFAULT VALUES', 0, $node);
is($t->target('SELECT count(*) FROM ran'), 300, 'fifty sessions of two nodes execute exactly as many statements as the grant has');
is($answers, 300, 'and are answered as many');
is_deeply($codes, { 53400 => 50 }, 'then each of them is told');
$_->close for @c;
ok(poll_until(sub { leases($grant) == 0 }, 20), 'both nodes settle');
is(used($grant, 'queries_used'), 300, 'and nothing comes back of what was used');
$node->check_end;

# The janitor settles once, however often it dies.
$grant = $t->access('dead', 'write', max_queries => 1000);
my $dead = $t->login('dead');
$dead->query('SELECT 1') for 1 .. 3;
ok(poll_until(sub { used($grant, 'queries_used') == 3 }, 10), 'a live session is shown by what it has used');
is(used($grant, 'queries_remaining'), 997, 'and what remains');
cmp_ok($t->storage("SELECT queries FROM dbbat.grant_usage WHERE grant_id = $grant"), '>', 3, 'though it has leased more');
my ($pid) = sessions('dead');
my @janitor = map { /^(\d+)/ } $t->daemon->titles(qr/dbbat: janitor/);
kill 'STOP', @janitor;
kill 'KILL', $pid;
ok(poll_until(sub { $t->storage("SELECT count(*) FROM dbbat.connections WHERE username = 'dead' AND ended_at IS NULL") == 0 }, 10), 'it dies');
cmp_ok($t->storage("SELECT queries FROM dbbat.grant_usage WHERE grant_id = $grant"), '>', 3, 'its lease is held until its journal was read');
kill 'KILL', @janitor;
ok(poll_until(sub { leases($grant) == 0 }, 30), 'the next janitor does');
is($t->storage("SELECT queries FROM dbbat.grant_usage WHERE grant_id = $grant"), 3, 'and gives back what was not used');

# Keepers come and go; what was leased by one is settled by the other.
$grant = $t->access('kept', 'write', max_queries => 1000);
my $kept = $t->login('kept');
$kept->query('SELECT 1') for 1 .. 3;
my ($keeper) = map { /^(\d+)/ } $t->daemon->titles(qr/dbbat: keeper/);
kill 'KILL', $keeper;
ok(poll_until(sub { DBBat::Client::summary($kept->query('SELECT 1')) eq 'T D C Z:I' && $t->daemon->titles(qr/dbbat: keeper/) }, 20), 'the keeper is another');
$kept->query('SELECT 1') for 1 .. 200;
$used = $t->storage("SELECT count(*) FROM dbbat.queries WHERE grant_id = $grant");
$kept->send_raw(DBBat::Client::terminate());
ok(poll_until(sub { leases($grant) == 0 }, 30), 'the session ends');
cmp_ok($t->storage("SELECT queries FROM dbbat.grant_usage WHERE grant_id = $grant"), '>=', 204, 'what it used is counted');
is(used($grant, 'queries_used'), scalar($t->wait_queries(204, "q.grant_id = $grant")), 'exactly');

# No keeper takes the last word: the journal does.
$grant = $t->access('alone', 'write', max_queries => 1000);
my $alone = $t->login('alone');
$alone->query('SELECT 1') for 1 .. 3;
($keeper) = map { /^(\d+)/ } $t->daemon->titles(qr/dbbat: keeper/);
kill 'STOP', $keeper;
$alone->send_raw(DBBat::Client::terminate());
ok(poll_until(sub { !sessions('alone') }, 30), 'a session ends while the keeper is silent');
kill 'KILL', $keeper;
ok(poll_until(sub { leases($grant) == 0 }, 30), 'it is settled all the same');
is($t->storage("SELECT queries FROM dbbat.grant_usage WHERE grant_id = $grant"), 3, 'by its journal');

# --- bytes --------------------------------------------------------------------------------------

$grant = $t->access('wide', 'write', max_bytes => 3_000_000);
my $sql = "SELECT repeat('x', 10000)";
($answers, $codes, @c) = storm('wide', $sql);
is_deeply($codes, { 53400 => 50 }, 'fifty sessions on one quota of bytes are told, each of them');
cmp_ok($answers * 10000, '<=', 3_000_000, 'no more than the quota gets through');
cmp_ok($answers * 10000, '>', 2_400_000, 'and no great part of it is lost');
$_->close for @c;
ok(poll_until(sub { leases($grant) == 0 }, 30), 'they are settled');
cmp_ok(used($grant, 'bytes_used'), '<=', 3_000_000, 'the count is within the quota');
cmp_ok(used($grant, 'bytes_used'), '>=', $answers * 10000, 'and has what got through');

$grant = $t->access('broad', 'write', max_bytes => 3_000_000);
($answers, $codes, @c) = storm('broad', $sql, 1);
$_->close for @c;
cmp_ok($answers * 10000, '<=', 3_000_000, 'with some of them killed, no more either');
ok(poll_until(sub { leases($grant) == 0 }, 60), 'all are settled');
my $size = used($grant, 'bytes_used');
cmp_ok($size, '>=', $answers * 10000, 'what got through is counted');
cmp_ok($size, '<=', ($answers + 50) * 10100, 'and what was under way, and nothing else');

$t->done;
