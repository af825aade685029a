# The check of a target: what it says of the role that read grants use, who sees it, and that transactions
# are left alone only where it has found nothing.
use DBBat::Test;
use JSON::PP;
use IO::Socket::INET;
use POSIX ();

my $t = DBBat::Test->start(conf => { log_statement => 'all' }, env => { DBB_ROLE_CHECK_MAX_AGE => '1h' });
my $c = $t->cluster;
$c->sql('postgres', <<'END');
CREATE ROLE reader LOGIN PASSWORD 'r';
CREATE ROLE boss LOGIN SUPERUSER PASSWORD 'b';
CREATE ROLE "odd ""role""" LOGIN PASSWORD 'o';
END
$t->target(<<'END');
CREATE TABLE t (a int); INSERT INTO t VALUES (1);
CREATE SCHEMA "odd; schema"; CREATE TABLE "odd; schema"."a ""t""" (a int); CREATE SEQUENCE "odd; schema".seq;
GRANT USAGE ON SCHEMA public TO reader; GRANT SELECT ON t TO reader;
END
my $id = $t->database(DBBat::Test::DATABASE, read_username => 'reader', read_password => 'r');
my $path = "/api/databases/$id";

sub check { return $t->must(POST => "$path/check"); }
sub kinds { return join ' ', sort map { $_->{kind} } @{$_[0]{findings}}; }
sub names { my ($r, $kind) = @_; return join ' ', map { @{$_->{names}} } grep { $_->{kind} eq $kind } @{$r->{findings}}; }

# --- the report ---------------------------------------------------------------------------

is($t->api(GET => "$path/check")->{status}, 404, 'no check, no report');
is($t->must(GET => $path)->{check}, undef, 'nor a summary');
my $r = check();
is($r->{reachable}, JSON::PP::true, 'the target is reachable');
is($r->{clean}, JSON::PP::true, 'a role that may only read') or diag(encode_json($r));
is(kinds($r), '', 'gives no findings');
is(join(' ', map { $_->{kind} } @{$r->{remarks}}), 'temporary', 'but a remark');
is($r->{role}, 'reader', 'it is about the role of read grants');
is(join(' ', map { "$_->{username}:$_->{used_for}" } @{$r->{logins}}), 'target:write reader:read', 'both credentials were tried');
like($r->{logins}[0]{server_version}, qr/^\d+/, 'it has the version');
is($r->{logins}[1]{tls}, undef, 'TLS, of which there is none');
cmp_ok($r->{logins}[0]{round_trip_ms}, '>', 0, 'the round trip');
is_deeply($t->must(GET => "$path/check"), $r, 'the report is kept');
is($t->must(GET => $path)->{check}{clean}, JSON::PP::true, 'and its summary is with the database');
my ($event) = @{$t->must(GET => '/api/audit?action=database.check')->{audit_events}};
is("$event->{actor} $event->{object_id} $event->{detail}", "admin $id nothing found", 'it is an audit event');
$t->user('plain');
is($t->api(POST => "$path/check", undef, as => 'plain:' . DBBat::Test::password('plain'))->{status}, 403, 'admins only');
is($t->api(POST => '/api/databases/99999/check')->{status}, 404, 'of a database that is there');

# --- the SQL for a role -------------------------------------------------------------------

$t->must(PUT => $path, { read_username => '' });
$r = check();
is($r->{role}, 'target', 'without a second credential it is about the first');
isnt(kinds($r), '', 'the owner of everything gives findings');
like(kinds($r), qr/create.*owned.*writable-table/, 'ownership among them');
like(names($r, 'owned'), qr/"odd; schema"\."a ""t"""/, 'by name');
like($r->{script}, qr/^CREATE ROLE dbbat_read LOGIN/m, 'the report has the SQL for a better role');
(my $script = $r->{script}) =~ s/CHANGE-ME/rr/;
$c->sql('target', $script);
$t->must(PUT => $path, { read_username => 'dbbat_read', read_password => 'rr' });
$r = check();
is(kinds($r), '', 'which then gives none');
$t->access('john', 'read');
is($t->psql('john', 'SELECT count(*) FROM "odd; schema"."a ""t"""')->{out}, "0\n", 'and reads what is there');
is($t->psql('john', 'SELECT last_value FROM "odd; schema".seq')->{out}, "1\n", 'the state of sequences too');
is($t->program('john', 'pg_dump')->{exit}, 0, 'so that pg_dump works');
$t->must(PUT => $path, { read_username => 'odd "role"', read_password => 'o' });
like(check()->{script}, qr/^CREATE ROLE "odd ""role""" LOGIN/m, 'names are quoted');
$t->must(PUT => $path, { read_username => 'reader', read_password => 'r' });

# What everybody was granted is taken back by it, and the rest goes on to be named.
$c->sql('target', <<'END');
CREATE SCHEMA mess; GRANT CREATE ON SCHEMA mess TO PUBLIC; GRANT CREATE ON DATABASE target TO PUBLIC;
CREATE TABLE mess.t (id serial, a int); GRANT INSERT ON mess.t TO PUBLIC; GRANT USAGE ON SEQUENCE mess.t_id_seq TO PUBLIC;
CREATE TABLE mess.columns (a int); GRANT UPDATE (a) ON mess.columns TO PUBLIC;
CREATE FUNCTION mess."we""ird: :name \ '" (int, text DEFAULT 'x;''y') RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE mess.does() LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION mess.definer() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC;
SELECT lo_create(78); GRANT UPDATE ON LARGE OBJECT 78 TO PUBLIC;
CREATE VIEW mess.v AS SELECT lo_create(0);
END
$t->must(PUT => $path, { read_username => 'dbbat_read', read_password => 'rr' });
$r = check();
is(kinds($r), 'builtin create function large-object security-definer sequence view writable-table', 'a database where everybody may do all kinds of things');
$c->sql('target', join "\n", grep { /^REVOKE/ } split /\n/, $r->{script});
is(kinds(check()), 'view', 'the SQL takes all of it from everybody that can be taken');
$c->sql('target', 'DROP SCHEMA mess CASCADE; SELECT lo_unlink(78)');
$t->must(PUT => $path, { read_username => 'reader', read_password => 'r' });

# --- each way to do more than read is named -------------------------------------------------

sub planted
{
	my ($name, $kind, $pattern, $plant, $remove) = @_;
	$c->sql('target', $plant);
	my $found = check();
	like(names($found, $kind), $pattern, "$name is named") or diag(encode_json($found->{findings}));
	is($found->{clean}, JSON::PP::false, "$name: not clean");
	$c->sql('target', $remove);
}

sub remarks { join ' ', map { "$_->{kind}: " . join(', ', @{$_->{names}}) } grep { $_->{kind} ne 'temporary' } @{$_[0]{remarks}} }

is(remarks(check()), '', 'no credentials are to be seen');
$c->sql('target', 'GRANT pg_read_all_data TO reader');
$c->sql('target', 'ANALYZE pg_authid');
$r = check();
is(remarks($r), 'credentials: pg_authid, pg_subscription, pg_user_mapping, statistics of pg_authid', 'who may read everything sees some');
is($r->{clean}, JSON::PP::true, 'but cannot write');
$c->sql('target', 'REVOKE pg_read_all_data FROM reader');

planted('a superuser', 'superuser', qr/reader/, 'ALTER ROLE reader SUPERUSER', 'ALTER ROLE reader NOSUPERUSER');
planted('who may become one', 'superuser', qr/boss/, 'GRANT boss TO reader', 'REVOKE boss FROM reader');
planted('CREATEROLE', 'role-attribute', qr/CREATEROLE/, 'ALTER ROLE reader CREATEROLE', 'ALTER ROLE reader NOCREATEROLE');
planted('BYPASSRLS', 'role-attribute', qr/BYPASSRLS/, 'ALTER ROLE reader BYPASSRLS', 'ALTER ROLE reader NOBYPASSRLS');
planted('a predefined role', 'predefined-role', qr/^pg_execute_server_program$/,
	'GRANT pg_execute_server_program TO reader; GRANT pg_read_all_stats TO reader', 'REVOKE pg_execute_server_program FROM reader');
planted('one that it has not by itself', 'predefined-role', qr/pg_signal_backend/,
	'ALTER ROLE reader NOINHERIT; GRANT pg_signal_backend TO reader', 'REVOKE pg_signal_backend FROM reader; ALTER ROLE reader INHERIT');
planted('ownership', 'owned', qr/^table public\.mine$/, 'CREATE TABLE mine (a int); ALTER TABLE mine OWNER TO reader', 'DROP TABLE mine');
planted('a writable table', 'writable-table', qr/^public\.t$/, 'GRANT UPDATE ON t TO reader', 'REVOKE UPDATE ON t FROM reader');
planted('a writable column', 'writable-table', qr/^public\.t$/, 'GRANT UPDATE (a) ON t TO PUBLIC', 'REVOKE UPDATE (a) ON t FROM PUBLIC');
planted('a sequence', 'sequence', qr/public\.s/, 'CREATE SEQUENCE s; GRANT USAGE ON SEQUENCE s TO reader', 'DROP SEQUENCE s');
planted('CREATE on a schema', 'create', qr/schema public/, 'GRANT CREATE ON SCHEMA public TO PUBLIC', 'REVOKE CREATE ON SCHEMA public FROM PUBLIC');
planted('a large object', 'large-object', qr/large object 77/, 'SELECT lo_create(77); GRANT UPDATE ON LARGE OBJECT 77 TO reader', 'SELECT lo_unlink(77)');
planted('SECURITY DEFINER', 'security-definer', qr/f_definer/,
	'CREATE FUNCTION f_definer() RETURNS int LANGUAGE sql IMMUTABLE SECURITY DEFINER AS $$SELECT 1$$', 'DROP FUNCTION f_definer');
planted('a volatile function', 'function', qr/f_volatile/,
	'CREATE FUNCTION f_volatile() RETURNS int LANGUAGE sql AS $$SELECT 1$$', 'DROP FUNCTION f_volatile');
planted('one that lies about it', 'function', qr/f_liar/,
	q{CREATE FUNCTION f_liar() RETURNS oid LANGUAGE plpgsql STABLE AS $$BEGIN RETURN lo_create(0); END$$}, 'DROP FUNCTION f_liar');
planted('dynamic SQL', 'function', qr/f_dynamic/,
	q{CREATE FUNCTION f_dynamic() RETURNS oid LANGUAGE plpgsql IMMUTABLE AS $$DECLARE o oid; BEGIN EXECUTE 'SELECT lo'||'_create(0)' INTO o; RETURN o; END$$}, 'DROP FUNCTION f_dynamic');
planted('a body in SQL', 'function', qr/f_atomic/, 'CREATE FUNCTION f_atomic() RETURNS oid LANGUAGE sql STABLE RETURN lo_create(0)', 'DROP FUNCTION f_atomic');
planted('an aggregate', 'function', qr/aggregate public\.agg/, 'CREATE AGGREGATE agg (oid) (SFUNC = lo_create_any, STYPE = oid)', 'DROP AGGREGATE agg(oid); DROP FUNCTION lo_create_any')
	if $c->sql('target', 'CREATE FUNCTION lo_create_any(oid, oid) RETURNS oid LANGUAGE sql IMMUTABLE AS $$SELECT $2$$; REVOKE EXECUTE ON FUNCTION lo_create_any FROM PUBLIC; SELECT 1');
planted('a view that kills', 'kill', qr/view public\.v_kill/, 'CREATE VIEW v_kill AS SELECT pg_terminate_backend(pid) FROM pg_stat_activity', 'DROP VIEW v_kill');
planted('a function that kills', 'kill', qr/f_kill/,
	'CREATE FUNCTION f_kill(int) RETURNS bool LANGUAGE sql STABLE AS $$SELECT pg_cancel_backend($1)$$', 'DROP FUNCTION f_kill');
planted('a view with effects', 'view', qr/view public\.v_lo/, 'CREATE VIEW v_lo AS SELECT lo_create(0)', 'DROP VIEW v_lo');
planted('a policy', 'view', qr/policy on public\.t/, q{CREATE POLICY p ON t USING (lo_create(0) > 0)}, 'DROP POLICY p ON t');
planted('a domain', 'view', qr/domain public\.d/, q{CREATE DOMAIN d AS int CHECK (lo_create(0) > 0)}, 'DROP DOMAIN d');
planted('a builtin function', 'builtin', qr/pg_read_file\(text\)/, 'GRANT EXECUTE ON FUNCTION pg_read_file(text) TO reader', 'REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM reader');
planted('dblink', 'extension', qr/^dblink$/, 'CREATE EXTENSION dblink', 'SELECT 1');
is(kinds(check()), 'extension untrusted-function', 'whose functions are in C');
$c->sql('target', 'DROP EXTENSION dblink');
planted('a program in a foreign table', 'foreign-table', qr/public\.ft \(file_fdw, runs a program\)/,
	q{CREATE EXTENSION file_fdw; CREATE SERVER f FOREIGN DATA WRAPPER file_fdw; CREATE FOREIGN TABLE ft (a text) SERVER f OPTIONS (program 'true')},
	'DROP EXTENSION file_fdw CASCADE');
planted('a user mapping', 'user-mapping', qr/server p for public/,
	q{CREATE EXTENSION postgres_fdw; CREATE SERVER p FOREIGN DATA WRAPPER postgres_fdw; CREATE USER MAPPING FOR PUBLIC SERVER p OPTIONS (user 'x', password 'in the mapping')},
	'SELECT 1');
unlike($t->api(GET => "$path/check")->{text}, qr/in the mapping/, 'without its password');
$c->sql('target', 'DROP EXTENSION postgres_fdw CASCADE');
planted('what cannot be looked at', 'unknown', qr/./, 'REVOKE SELECT ON pg_class FROM PUBLIC', 'GRANT SELECT ON pg_class TO PUBLIC');
$c->sql('target', 'CREATE EXTENSION pgcrypto; CREATE FUNCTION f_fine(int) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT $1 + 1$$;'
	. ' CREATE FUNCTION f_trigger() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$');
is(kinds(check()), '', 'what only computes is no finding');
$c->sql('target', join ';', map { "CREATE FUNCTION many_$_() RETURNS int LANGUAGE sql AS 'SELECT 1'" } 1 .. 300);
my ($many) = grep { $_->{kind} eq 'function' } @{check()->{findings}};
is($many->{total}, 300, 'all are counted');
cmp_ok(scalar @{$many->{names}}, '<=', 50, 'some are named');
$c->sql('target', join ';', map { "DROP FUNCTION many_$_()" } 1 .. 300);

# --- what goes wrong ------------------------------------------------------------------------

$t->must(PUT => $path, { read_password => 'a wrong one' });
$r = check();
is($r->{reachable}, JSON::PP::false, 'a credential that does not work');
like($r->{logins}[1]{error}, qr/authentication failed/, 'the report says why');
unlike(encode_json($r), qr/a wrong one/, 'without the password');
$t->must(PUT => $path, { read_password => 'r', port => 1 });
$r = check();
like($r->{logins}[0]{error}, qr/refused/i, 'a target that is not there');
$t->must(PUT => $path, { port => $c->port });
is($t->must(GET => "$path/check")->{current}, JSON::PP::false, 'a report of what was before a change says so');

# --- warnings ---------------------------------------------------------------------------------

$t->user('warned');
my $grant = sub { return $t->must(POST => '/api/grants', { user_id => $t->id(user => 'warned'), database_id => $_[1] // $id, access_level => $_[0],
	starts_at => '2024-01-01T00:00:00Z', expires_at => '2099-01-01T00:00:00Z' }) };
like($grant->('read')->{warnings}[0], qr/changed since/, 'granting read warns of a check that does not count');
check();
is($grant->('read')->{warnings}, undef, 'not of one that found nothing');
$c->sql('target', 'GRANT UPDATE ON t TO reader');
check();
like($grant->('read')->{warnings}[0], qr/reader.*write to tables/, 'of what one found');
is($grant->('write')->{warnings}, undef, 'who grants write knows');
like($grant->('read', $t->database('unchecked'))->{warnings}[0], qr/never checked/, 'of none');
$c->sql('target', 'REVOKE UPDATE ON t FROM reader');

# --- a target that does not answer ----------------------------------------------------------------

my $deaf = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
my $slow = $t->database('deaf', port => $deaf->sockport);
my @waiting = map {
	spawn(cmd => ['curl', '-sS', '-u', 'admin:admin', '-X', 'POST', "http://127.0.0.1:$t->{daemon}{api_port}/api/databases/$slow/check"])
} 1 .. 4;
ok(poll_until(sub { $t->daemon->titles(qr/dbbat: check deaf/) == 1 }, 10), 'a check is a process of its own, one for a database');
is($t->api(GET => $path)->{status}, 200, 'who waits for it does not make others wait') for 1 .. 4;
is(check()->{reachable}, JSON::PP::true, 'nor other checks');
my ($child) = map { /^(\d+)/ } $t->daemon->titles(qr/dbbat: check deaf/);
my ($keeper) = map { /^(\d+)/ } $t->daemon->titles(qr/dbbat: keeper/);
my %fds = map { (readlink($_) // '') => 1 } glob "/proc/$child/fd/*";
is(scalar(grep { /socket/ } keys %fds), 2, 'it has one way to the keeper and one to the target');
kill 'KILL', $child;
for my $w (@waiting) {
	ok($w->wait(20), 'the death of a check is an answer');
	like($w->out, qr/"reachable":false.*did not come to its end/, 'to everybody who waits');
}
my $conn = $deaf->accept;
$waiting[0] = spawn(cmd => ['curl', '-sS', '-u', 'admin:admin', '-X', 'POST', "http://127.0.0.1:$t->{daemon}{api_port}/api/databases/$slow/check"]);
ok(poll_until(sub { $t->daemon->titles(qr/dbbat: check deaf/) == 1 }, 10), 'another');
kill 'KILL', $keeper;
ok($waiting[0]->wait(20), 'the death of the keeper too');
like($waiting[0]->out, qr/keeper_unavailable/, 'is an answer');

# --- a target that means harm ---------------------------------------------------------------------

sub msg { my ($type, $body) = @_; return $type . pack('N', 4 + length $body) . $body }
my $hello = join '', msg('R', pack 'N', 0), msg('S', "server_version\0016.1\0"), msg('S', "client_encoding\0UTF8\0"), msg('K', pack 'NN', 1, 2), msg('Z', 'I');
sub table { my ($columns, @rows) = @_; return join '', msg('1', ''), msg('2', ''), msg('T', pack('n', $columns) . ("a\0" . pack 'NnNnNn', 0, 0, 25, -1, -1, 0) x $columns),
	(map { my @v = @$_; msg('D', pack('n', scalar @v) . join '', map { pack 'N/a*', $_ } @v) } @rows), msg('C', "SELECT 1\0"), msg('Z', 'I') }
my $odd = join '', map { chr } 1 .. 31, 34, 92, 127 .. 255;
my %harm = (
	garbage => sub { ('Mxxxx' x 20000) },
	'an error without end' => sub { msg('E', "SFATAL\0C28000\0M" . $odd x 100 . "\0\0") },
	'a row of 2 GB' => sub { $hello, msg('T', pack('n', 1) . "a\0" . pack 'NnNnNn', 0, 0, 25, -1, -1, 0) . 'D' . pack('N', 0x7ffffff0) . pack('nN', 1, 0x7fffffe0) . 'x' x 100000 },
	'60000 columns' => sub { $hello, table(60000, [('') x 60000]) },
	'findings of its own' => sub { $hello, table(3, map { [$_ % 2 ? 'superuser' : $odd, $odd x 10, "DROP TABLE t;\n" . $odd x 10] } 1 .. 500) },
);
my @servers;
END { kill 'KILL', @servers }
for my $how (sort keys %harm) {
	my $listen = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
	my $server = fork // die $!;
	if (!$server) {
		@servers = ();
		$SIG{PIPE} = 'IGNORE';
		# one answer when it is connected to, one to whatever is asked after that
		while (my $s = $listen->accept) {
			my ($first, $rest) = $harm{$how}->();
			sysread $s, my $request, 8;
			syswrite($s, 'N'), sysread($s, $request, 8) if unpack('x4N', $request) == 80877103;
			sysread $s, $request, 10000;
			syswrite $s, $first;
			while (defined $rest && sysread $s, $request, 100000) { syswrite $s, $rest }
		}
		POSIX::_exit(0);
	}
	push @servers, $server;
	my $database = $t->database($how, port => $listen->sockport);
	close $listen;
	my $answer = $t->api(POST => "/api/databases/$database/check");
	is($answer->{status}, 200, "$how: the check comes to its end") or diag($answer->{text});
	is($answer->{json}{clean}, JSON::PP::false, "$how: not clean");
	cmp_ok(length $answer->{text}, '<', 65536, "$how: no report without end");
	unlike($answer->{text}, qr/[\x00-\x09\x0b-\x1f]/, "$how: nor with what a terminal would obey");
	$t->user($how);
	$t->grant($how, $how, 'write');
	my $c = $t->raw;
	my $e = $c->login($how, DBBat::Test::password($how), $how);
	if (!$e) {
		$e = (map { DBBat::Client::error($_) } grep { $_->{type} eq 'E' } $c->query('SELECT 1'))[0];
	}
	is($e->{S}, 'FATAL', "$how: a session ends with an error of ours");
	like($e->{C}, qr/^08/, "$how: for what it is");
}
kill 'KILL', @servers;
is(check()->{clean}, JSON::PP::true, 'others are checked as before');

# --- processes ----------------------------------------------------------------------------------

ok(poll_until(sub { !$t->daemon->titles(qr/dbbat: check/) }, 5), 'no check stays behind');
$t->done;
