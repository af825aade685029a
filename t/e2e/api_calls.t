# The calls of the README, word for word but for the port, on a new installation.
use strict;
use warnings;

use JSON::PP;

use DBBat::Test;

my $t = DBBat::Test->start;
my $url = "http://localhost:$t->{daemon}{api_port}";

sub call
{
	my ($command) = @_;
	$command =~ s/http:\/\/localhost:8080/$url/;
	$command =~ s/^curl /curl -sS --max-time 30 -w '\\n%{http_code}' /;
	my $r = run(cmd => ['/bin/sh', '-c', $command]);
	my ($text, $status) = $r->{out} =~ /(.*)\n(\d+)\z/s;
	return ($status, scalar eval { decode_json($text) });
}

my ($status, $json) = call(<<'END');
curl -u admin:admin -X POST http://localhost:8080/api/users -H "Content-Type: application/json" \
  -d '{"username": "john", "password": "secret123", "is_admin": false}'
END
is($status, 201, 'a user');
is($json->{id}, 2, 'is the second after admin');
is(ref $json->{is_admin}, 'JSON::PP::Boolean', 'booleans are booleans');
ok(!exists $json->{$_}, "no $_ comes back") for qw(password password_hash scram_verifier);

($status, $json) = call(<<'END');
curl -u admin:admin -X POST http://localhost:8080/api/databases -H "Content-Type: application/json" \
  -d '{"name": "my_database", "description": "Production database", "host": "localhost", "port": 5432,
       "database_name": "myapp", "username": "dbuser", "password": "dbpass", "ssl_mode": "prefer"}'
END
is($status, 201, 'a database');
is($json->{id}, 1, 'is the first');
ok(!exists $json->{password}, 'no password comes back');

($status, $json) = call(<<'END');
curl -u admin:admin -X POST http://localhost:8080/api/grants -H "Content-Type: application/json" \
  -d '{"user_id": 2, "database_id": 1, "access_level": "read", "starts_at": "2024-01-01T00:00:00Z",
       "expires_at": "2029-12-31T23:59:59Z", "max_queries": 1000, "max_bytes": 10485760}'
END
is($status, 201, 'a grant');
is_deeply([@$json{qw(id user_id username database_id database access_level starts_at expires_at max_queries max_bytes
	queries_used bytes_used status)}],
	[1, 2, 'john', 1, 'my_database', 'read', '2024-01-01T00:00:00Z', '2029-12-31T23:59:59Z', 1000, 10485760, 0, 0, 'active'],
	'comes back as it is');

($status, $json) = call('curl -u admin:admin http://localhost:8080/api/queries?limit=10');
is($status, 200, 'the queries');
is_deeply($json, { queries => [], next_cursor => undef }, 'of which there are none yet');

my $health = $t->api(GET => '/api/health', undef, anonymous => 1);
is($health->{status}, 200, 'health needs no password');
is_deeply($health->{json}, { status => 'ok' }, 'and says ok');
is($health->{headers}{'content-type'}, 'application/json', 'as JSON');
is($health->{headers}{'cache-control'}, 'no-store', 'that nobody keeps');
is($health->{headers}{'x-content-type-options'}, 'nosniff', 'or guesses at');
is($t->api(GET => '/api/version', undef, anonymous => 1)->{status}, 401, 'the version needs one');
like($t->api(GET => '/api/version')->{json}{version}, qr/^\d+\.\d+/, 'and is a version');

# What a list takes is told to who asks for something else, and documented.
my ($lists) = slurp('man/dbbat.8') =~ /^Lists take\n(.*?)^\.El\n/ms;
for my $list (qw(users databases grants connections queries audit)) {
	my $r = $t->api(GET => "/api/$list?nonsense=1");
	is($r->{status}, 422, "a parameter that /api/$list does not have");
	my ($takes) = $r->{json}{error}{message} =~ /^nonsense is not a parameter of this request; it takes limit, cursor, (.*)$/;
	ok($takes, 'is answered with those that it has') or diag($r->{body});
	like($lists, qr/\b\Q$_\E\b/, "/api/$list: $_ is in the man page") for split /, /, $takes // '';
}

# Secrets are nowhere: not in what storage can show, not in the log.
for my $secret (qw(secret123 dbpass)) {
	is($t->storage("SELECT count(*) FROM dbbat.audit_events WHERE concat(before, after, detail) LIKE '%$secret%'"),
		0, 'a password is not in the audit trail');
	unlike($t->log, qr/\Q$secret/, 'nor in the log');
}
like($t->storage('SELECT password_hash FROM dbbat.users WHERE id = 2'), qr/^\$argon2id\$/, 'Argon2id for the API');
unlike($t->storage("SELECT encode(scram_verifier, 'escape') FROM dbbat.users WHERE id = 2"), qr/SCRAM/,
	'the SCRAM verifier is sealed');
unlike($t->storage("SELECT encode(password, 'escape') FROM dbbat.databases WHERE id = 1"), qr/dbpass/,
	'the password of the target is sealed');

$t->done;
