# The API as an HTTP server: clients that are slow, rude, or in the middle of something.
use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);

use DBBat::Test;

my $t = DBBat::Test->start(env => { DBB_API_WORKERS => 1, DBB_API_MAX_BODY => '16kB' });
my $auth = 'Authorization: Basic ' . encode_base64('admin:admin', '');
local $SIG{PIPE} = 'IGNORE';

sub dial
{
	return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->{daemon}{api_port}) // die "connect: $!";
}

# What comes back until the end, or until nothing comes for a while.
sub answer
{
	my ($s, $seconds) = @_;
	my ($got, $select) = ('', IO::Select->new($s));
	while ($select->can_read($seconds // 2 * patience())) {
		sysread($s, $got, 65536, length $got) or last;
		last if $got =~ /\r\n\r\n.*\n\z/s;
	}
	return $got;
}

sub say_raw
{
	my ($bytes) = @_;
	my $s = dial();
	syswrite($s, $bytes);
	return answer($s);
}

sub alive { is($t->api(GET => '/api/health', undef, anonymous => 1)->{status}, 200, "$_[0]: it goes on"); }

# --- what is not HTTP, or not quite ---------------------------------------------------------------
for (
	['', 'nothing'], ["\r\n\r\n", 'empty lines'], ["\0" x 1000, 'zeros'], ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 'TLS'],
	["\x00\x00\x00\x08\x04\xd2\x16\x2f", 'an SSLRequest of PostgreSQL'], ["GET\r\n\r\n", 'no path'],
	["GET /api/health HTTP/9.9\r\n\r\n", 'a version of its own'], ["BREW /api/health HTTP/1.1\r\n\r\n", 'a method of its own'],
	["GET /api/health HTTP/1.1\r\nHost: x\r\n" . ("A: " . 'x' x 60000 . "\r\n") . "\r\n", 'a header without end'],
	["GET /" . 'x' x 60000 . " HTTP/1.1\r\n\r\n", 'a path without end'],
	["GET http://elsewhere/api/health HTTP/1.1\r\nHost: x\r\n\r\n", 'the path of a proxy'],
	["GET * HTTP/1.1\r\nHost: x\r\n\r\n", 'no path but a star'], ["CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 'CONNECT'],
	["POST /api/users HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 'a negative length'],
	["POST /api/users HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 'an enormous length'],
	["POST /api/users HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", 'a length that is none'],
	["POST /api/users HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", 'a chunk without end'],
	["POST /api/users HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx", 'a negative chunk'],
	["GET /api/users?" . 'limit=1&' x 1000 . " HTTP/1.1\r\n$auth\r\n\r\n", 'a thousand parameters'],
	["GET /api/users?%zz=%00&&=&a HTTP/1.1\r\n$auth\r\n\r\n", 'parameters that are none'],
	["GET /api/users%00/1 HTTP/1.1\r\n$auth\r\n\r\n", 'a NUL in the path'],
) {
	unlike(say_raw($_->[0]), qr/^HTTP\/1\.\d [25]0/, "$_->[1]: no success and no failure of ours")
		if $_->[1] !~ /version of its own|path of a proxy|method of its own/;
	alive($_->[1]);
}

# --- what is HTTP -----------------------------------------------------------------------------------
my $body = '{"username":"chunky","password":"x"}';
my $chunks = join '', map { "1\r\n$_\r\n" } split //, $body;
like(say_raw("POST /api/users HTTP/1.1\r\nHost: x\r\n$auth\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n"),
	qr/^HTTP\/1\.1 201 /, 'a body in chunks');
like(say_raw("HEAD /api/health HTTP/1.1\r\nHost: x\r\n\r\n"), qr/^HTTP\/1\.1 405 .*\r\n\r\n\z/s, 'HEAD has no route and no body');
# A form on somebody's page, sent by the browser of an admin who is logged in.
my $form = sub {
	return say_raw("POST /api/users HTTP/1.1\r\nHost: dbbat.example:8080\r\n$auth\r\nContent-Type: text/plain\r\n$_[0]"
		. "Content-Length: " . length($_[1]) . "\r\n\r\n$_[1]");
};
for my $origin ('https://evil.example', 'http://dbbat.example', 'http://dbbat.example:8080.evil.example', 'null', '') {
	like($form->("Origin: $origin\r\n", '{"username":"mallory","password":"x","is_admin":true}'), qr/^HTTP\/1\.1 403 .*"foreign_origin"/s,
		"a page of '$origin' does nothing");
}
like($form->("Origin: http://dbbat.example:8080\r\n", '{"username":"same","password":"x"}'), qr/^HTTP\/1\.1 201 /, 'one of our own could');
my $s = dial();
for (1 .. 3) {
	syswrite($s, "GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n");
	like(answer($s), qr/^HTTP\/1\.1 200 .*"ok"/s, 'one connection, several requests');
}
for my $size (16385, 70000, 3000000) {
	is($t->api(POST => '/api/users', '{' . ' ' x ($size - 1))->{status}, 413, "a body of $size bytes is too large");
}
is($t->api(POST => '/api/users', '{' . ' ' x 16383)->{status}, 400, 'one of 16384 is not');
is($t->api(POST => '/api/users', '[' x 16000)->{status}, 400, 'deep nesting is not followed');

# --- slow clients cost nobody but themselves ------------------------------------------------------------
my @slow = map { my $c = dial(); syswrite($c, "POST /api/users HTTP/1.1\r\nHost: x\r\n$auth\r\nContent-Length: 1000\r\n\r\n{"); $c } 1 .. 50;
alive('fifty half requests');
my $gone = dial();
syswrite($gone, "GET /api/audit HTTP/1.1\r\nHost: x\r\n$auth\r\n\r\n");
close $gone;
alive('a client that does not wait for its answer');

# --- the end of a worker ----------------------------------------------------------------------------------
my ($worker) = map { /^(\d+)/ } $t->daemon->titles(qr/dbbat: api/);
$s = dial();
syswrite($s, "POST /api/users HTTP/1.1\r\nHost: x\r\n$auth\r\nContent-Length: " . length($body) . "\r\n\r\n");
alive('before');
kill 'TERM', $worker;
ok(poll_until(sub { my ($new) = map { /^(\d+)/ } $t->daemon->titles(qr/dbbat: api/); $new && $new != $worker }, 10),
	'a worker that is told to go goes, clients in the middle of something or not, and another comes');
ok(poll_until(sub { $t->daemon->healthy }, 10), 'which serves');

$t->done;
