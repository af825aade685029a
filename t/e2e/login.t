# Who gets in, by which method, and what the others are told.
use DBBat::Test;
use Time::HiRes qw(time);

my $t = DBBat::Test->start;
$t->access('john', 'write');
$t->user('mary');		# no grant
my $database = DBBat::Test::DATABASE;

# --- SCRAM and TLS ---------------------------------------------------------------------

is($t->psql('john', 'SELECT 6 * 7')->{out}, "42\n", 'SCRAM over TLS lets a user in');
for my $mode (qw(disable require)) {
	my $r = $t->psql('john', "\\conninfo\n", conninfo => { sslmode => $mode });
	is($r->{exit}, 0, "sslmode=$mode works") or diag($r->{err});
	$mode eq 'require' ? like($r->{out}, qr/TLSv1\.[23]/, 'it is TLS') : unlike($r->{out}, qr/TLS/, 'it is not TLS');
}
my $r = $t->psql('john', 'SELECT 1', conninfo => { sslmode => 'require', channel_binding => 'disable' });
is($r->{exit}, 0, 'without channel binding too') or diag($r->{err});
$r = $t->psql('john', 'SELECT 1', conninfo => { sslmode => 'require', channel_binding => 'require' });
is($r->{exit}, 0, 'SCRAM-SHA-256-PLUS where it is required') or diag($r->{err});
is($t->psql('john', 'SELECT 1', conninfo => { sslmode => 'verify-ca', sslrootcert => "$t->{daemon}{dir}/state/server.crt" })->{exit},
	0, 'the certificate it made can be verified');
is((stat "$t->{daemon}{dir}/state/server.key")[2] & 077, 0, 'its key is private');

like($t->log, qr/let in after us of work: startup \d+, login \d+, record \d+, connect [1-9]\d+; of waits: client \d+, keeper [1-9]\d+, target [1-9]\d+$/m,
	'the log says where the time goes');

# --- refusals ---------------------------------------------------------------------------

sub refusal
{
	my ($user, $password, $db) = @_;
	my $c = $t->raw;
	my $e = $c->login($user, $password, $db // $database);
	ok($c->closed, 'the connection is closed after the refusal');
	return $e;
}

my $wrong = refusal('john', 'guess');
my $unknown = refusal('nobody', 'guess');
is($wrong->{C}, '28P01', 'a wrong password is 28P01');
is($wrong->{S}, 'FATAL', 'and FATAL');
(my $as_john = $unknown->{M}) =~ s/nobody/john/;
is($as_john, $wrong->{M}, 'an unknown user gets the same words');
is_deeply([sort keys %$unknown], [sort keys %$wrong], 'and the same fields');
is(refusal('john', '', $database)->{C}, '28P01', 'an empty password');
is(refusal('john', 'guess', 'no_such_database')->{M}, $wrong->{M}, 'nothing is said of databases before the password');
is(refusal('mary', 'guess')->{C}, '28P01', 'nor of grants');

my $none = refusal('mary', DBBat::Test::password('mary'));
is($none->{C}, '28000', 'no grant is 28000, after the password');
like($none->{M}, qr/grant/, 'with the reason') or diag($none->{M});
is(refusal('john', DBBat::Test::password('john'), 'no_such_database')->{C}, '28000', 'so is a database that is not there');

# --- long messages, in pieces, and what comes behind them -----------------------------------------

# As many packets as pieces, each of which has come before the next is sent.
sub in_pieces
{
	my ($c, $bytes, $n) = @_;
	my $size = int(length($bytes) / $n) + 1;
	for my $i (0 .. $n - 1) {
		select(undef, undef, undef, 0.05) if $i;
		$c->send_raw(substr $bytes, $i * $size, $size);
	}
}

my $long = $t->raw;
in_pieces($long, DBBat::Client::startup_packet(user => 'john', database => $database, application_name => 'n' x 9000), 3);
is(substr($long->receive->{body}, 4), "SCRAM-SHA-256\0\0", 'a startup packet of 9000 bytes');
$long->send_raw($long->scram_first);
my $challenge = substr $long->receive->{body}, 4;
my $text = 'x' x 20000;
in_pieces($long, $long->scram_final(DBBat::Test::password('john'), $challenge) . DBBat::Client::query_message("SELECT '$text'"), 3);
my @got = $long->receive_ready;
is($got[-1]{type}, 'Z', 'the login, with a statement right behind the proof');
@got = $long->receive_ready;
is((DBBat::Client::rows(@got))[0][0], $text, 'which is executed');
$long->close;

$long = $t->raw;
$long->send_raw(DBBat::Client::startup_packet(user => 'john', database => $database));
$long->receive;
my $nonce = 'n,,n=,r=' . 'n' x 60000;
in_pieces($long, DBBat::Client::message('p', "SCRAM-SHA-256\0" . pack('N', length $nonce) . $nonce), 4);
is(DBBat::Client::error($long->receive)->{C}, '08P01', 'a first message of 60000 bytes is read to its end, and refused');

# --- grants that are not in force ------------------------------------------------------------

for my $case (
	['expired', { starts_at => '2023-01-01T00:00:00Z', expires_at => '2023-06-01T00:00:00Z' }, qr/expired/],
	['early', { starts_at => '2098-01-01T00:00:00Z' }, qr/start|not yet|begin/],
	['revoked', {}, qr/revoked/],
) {
	my ($user, $options, $reason) = @$case;
	my $id = $t->access($user, 'read', %$options);
	$t->must(DELETE => "/api/grants/$id") if $user eq 'revoked';
	my $e = refusal($user, DBBat::Test::password($user));
	is($e->{C}, '28000', "a grant that is $user: 28000");
	like("$e->{M} " . ($e->{D} // '') . ($e->{H} // ''), $reason, 'with the reason');
}

# --- the mock exchange --------------------------------------------------------------------------

sub challenge
{
	my ($user) = @_;
	my $c = $t->raw;
	$c->send_raw(DBBat::Client::startup_packet(user => $user, database => $database));
	my $methods = $c->receive;
	return () if $methods->{type} ne 'R';
	$c->send_raw($c->scram_first);
	my $m = $c->receive;
	$c->scram_final('x', substr($m->{body}, 4));
	return (substr($methods->{body}, 4), @{$c->{scram}}{qw(salt iterations)});
}

my @mock = challenge('nobody');
my @real = challenge('john');
is_deeply([challenge('nobody')], \@mock, 'an unknown user has a salt that stays');
isnt((challenge('noone'))[1], $mock[1], 'and that is not another\'s');
is($mock[0], $real[0], 'the same mechanisms as for a real user');
is($mock[2], $real[2], 'the same iterations');
is(length $mock[1], length $real[1], 'a salt of the same length');

# Both take an answer from the keeper and no more. The shortest of several: whatever else the machine does only adds.
my %seconds = (john => 1e9, nobody => 1e9);
for (1 .. 8) {
	for my $user ('john', 'nobody') {
		my $start = time;
		refusal($user, 'guess');
		my $took = time - $start;
		$seconds{$user} = $took if $took < $seconds{$user};
	}
}
cmp_ok(abs($seconds{john} - $seconds{nobody}), '<', 0.05 * patience(), 'a wrong password and an unknown user take the same time');

# --- admin/admin from this machine, passwords that change ------------------------------------------

is($t->api(GET => '/api/users', undef, as => 'admin:admin')->{status}, 200, 'admin/admin works from loopback');
is($t->api(GET => '/api/users', undef, as => 'admin:wrong')->{status}, 401, 'another password does not');
$t->must(PUT => '/api/users/' . $t->id(user => 'john'), { password => 'changed' });
is(refusal('john', DBBat::Test::password('john'))->{C}, '28P01', 'the old password is refused after a change');
is($t->psql('john', 'SELECT 1', password => 'changed')->{out}, "1\n", 'the new one works');

# --- auth_method = password: over TLS only -----------------------------------------------------------

my $first = $t->daemon;
my $second = $t->{daemon} = $t->node(key => $first->{env}{DBB_KEY}, env => { DBB_AUTH_METHOD => 'password' });
is($t->psql('john', 'SELECT 1', password => 'changed', conninfo => { sslmode => 'require' })->{out}, "1\n",
	'a password over TLS lets a user in');
is($t->psql('john', 'SELECT 1', password => 'no', conninfo => { sslmode => 'require' })->{exit}, 2, 'a wrong one does not');
my $c = $t->raw;
$c->send_raw(DBBat::Client::startup_packet(user => 'john', database => $database));
my $m = $c->receive;
ok($m->{type} eq 'E' || unpack('N', $m->{body}) != 3, 'it is not asked for in the clear');
$second->check_end;

# --- client_tls = require --------------------------------------------------------------------------------

my $third = $t->{daemon} = $t->node(key => $first->{env}{DBB_KEY}, env => { DBB_CLIENT_TLS => 'require' });
isnt($t->psql('john', 'SELECT 1', password => 'changed', conninfo => { sslmode => 'disable' })->{exit}, 0,
	'client_tls = require refuses a client without TLS');
is($t->psql('john', 'SELECT 1', password => 'changed', conninfo => { sslmode => 'require' })->{out}, "1\n", 'and takes one with it');
$third->check_end;

$t->{daemon} = $first;
$t->done;
