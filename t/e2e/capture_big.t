#!/usr/bin/perl
# Captured results of size: a hundred thousand rows read back equal, memory that stays flat, a session that
# is killed in the middle, a journal without room.
use DBBat::Test;

use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(sha256_hex);
use JSON::PP;
use Time::HiRes qw(sleep);

alarm(300 * patience());

my $t = DBBat::Test->start(env => { DBB_CAPTURE => 'on', DBB_CAPTURE_MAX_ROWS => 1_000_000, DBB_CAPTURE_MAX_BYTES => '1GB', DBB_JOURNAL_MAX => '1GB',
	DBB_API_WORKERS => 1 });
$t->access('john', 'write');
my $direct = $t->cluster->dsn('target', 'target', DBBat::Test::TARGET_PASSWORD);

sub statement
{
	my ($text) = @_;
	my @q;
	poll_until(sub { @q = $t->queries("position('$text' in sql_text) > 0"); @q && $q[0]{status} ne 'running' }, 30);
	return $q[0];
}
# By the name of a file, so that the test holds none of it twice.
sub download
{
	my ($q, $query) = @_;
	my $r = $t->api(GET => "/api/queries/$q->{id}/rows?$query");
	return $r->{text};
}
# Memory of its own that a process has, in kB: the journal is a mapped file and does not count.
sub memory { my ($pid) = @_; return slurp("/proc/$pid/status") =~ /RssAnon:\s+(\d+)/ ? $1 : 0; }

my $n = patience() == 1 ? 100_000 : 20_000;

# --- a hundred thousand rows ------------------------------------------------------------------

my $select = qq{SELECT i AS id, md5(i::text) AS md5, i / 7.0 AS n, (i / 7.0)::float8 AS f, CASE WHEN i % 10 <> 0 THEN repeat('ä"', i % 20) END AS t,
	timestamptz '2024-01-01 00:00:00+00' + i * interval '1.5 seconds' AS at, ARRAY[i, NULL, -i] AS a, (i % 2 = 0) AS b, decode(md5(i::text), 'hex') AS bytes
	FROM generate_series(1, $n) i};
my $want = run(cmd => [DBBat::Cluster::bindir() . '/psql', '-Xq', '-d', $direct],
	stdin => "SET timezone = 'UTC'; COPY ($select) TO STDOUT (FORMAT csv, HEADER);\n")->{out};
$want =~ s/\n/\r\n/g;
my $c = $t->login('john');
is(scalar(grep { $_->{type} eq 'D' } $c->query("$select /* text */")), $n, 'a hundred thousand rows in text');
$c->send_raw(DBBat::Client::parse('', "$select /* binary */") . DBBat::Client::describe('S', '') . DBBat::Client::bind_for('', '', [1])
	. DBBat::Client::execute('', 0) . DBBat::Client::sync());
is(scalar(grep { $_->{type} eq 'D' } $c->receive_ready(60)), $n, 'and in binary');
for my $format (qw(text binary)) {
	my $q = statement("/* $format */");
	my $got = download($q, 'format=csv');
	is(length $got, length $want, "$format: as much as the server itself gives");
	is(sha256_hex($got), sha256_hex($want), "$format: and the same");
	# one line a row: the test need not parse all of it
	my @json = split /\n/, download($q, 'format=json');
	is(scalar @json, $n + 2, "$format: as JSON");
	is_deeply(decode_json($json[50] =~ s/,$//r), [50, md5_hex(50), '7.1428571428571429', 7.142857142857143, undef,
		'2024-01-01 00:01:15+00', [50, undef, -50], JSON::PP::true, '\x' . md5_hex(50)], "$format: a row");
	like($json[$n + 1], qr/^\],"row_count":$n,/, "$format: and the end");
	my $page = $t->must(GET => "/api/queries/$q->{id}?result=1&cursor=10001&limit=2")->{results}[0];
	is_deeply([map { $_->[0] } @{$page->{rows}}], [10001, 10002], "$format: a page in the middle");
	is($page->{next_cursor}, 10003, "$format: and where the next begins");
}

# --- memory of the session ------------------------------------------------------------------------

my ($session) = map { (split)[0] } $t->daemon->titles(qr/session john@/);
my $before = memory($session);
my $psql = $t->psql_start('john', "SELECT repeat(chr(65 + i % 26), 1000) AS large FROM generate_series(1, 50000) i;\nSELECT pg_sleep(60);\n", args => ['-o', '/dev/null']);
my ($pid, $most) = (0, 0);
poll_until(sub {
	($pid) = map { (split)[0] } grep { !/^$session / } $t->daemon->titles(qr/session john@/) if !$pid;
	for (1 .. 20) {
		my $now = $pid ? memory($pid) : 0;
		$most = $now if $now > $most;
		sleep 0.01;
	}
	return $t->target("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()");
}, 60);
my $large = statement('AS large');
my $kept = $t->must(GET => "/api/queries/$large->{id}?limit=1")->{results}[0];
is_deeply([@$kept{qw(row_count truncated)}], [50000, JSON::PP::false], 'a result of 50 MB is kept');
cmp_ok($most, '>', 0, 'its session was watched');
cmp_ok($most, '<', $before + 6000, "and did not grow ($before kB before, $most kB at most)") if patience() == 1;
$psql->signal('INT');
$psql->wait(10);

# --- memory of the API -------------------------------------------------------------------------------

my ($api) = map { (split)[0] } $t->daemon->titles(qr/: api$/);
$before = memory($api);
my $file = scratch_dir() . '/large.csv';
my $curl = spawn(cmd => ['curl', '-sS', '-u', 'admin:admin', '-o', $file, '--limit-rate', '100M', "http://127.0.0.1:$t->{daemon}{api_port}/api/queries/$large->{id}/rows"]);
$most = 0;
poll_until(sub { my $now = memory($api); $most = $now if $now > $most; return $curl->wait(0) }, 60);
is($curl->exit_code, 0, 'it comes back') || diag($curl->err);
is(-s $file, 50000 * 1002 + 7, 'whole');
cmp_ok($most, '<', $before + 16000, "through an API that does not grow ($before kB before, $most kB at most)") if patience() == 1;
unlink $file;

# --- killed in the middle ------------------------------------------------------------------------------

my $k = $t->login('john', application_name => 'victim');
($pid) = map { (split)[0] } grep { !/^$session / } $t->daemon->titles(qr/session john@/);
# nobody reads: the session has passed on what the sockets hold, and captured it
$k->send_raw(DBBat::Client::query_message(q{SELECT i AS killed, repeat('z', 1000) FROM generate_series(1, 1000000) i}));
my $q;
poll_until(sub { ($q) = $t->queries(q{sql_text LIKE '%AS killed%'}); $q && $t->storage("SELECT count(*) FROM dbbat.query_results WHERE connection_id = $q->{connection_id}") > 3 }, 20);
$kept = $t->must(GET => "/api/queries/$q->{id}?limit=1")->{results}[0];
is_deeply([@$kept{qw(truncated truncated_reason)}], [JSON::PP::true, 'running'], 'what there is can be seen while it runs');
kill 'KILL', $pid;
poll_until(sub { ($q) = $t->queries(q{sql_text LIKE '%AS killed%'}); $q->{status} ne 'running' }, 30);
$kept = $t->must(GET => "/api/queries/$q->{id}?limit=1000")->{results}[0];
is_deeply([@$kept{qw(truncated truncated_reason)}], [JSON::PP::true, 'incomplete'], 'a session that is killed leaves an incomplete result');
cmp_ok($kept->{row_count}, '>', 100, 'with what it had');
is_deeply([map { $_->[0] } @{$kept->{rows}}], [1 .. @{$kept->{rows}}], 'row after row');
my @lines = split /\r\n/, download($q, 'format=csv');
is(scalar @lines, 1 + $kept->{row_count}, 'all of it in a file');
is($lines[-1], $kept->{row_count} . ',' . 'z' x 1000, 'to the end of a row');

# --- no room -----------------------------------------------------------------------------------------------

my $small = $t->node(env => { DBB_CAPTURE => 'on', DBB_CAPTURE_MAX_ROWS => 1_000_000, DBB_CAPTURE_MAX_BYTES => '1GB', DBB_JOURNAL_MAX => '256kB',
	DBB_KEY => $t->daemon->{env}{DBB_KEY} });
my $s = DBBat::Client->new($small->{pg_port});
is($s->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE), undef, 'a session with a small journal');
is(scalar(grep { $_->{type} eq 'D' } $s->query(q{SELECT repeat('r', 1000) AS roomless FROM generate_series(1, 50000)}, 60)), 50000, 'gets all rows');
is(DBBat::Client::summary($s->query(q{SELECT 1 AS afterwards})), 'T D C Z:I', 'and goes on');
$kept = $t->must(GET => '/api/queries/' . statement('AS roomless')->{id} . '?limit=1')->{results}[0];
is_deeply([@$kept{qw(truncated truncated_reason)}], [JSON::PP::true, 'room'], 'its result is cut for lack of room');
$kept = $t->must(GET => '/api/queries/' . statement('AS afterwards')->{id})->{results}[0];
is_deeply([@$kept{qw(rows truncated)}], [[[1]], JSON::PP::false], 'the next is whole');
$s->send_raw(DBBat::Client::terminate());
$small->stop;

$t->done;
