# Who may do what: authentication, admins and others, the default password, the last admin.
use strict;
use warnings;

use DBBat::Test;

my $t = DBBat::Test->start;
my $grant = $t->access('john', 'read');
$t->user('jane');
my $other = $t->database('other');
my %id = map { $_ => $t->id(user => $_) } qw(john jane);
my $mine = $t->id(database => DBBat::Test::DATABASE);
my @john = (as => 'john:' . DBBat::Test::password('john'));
my @jane = (as => 'jane:' . DBBat::Test::password('jane'));

sub status_is
{
	my ($want, $name, @call) = @_;
	my $r = $t->api(@call);
	is($r->{status}, $want, $name) || diag($r->{text});
	return $r;
}

# --- authentication -------------------------------------------------------------------
for ([anonymous => 1], [as => 'admin:wrong'], [as => 'nobody:admin'], [as => 'admin:'], [as => ':admin'],
	[as => ("x" x 100) . ':x'], [as => "J\xf6rg:x"],
	[anonymous => 1, args => ['-H', 'Authorization: Basic !!!!']],
	[anonymous => 1, args => ['-H', 'Authorization: Basic']],
	[anonymous => 1, args => ['-H', 'Authorization: Bearer YWRtaW46YWRtaW4=']],
	[anonymous => 1, args => ['-H', 'Authorization: Basic YWRtaW4=']],		# no colon
	[anonymous => 1, args => ['-H', 'Authorization: Basic YWRtaW46YWRtaW4AeA==']])	# admin:admin NUL x
{
	my $r = status_is(401, "no entry with @$_[0, 1]", GET => '/api/users', undef, @$_);
	like($r->{headers}{'www-authenticate'}, qr/^Basic realm="DBBat"/, 'and a challenge');
	is($r->{json}{error}{code}, 'unauthorized', 'and an error');
}
is($t->storage(q{SELECT string_agg(concat_ws('/', actor, source, detail), ' ' ORDER BY id) FROM dbbat.audit_events
	WHERE action = 'login.failed' AND actor IN ('admin', 'nobody')}),
	'admin/127.0.0.1/wrong password nobody/127.0.0.1/unknown user admin/127.0.0.1/wrong password', 'failed logins are on record');
status_is(401, 'nor to what is only for admins', POST => '/api/users', {}, anonymous => 1);
status_is(404, 'what is not there needs no login', GET => '/api/nothing', undef, anonymous => 1);
is(status_is(405, 'a wrong method', PUT => '/api/users', {})->{headers}{allow}, 'POST, GET', 'and those that are right');
status_is(405, "no $_", $_ => '/api/grants/1') for qw(POST PUT PATCH OPTIONS);

# --- users who are not admins --------------------------------------------------------------
is_deeply([map { $_->{username} } @{status_is(200, 'users', GET => '/api/users', undef, @john)->{json}{users}}],
	['john'], 'of which john sees himself');
status_is(200, 'himself', GET => "/api/users/$id{john}", undef, @john);
status_is(404, 'not another', GET => "/api/users/$id{jane}", undef, @john);
status_is(404, 'not the admin', GET => '/api/users/1', undef, @john);
is_deeply(status_is(200, 'databases', GET => '/api/databases', undef, @john)->{json}{databases},
	[{ id => $mine, name => DBBat::Test::DATABASE, description => 'of a test' }], 'of which john sees his, and not where it is');
status_is(200, 'his database', GET => "/api/databases/$mine", undef, @john);
status_is(404, 'not another', GET => "/api/databases/$other", undef, @john);
is_deeply(status_is(200, 'databases', GET => '/api/databases', undef, @jane)->{json}{databases}, [], 'jane sees none');
is(scalar @{status_is(200, 'grants', GET => '/api/grants', undef, @john)->{json}{grants}}, 1, 'his grant');
is(scalar @{status_is(200, 'grants', GET => "/api/grants?user_id=$id{john}", undef, @jane)->{json}{grants}}, 0, 'jane sees no other');
status_is(200, 'his grant', GET => "/api/grants/$grant", undef, @john);
status_is(404, 'not for jane', GET => "/api/grants/$grant", undef, @jane);
status_is(403, "no $$_[0] $$_[1]", $$_[0], $$_[1], $$_[2], @john)
	for [POST => '/api/users', {}], [DELETE => "/api/users/$id{john}"], [POST => '/api/databases', {}],
	[PUT => "/api/databases/$mine", { description => 'x' }], [DELETE => "/api/databases/$mine"],
	[POST => '/api/grants', {}], [DELETE => "/api/grants/$grant"], [GET => '/api/audit'],
	[PUT => "/api/users/$id{john}", { is_admin => JSON::PP::true }],
	[PUT => "/api/users/$id{john}", { username => 'root', password => 'x' }];
status_is(404, 'nor another\'s password', PUT => "/api/users/$id{jane}", { password => 'x' }, @john);

# --- a new password -------------------------------------------------------------------------
status_is(200, 'his own password', PUT => "/api/users/$id{john}", { password => 'new: one' }, @john);
status_is(401, 'the old one is forgotten at once', GET => '/api/users', undef, @john) for 1 .. 4;
status_is(200, 'the new one works', GET => '/api/users', undef, as => 'john:new: one') for 1 .. 4;
is($t->psql('john', 'SELECT 1', password => 'new: one')->{out}, "1\n", 'at the proxy, too');
isnt($t->psql('john', 'SELECT 1')->{exit}, 0, 'where the old one does not');

# --- the default password -------------------------------------------------------------------
my ($address) = grep { /^\d+\.\d+\.\d+\.\d+$/ && !/^127\./ } split ' ', run(cmd => ['hostname', '-I'])->{out};
my $wide = $t->node(start => 0);
$wide->{env}{DBB_LISTEN_API} = "0.0.0.0:$wide->{api_port}";
$wide->{env}{DBB_KEY} = $t->daemon->{env}{DBB_KEY};
$wide->start;

# The status of admin's login from elsewhere.
sub from_elsewhere
{
	my ($password) = @_;
	return run(cmd => ['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', '-u', "admin:$password",
		"http://$address:$wide->{api_port}/api/users"])->{out};
}
my @elsewhere = $address ? () : ('this machine has no other address than loopback');
note(@elsewhere) if @elsewhere;
is(from_elsewhere('admin'), 403, 'the default password does not work from elsewhere') if !@elsewhere;
is($t->storage("SELECT detail FROM dbbat.audit_events WHERE action = 'login.failed' ORDER BY id DESC LIMIT 1"),
	'default password from elsewhere than loopback', 'which is on record') if !@elsewhere;
status_is(422, 'it cannot be set again', PUT => '/api/users/1', { password => 'admin' });
my $changed = status_is(200, 'it can be changed', PUT => '/api/users/1', { password => 'better' });
ok(!$changed->{json}{default_password}, 'then it is no default password any more');
is(from_elsewhere('better'), 200, 'and works from elsewhere') if !@elsewhere;
my @admin = (as => 'admin:better');

# --- the last admin --------------------------------------------------------------------------
status_is(409, 'the last admin cannot be deleted', DELETE => '/api/users/1', undef, @admin);
status_is(409, 'nor demoted', PUT => '/api/users/1', { is_admin => JSON::PP::false }, @admin);
status_is(200, 'another admin', PUT => "/api/users/$id{jane}", { is_admin => JSON::PP::true }, @admin);
status_is(200, 'can act at once', GET => '/api/audit', undef, @jane);
status_is(204, 'and delete the first', DELETE => '/api/users/1', undef, @jane);
status_is(401, 'who is gone', GET => '/api/users', undef, @admin);
status_is(409, 'and is the last now', DELETE => "/api/users/$id{jane}", undef, @jane);

$wide->check_end;
$t->done;
