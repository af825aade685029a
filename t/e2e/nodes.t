# Two nodes on one storage: what an administrator does at one is felt at the other at once, whatever a session
# is doing, and a cancel request finds its session wherever it comes in.
use DBBat::Test;
use JSON::PP;
use POSIX qw(strftime);
use Time::HiRes qw(time sleep);

my $t = DBBat::Test->start;
my $node = $t->node(key => $t->daemon->{env}{DBB_KEY});
my $sum = \&DBBat::Client::summary;
my $query = \&DBBat::Client::query_message;
$t->database(DBBat::Test::DATABASE);

# Through the API of the other node.
sub there
{
	my ($method, $path, $body) = @_;
	my $r = $t->api($method, $path, $body, port => $node->{api_port});
	is($r->{status} =~ /^2/ ? 1 : 0, 1, "$method $path at the other node") or diag($r->{text});
	return $r->{json};
}

sub running { $t->target("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%$_[0]%' AND pid <> pg_backend_pid()") }

my %doing = (
	idle => undef,
	'in a hanging statement' => 'SELECT pg_sleep(3600)',
	'in a result' => "SELECT repeat('x', 1000), generate_series(1, 100000000)",
	'in a transaction that computes' => 'SELECT count(*) FROM generate_series(1, 1000000000)',
);
my %ending = (
	'the grant is revoked' => [sub { there(DELETE => "/api/grants/$_[1]") }, qr/revoked/],
	'the user is disabled' => [sub { there(PUT => '/api/users/' . $t->id(user => $_[0]), { is_disabled => JSON::PP::true }) }, qr/user was changed/],
	'the password is changed' => [sub { there(PUT => '/api/users/' . $t->id(user => $_[0]), { password => 'another one' }) }, qr/user was changed/],
	'the grant is revoked and the user deleted' => [sub { there(DELETE => "/api/grants/$_[1]"); there(DELETE => '/api/users/' . $t->id(user => $_[0])) },
		qr/revoked|user was changed/],
	'the connection is ended' => [sub {
		my ($open) = @{there(GET => "/api/connections?active=true&username=$_[0]")->{connections}};
		there(DELETE => "/api/connections/$open->{id}") }, qr/by an administrator/],
	'the grant expires' => [sub { }, qr/expired/],
);
# One ending meets every session, every ending some.
my %meets = ('the grant is revoked' => [sort keys %doing], 'the grant expires' => ['in a hanging statement', 'in a result'],
	'the connection is ended' => ['idle', 'in a result']);
my $serial = 0;
for my $how (sort keys %ending) {
	for my $what (@{$meets{$how} // ['in a hanging statement']}) {
		my $user = 'user' . ++$serial;
		my $expires = $how =~ /expires/ ? strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 3)) : '2099-01-01T00:00:00Z';
		my $grant = $t->access($user, 'write', expires_at => $expires);
		my $c = $t->login($user);
		$c->query('BEGIN') if $what =~ /transaction/;
		if (my $sql = $doing{$what}) {
			$c->send_raw($query->("$sql -- $user"));
			ok(poll_until(sub { running("-- $user") }, 10), "$user is $what") if $how !~ /expires/;
			$c->receive for 1 .. ($what =~ /result/ ? 10 : 0);
		}
		$ending{$how}[0]->($user, $grant);
		my $m = $c->receive(20);
		$m = $c->receive(20) while $m && $m->{type} ne 'E';
		my $e = $m ? DBBat::Client::error($m) : { S => 'none', C => '', M => '' };
		is("$e->{S} $e->{C}", 'FATAL 57P01', "$how, $what: it ends");
		like($e->{M}, $ending{$how}[1], "$how, $what: and says why");
		ok($c->closed(5), "$how, $what: for good");
		ok(poll_until(sub { !running("-- $user") }, 5), "$how, $what: the target does not go on");
		my ($q) = $t->wait_queries(1, "c.username = '$user'");
		isnt($q->{status}, 'ok', "$how, $what: nor is it ok in the log") if $doing{$what} && $what !~ /transaction/;
	}
}

# A database that is changed, and one that is deleted.
for my $change (
	['changed', sub { there(PUT => '/api/databases/' . $t->id(database => DBBat::Test::DATABASE), { host => 'localhost' }) }],
	['deleted', sub {
		there(DELETE => "/api/grants/$_[0]");
		there(DELETE => '/api/databases/' . $t->id(database => DBBat::Test::DATABASE)) }],
) {
	my $user = 'user' . ++$serial;
	my $grant = $t->access($user, 'write');
	my $c = $t->login($user);
	if ($change->[0] eq 'deleted') {
		$t->must(DELETE => "/api/grants/$_->{id}") for @{$t->must(GET => '/api/grants?status=active&limit=1000')->{grants}};
	}
	$change->[1]->($grant);
	my $m = $c->receive(20);
	is($m ? DBBat::Client::error($m)->{C} : '', '57P01', "a database that is $change->[0] ends its sessions");
}
$t->database(DBBat::Test::DATABASE);

# --- cancel requests ---------------------------------------------------------------------------

$t->access('john', 'write');
$t->access('mary', 'write');
my ($c, $other) = ($t->login('john'), $t->login('mary'));
$_->send_raw($query->('SELECT pg_sleep(3600)')) for $c, $other;
ok(poll_until(sub { running('pg_sleep') == 2 }, 10), 'two statements hang');
sub cancel_there
{
	my ($pid, $secret) = @_;
	my $cancel = DBBat::Client->new($node->{pg_port});
	$cancel->send_raw(pack('N N N a*', 16, 80877102, $pid, $secret));
	return $cancel->closed(10);
}
ok(cancel_there($c->{pid}, $other->{secret}), 'a request with a wrong secret is answered by nothing');
ok(cancel_there($c->{pid}, $c->{secret}), 'as is one with the right one, at the other node');
is($sum->($c->receive_ready(20)), 'T E:57014 Z:I', 'which finds its statement') ;
is(running('pg_sleep'), 1, 'and no other');
is($sum->($c->query('SELECT 1')), 'T D C Z:I', 'the session goes on');
my ($event) = @{$t->must(GET => '/api/audit?action=connection.cancel')->{audit_events}};
like("$event->{actor} $event->{source}", qr/^john 127\.0\.0\.1:\d+$/, 'it is an audit event, with its source');
my $pid = unpack 'N', pack('N', $c->{pid});
unlike($t->storage("SELECT string_agg(query, ' ') FROM pg_stat_activity"), qr/cancel \Q$pid\E/, 'no key is left to be seen');
ok(cancel_there($other->{pid}, pack 'N', $_), "a flood of wrong keys ($_)") for 1 .. 30;
ok(cancel_there($c->{pid}, $c->{secret}), 'is answered by nothing');
is($sum->($c->query('SELECT 1')), 'T D C Z:I', 'an idle session is not hit');

$node->check_end;
$t->done;
