# Who connects and does not log in keeps nobody out; nor does who guesses passwords at the API.
use DBBat::Test;
use Time::HiRes qw(sleep);

my $t = DBBat::Test->start(env => { DBB_MAX_SESSIONS => 4, DBB_MIN_SPARE => 2, DBB_API_WORKERS => 1, DBB_LOGIN_TIMEOUT => '10min' });
$t->access('john', 'read');
my ($password, $db) = (DBBat::Test::password('john'), DBBat::Test::DATABASE);
my $code = sub { my $e = $t->raw->login('john', $password, $db); return $e ? $e->{C} : '' };

# Half a startup packet keeps a place as well as none.
my @silent = map { my $c = $t->raw; $c->send_raw("\0") if $_ % 2; $c } 1 .. 4;
ok(poll_until(sub { $t->daemon->titles(qr/session \(login\)/) >= 4 }, 10), 'silent clients have all places');
is($code->(), '53300', 'at first they keep them');
my $in;
ok(poll_until(sub { $in = $t->raw; !$in->login('john', $password, $db) }, 20), 'then one gives way to who logs in');
is(DBBat::Client::summary($in->query('SELECT 1')), 'T D C Z:I', 'who is served');
ok(poll_until(sub { grep { $_->closed(0.1) } @silent }, 10), 'the one that has given way is closed');
is($t->must(GET => '/api/status')->{sessions}{busy}, 4, 'no more than max_sessions have a place');

# One that begins its login late has lost its place, and is told.
my @all = ($in);
for (2 .. 4) {
	my $c;
	ok(poll_until(sub { $c = $t->raw; !$c->login('john', $password, $db) }, 20), "login number $_");
	push @all, $c;
}
ok(!(grep { !$_->closed(5) } @silent), 'all that were silent have given way');
is($code->(), '53300', 'when all places are taken by logins one more is refused');
sleep 6;
is($code->(), '53300', 'and still is: they give way to nobody');
is(DBBat::Client::summary($_->query('SELECT 1')), 'T D C Z:I', 'they go on') for @all;

# --- the API ------------------------------------------------------------------------------------

my %seen;
$t->user('colleague', is_admin => JSON::PP::true);
$seen{$t->api(GET => '/api/users', undef, as => $_ % 2 ? 'admin:guess' : 'nobody:guess')->{status}}++ for 1 .. 60;
is($seen{401} + $seen{429}, 60, 'guesses at the API are refused');
is($seen{401}, 40, 'and no more than some of each name are tried');
is(scalar(@{$t->must(GET => '/api/audit?action=login.failed&limit=100')->{audit_events}}), $seen{401}, 'those that were are audit events');
is($t->api(GET => '/api/users')->{status}, 200, 'who had logged in before is not kept out') for 1 .. 4;
my $limited = $t->api(GET => '/api/users', undef, as => 'admin:guess');
is($limited->{headers}{'retry-after'}, 60, 'it is said for how long');
is($limited->{json}{error}{code}, 'too_many_attempts', 'and why');
like($t->log, qr/logins from 127\.0\.0\.1 under one name have failed/, 'the operator sees where from');
my $colleague = 'colleague:' . DBBat::Test::password('colleague');
is($t->api(GET => '/api/users', undef, as => $colleague)->{status}, 200, 'who has the same address and the right password comes in');
my %names;
$names{$t->api(GET => '/api/users', undef, as => "name$_:guess")->{status}}++ for 1 .. 70;
is($names{401}, 60, 'there is an end to guesses under new names');
is($names{429}, 10, 'too');
is($t->api(GET => '/api/users', undef, as => $colleague)->{status}, 200, 'who is in stays in');
like($t->log, qr/100 logins from 127\.0\.0\.1 have failed/, 'the operator sees that');

$t->done;
