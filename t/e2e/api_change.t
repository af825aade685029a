# Changes of users, databases and grants: what is refused stores nothing, what is done is on record.
use strict;
use warnings;

use JSON::PP;

use DBBat::Test;

my $t = DBBat::Test->start(env => { DBB_API_MAX_BODY => '16kB' });
my $tables = q{SELECT md5(string_agg(x, ',')) FROM (SELECT u::text x FROM dbbat.users u
	UNION ALL SELECT d::text FROM dbbat.databases d UNION ALL SELECT g::text FROM dbbat.grants g
	UNION ALL SELECT a::text FROM dbbat.audit_events a) x};

my $grant_id = $t->access('john', 'read');
my ($john, $db) = ($t->id(user => 'john'), $t->id(database => DBBat::Test::DATABASE));
my %user = (username => 'new', password => 'x', is_admin => JSON::PP::false);
my %database = (name => 'new', host => 'h', database_name => 'd', username => 'u', password => 'p');
my %grant = (user_id => $john, database_id => $db, access_level => 'read',
	starts_at => '2024-01-01T00:00:00Z', expires_at => '2025-01-01T00:00:00Z');

# --- refused --------------------------------------------------------------------------------
my $before = $t->storage($tables);
for (
	[POST => '/api/users', '', 400], [POST => '/api/users', '{', 400], [POST => '/api/users', '[]', 400],
	[POST => '/api/users', '{"username":"a\u0000b","password":"x"}', 400],
	[POST => '/api/users', "{\"username\":\"a\",\"password\":\"\xff\"}", 400],
	[POST => '/api/users', '{"username":"a","username":"b","password":"x"}', 422, 'username'],
	[POST => '/api/users', { %user, username => undef }, 422, 'username'],
	[POST => '/api/users', { %user, username => '' }, 422, 'username'],
	[POST => '/api/users', { %user, username => 'a:b' }, 422, 'username'],
	[POST => '/api/users', { %user, username => 'x' x 64 }, 422, 'username'],
	[POST => '/api/users', { %user, username => 1 }, 422, 'username'],
	[POST => '/api/users', { %user, username => 'john' }, 409, 'username'],
	[POST => '/api/users', { %user, password => '' }, 422, 'password'],
	[POST => '/api/users', { %user, password => 'x' x 1025 }, 422, 'password'],
	[POST => '/api/users', { username => 'a' }, 422, 'password'],
	[POST => '/api/users', { %user, is_admin => 'yes' }, 422, 'is_admin'],
	[POST => '/api/users', { %user, id => 7 }, 422, 'id'],
	[POST => '/api/users', { %user, password_hash => 'x' }, 422, 'password_hash'],
	[POST => '/api/users', { %user, username => 'x' x 20000 }, 413],
	[PUT => "/api/users/$john", {}, 422], [PUT => "/api/users/$john", { username => 'admin' }, 409, 'username'],
	[PUT => '/api/users/999', { password => 'x' }, 404], [DELETE => '/api/users/999', undef, 404],
	[GET => '/api/users/0', undef, 404], [GET => '/api/users/99999999999999999999', undef, 404],
	[DELETE => "/api/users/$john", undef, 409],
	[POST => '/api/databases', { %database, name => DBBat::Test::DATABASE }, 409, 'name'],
	[POST => '/api/databases', { %database, port => 0 }, 422, 'port'],
	[POST => '/api/databases', { %database, port => 65536 }, 422, 'port'],
	[POST => '/api/databases', { %database, port => '5432' }, 422, 'port'],
	[POST => '/api/databases', { %database, ssl_mode => 'maybe' }, 422, 'ssl_mode'],
	[POST => '/api/databases', { %database, host => "a\nb" }, 422, 'host'],
	[POST => '/api/databases', { map { $_ => $database{$_} } grep { $_ ne 'host' } keys %database }, 422, 'host'],
	[PUT => "/api/databases/$db", { ssl_mode => undef }, 422, 'ssl_mode'],
	[PUT => '/api/databases/999', { port => 1 }, 404], [DELETE => '/api/databases/999', undef, 404],
	[DELETE => "/api/databases/$db", undef, 409],
	[POST => '/api/grants', { %grant, user_id => 999 }, 422, 'user_id'],
	[POST => '/api/grants', { %grant, database_id => 999 }, 422, 'database_id'],
	[POST => '/api/grants', { %grant, user_id => '2' }, 422, 'user_id'],
	[POST => '/api/grants', { %grant, access_level => 'admin' }, 422, 'access_level'],
	[POST => '/api/grants', { %grant, starts_at => 'yesterday' }, 422, 'starts_at'],
	[POST => '/api/grants', { %grant, expires_at => '2024-13-01T00:00:00Z' }, 422, 'expires_at'],
	[POST => '/api/grants', { %grant, expires_at => $grant{starts_at} }, 422, 'expires_at'],
	[POST => '/api/grants', { %grant, max_queries => -1 }, 422, 'max_queries'],
	[POST => '/api/grants', { %grant, max_bytes => 1.5 }, 422, 'max_bytes'],
	[POST => '/api/grants', { %grant, revoked_at => undef }, 422, 'revoked_at'],
	[DELETE => '/api/grants/999', undef, 404],
	[GET => '/api/users?limit=0', undef, 422, 'limit'], [GET => '/api/users?limit=1001', undef, 422, 'limit'],
	[GET => '/api/users?cursor=x', undef, 422, 'cursor'], [GET => '/api/users?page=2', undef, 422, 'page'],
	[GET => '/api/queries?status=fine', undef, 422, 'status'], [GET => '/api/queries?since=1', undef, 422, 'since'],
	[GET => '/api/users/1?x=1', undef, 422, 'x'],
) {
	my ($method, $path, $body, $status, $field) = @$_;
	my $r = $t->api($method, $path, $body);
	my $what = "$method $path " . (ref $body ? join ',', map { $_ . '=' . substr($body->{$_} // 'null', 0, 20) } sort keys %$body : $body // '');
	is($r->{status}, $status, "$what: $status") || diag($r->{text});
	is($r->{json}{error}{field}, $field, 'names ' . ($field // 'no field'));
	ok(length $r->{json}{error}{message}, 'and says why');
}
is($t->storage($tables), $before, 'nothing of it was stored');

# --- users -----------------------------------------------------------------------------------
my $r = $t->api(POST => '/api/users', { %user, username => "J\xf6rg", password => "p\xe4ss 'w\"ord\\ \t" });
is($r->{status}, 201, 'a name and a password beyond ASCII');
is($r->{json}{username}, "J\xf6rg", 'comes back as it was');
my $joerg = $r->{json}{id};
$r = $t->api(PUT => "/api/users/$joerg", { username => 'joerg', is_admin => JSON::PP::true });
is_deeply([@{$r->{json}}{qw(username is_admin)}], ['joerg', JSON::PP::true], 'a partial update');
is($t->api(GET => '/api/audit', undef, as => "joerg:p\xc3\xa4ss 'w\"ord\\ \t")->{status}, 200, 'leaves the password');
is($t->api(DELETE => "/api/users/$joerg")->{status}, 204, 'deleted');
is($t->api(GET => "/api/users/$joerg")->{status}, 404, 'and gone');

# --- databases ---------------------------------------------------------------------------------
$r = $t->must(POST => '/api/databases', { %database, description => "two\nlines" });
is_deeply([@$r{qw(port ssl_mode capture description)}], [5432, 'prefer', undef, "two\nlines"], 'defaults of a database');
my $new = $r->{id};
my $sealed = $t->storage("SELECT password FROM dbbat.databases WHERE id = $new");
is($t->must(PUT => "/api/databases/$new", { capture => JSON::PP::true })->{capture}, JSON::PP::true, 'capture on');
is($t->must(PUT => "/api/databases/$new", { port => 1 })->{capture}, JSON::PP::true, 'left alone');
is($t->must(PUT => "/api/databases/$new", { capture => undef })->{capture}, undef, 'and back to the configuration');
is($t->storage("SELECT password FROM dbbat.databases WHERE id = $new"), $sealed, 'the password is left alone');
$t->must(PUT => "/api/databases/$new", { password => 'other' });
isnt($t->storage("SELECT password FROM dbbat.databases WHERE id = $new"), $sealed, 'until there is a new one');

# --- grants ----------------------------------------------------------------------------------------
my %status = (
	expired => { %grant },
	pending => { %grant, starts_at => '2098-01-01T00:00:00+02:00', expires_at => '2099-01-01T00:00:00Z' },
	active => { %grant, expires_at => '2099-01-01T00:00:00Z', max_queries => 0, max_bytes => undef },
);
for (sort keys %status) {
	my $g = $t->must(POST => '/api/grants', { %{$status{$_}}, database_id => $new });
	is($g->{status}, $_, "a grant that is $_");
	$status{$_} = $g;
}
is($status{pending}{starts_at}, '2097-12-31T22:00:00Z', 'times are in UTC');
is_deeply([@{$status{active}}{qw(max_queries max_bytes granted_by)}], [0, undef, 'admin'], 'a quota of none, and no quota');
is_deeply([map { $_->{id} } @{$t->must(GET => "/api/grants?database=new&status=pending")->{grants}}], [$status{pending}{id}],
	'grants by database and status');
is($t->api(DELETE => "/api/databases/$new")->{status}, 409, 'a grant refers to the database');
for (1, 2) {
	my $g = $t->must(DELETE => "/api/grants/$status{active}{id}");
	is_deeply([@$g{qw(status revoked_by)}], ['revoked', 'admin'], 'revoked, and again');
}
is($t->api(DELETE => "/api/databases/$new")->{status}, 409, 'a grant still to come refers to it');
$t->must(DELETE => "/api/grants/$status{pending}{id}");
is($t->api(DELETE => "/api/databases/$new")->{status}, 204, 'then it can go');
is($t->storage("SELECT count(*) FROM dbbat.grants WHERE database_id = $new"), 0, 'and its grants go with it');

# --- the audit trail ----------------------------------------------------------------------------------
my @events = reverse @{$t->must(GET => '/api/audit?limit=1000')->{audit_events}};
is(join(' ', map { $_->{action} } @events),
	'user.create database.create user.create grant.create user.create user.update user.delete database.create'
	. ' database.update database.update database.update database.update grant.create grant.create grant.create'
	. ' grant.revoke grant.revoke database.delete', 'each change once, in order');
my ($update) = grep { $_->{action} eq 'user.update' } @events;
is_deeply([@{$update}{qw(actor_id actor source object_type object_id)}, $update->{before}{username}, $update->{after}{username}],
	[1, 'admin', '127.0.0.1', 'user', $joerg, "J\xf6rg", 'joerg'], 'who, from where, what, before and after');
is(scalar @{$events[-1]{before}{grants}}, 3, 'a deleted database names the grants that went with it');
is($events[-1]{after}, undef, 'and nothing after');
is($events[11]{detail}, 'new password', 'a new password is mentioned, not shown');
unlike(encode_json(\@events), qr/argon2|SCRAM|sealed|"(?:password|password_hash|scram_verifier)"/, 'no secret in any form');
is_deeply([map { $_->{action} } @{$t->must(GET => '/api/audit?object_type=grant&action=grant.revoke&actor=admin&limit=1')->{audit_events}}],
	['grant.revoke'], 'filters of the audit trail');

# --- at the same time -----------------------------------------------------------------------------------
# Two admins demote each other: one of them stays.
$t->user($_, is_admin => JSON::PP::true) for qw(a b);
my ($a, $b) = ($t->id(user => 'a'), $t->id(user => 'b'));
$t->must(PUT => '/api/users/1', { is_admin => JSON::PP::false });
for my $round (1 .. 5) {
	my @both = map {
		my ($as, $whom) = @$_;
		spawn(cmd => ['curl', '-sS', '-o', '/dev/null', '-u', "$as:" . DBBat::Test::password($as), '-X', 'PUT', '-d', '{"is_admin":false}',
			"http://127.0.0.1:$t->{daemon}{api_port}/api/users/$whom"]);
	} [a => $b], [b => $a];
	$_->wait(20) for @both;
	is($t->storage('SELECT count(*) FROM dbbat.users WHERE is_admin'), 1, 'one admin is left');
	$t->storage("UPDATE dbbat.users SET is_admin = true WHERE id IN ($a, $b)");
}

$t->done;
