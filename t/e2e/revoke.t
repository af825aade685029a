# What ends a session from outside: revocation, expiry, deletion, a new password.
use DBBat::Test;
use Time::HiRes qw(time sleep);
use POSIX qw(strftime);

my $t = DBBat::Test->start;
my $sum = \&DBBat::Client::summary;

# The session is told 57P01 and closed soon after the sub has run.
sub ends
{
	my ($what, $c, $code, $pattern) = @_;
	$code->();
	my $start = time;
	my $m = $c->receive(10);
	$m = $c->receive(10) while $m && $m->{type} ne 'E';
	my $seconds = time - $start;
	my $e = $m ? DBBat::Client::error($m) : {};
	is($e->{C}, '57P01', "$what: 57P01");
	is($e->{S}, 'FATAL', "$what: FATAL");
	like($e->{M} // '', $pattern, "$what: the message says why");
	cmp_ok($seconds, '<', 1.5 * patience(), "$what: within a second or so");
	ok($c->closed(5), "$what: and the connection closes");
}

my $id = $t->access('john', 'read');
my $idle = $t->login('john');
$idle->query('SELECT 1');
ends('revocation of an idle session', $idle, sub { $t->must(DELETE => "/api/grants/$id") }, qr/grant/);
is($t->raw->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE)->{C}, '28000', 'and no new one comes in');

$id = $t->access('busy', 'read');
my $busy = $t->login('busy');
$busy->send_raw(DBBat::Client::query_message('SELECT pg_sleep(60)'));
sleep 0.3;
ends('revocation of a busy session', $busy, sub { $t->must(DELETE => "/api/grants/$id") }, qr/grant/);
ok(poll_until(sub { !$t->target("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'") }, 5),
	'the target does not go on with it');
my ($cut) = $t->wait_queries(1, "c.username = 'busy'");
isnt($cut->{status}, 'ok', 'the statement that was cut off is not ok in the log');
isnt($cut->{status}, 'running', 'nor running');

$id = $t->access('reader', 'read');
my $stream = $t->login('reader');
$stream->send_raw(DBBat::Client::query_message("SELECT repeat('x', 10000) FROM generate_series(1, 100000)"));
$stream->receive for 1 .. 10;
ends('revocation in the middle of a large result', $stream, sub { $t->must(DELETE => "/api/grants/$id") }, qr/grant/);

# Others are left alone.
$id = $t->access('pair', 'read');
$t->access('other', 'read');
my ($pair, $other) = ($t->login('pair'), $t->login('other'));
ends('one grant', $pair, sub { $t->must(DELETE => "/api/grants/$id") }, qr/grant/);
is($sum->($other->query('SELECT 1')), 'T D C Z:I', 'the session of another grant goes on');

# Expiry comes by itself: on an idle session too.
my $soon = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 3));
$t->access('brief', 'read', expires_at => $soon);
my $brief = $t->login('brief');
is($sum->($brief->query('SELECT 1')), 'T D C Z:I', 'before its end a grant works');
ends('expiry', $brief, sub { sleep 0.2 while strftime('%Y-%m-%dT%H:%M:%SZ', gmtime) lt $soon }, qr/grant/);

# A new password.
$t->access('pwd', 'read');
my $pwd = $t->login('pwd');
ends('a new password', $pwd, sub { $t->must(PUT => '/api/users/' . $t->id(user => 'pwd'), { password => 'another one' }) }, qr/password|user/);

# Deletion. A user with a grant is not deleted; one whose grants are gone is.
$id = $t->access('gone', 'read');
my $gone = $t->login('gone');
my $user = '/api/users/' . $t->id(user => 'gone');
is($t->api(DELETE => $user)->{status}, 409, 'a user that a grant refers to is not deleted');
is($sum->($gone->query('SELECT 1')), 'T D C Z:I', 'and goes on');
ends('the grant of a user to be deleted', $gone, sub { $t->must(DELETE => "/api/grants/$id") }, qr/grant/);

# The record has all of it.
is($t->storage("SELECT count(*) FROM dbbat.connections WHERE ended_at IS NULL AND username NOT IN ('other', 'gone')"), 0,
	'the sessions that ended have an end in the log');
like($t->storage("SELECT end_reason FROM dbbat.connections WHERE username = 'john' ORDER BY id LIMIT 1"), qr/revoked/, 'and a reason');

# Several grants: write before read, then the one that lasts longer. When the one in use ends, so does the session,
# whatever else is active; the next login uses that.
my %grants = (
	read => $t->access('several', 'read'),
	short => $t->access('several', 'write', expires_at => '2098-01-01T00:00:00Z'),
	long => $t->access('several', 'write', expires_at => '2099-01-01T00:00:00Z'),
	early => $t->access('several', 'write', starts_at => '2098-01-01T00:00:00Z', expires_at => '2100-01-01T00:00:00Z'),
);
for my $use ('long', 'short', 'read') {
	my $several = $t->login('several');
	is($t->storage("SELECT grant_id FROM dbbat.connections WHERE username = 'several' ORDER BY id DESC LIMIT 1"), $grants{$use},
		"of the grants that are left the one called $use is used");
	is($sum->($several->query('CREATE TEMP TABLE x (a int)')), $use eq 'read' ? 'E:25006 Z:I' : 'C Z:I', 'as what it is');
	ends("the grant called $use", $several, sub { $t->must(DELETE => "/api/grants/$grants{$use}") }, qr/revoked/);
}
is($t->raw->login('several', DBBat::Test::password('several'), DBBat::Test::DATABASE)->{C}, '28000', 'one that has not begun is not used');

# Two nodes on one storage hear each other.
my $node = $t->node(key => $t->daemon->{env}{DBB_KEY});
$id = $t->access('far', 'read');
my $far = $t->login('far');
ends('revocation at another node', $far, sub {
	is($t->api(DELETE => "/api/grants/$id", undef, port => $node->{api_port})->{status} =~ /^2/ ? 1 : 0, 1, 'the other node revokes');
}, qr/grant/);
$node->check_end;

$t->done;
