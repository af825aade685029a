#!/usr/bin/perl
# The log as a file: every filter of the list, in constant memory, with a reader that is slow, one that leaves,
# and a storage that fails in the middle.
use DBBat::Test;

use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(sleep);

alarm(300 * patience());

my $rows = patience() == 1 ? 300_000 : 30_000;
my $t = DBBat::Test->start(env => { DBB_API_WORKERS => 1 });
$t->access('john', 'read');
$t->access('jane', 'read');
my $port = $t->daemon->{api_port};
my ($john, $jane) = map { $t->id(user => $_) } qw(john jane);
$t->psql('john', qq{SELECT 'a "quoted", text'\n, 2;\nSELECT * FROM missing;\n}, on_error_stop => 0);
$t->psql('jane', "SELECT 'of jane';\n");
$t->wait_queries(3);

sub export { my ($query, @o) = @_; return $t->api(GET => "/api/queries?$query", undef, @o); }
sub memory { my ($pid) = @_; return slurp("/proc/$pid/status") =~ /RssAnon:\s+(\d+)/ ? $1 : 0; }

# --- what it is ---------------------------------------------------------------------------------------

my $list = $t->must(GET => '/api/queries')->{queries};
my $r = export('format=ndjson');
is($r->{status}, 200, 'an export');
is_deeply([map { decode_json($_) } split /\n/, $r->{text}], $list, 'as ndjson: the lines are what the list has');
is_deeply([@{$r->{headers}}{qw(content-type content-disposition transfer-encoding)}],
	['application/x-ndjson', 'attachment; filename="dbbat-queries.ndjson"', 'chunked'], 'headers');
my $old = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die $!;
print $old "GET /api/queries?format=ndjson HTTP/1.0\r\nAuthorization: Basic " . encode_base64('admin:admin', '') . "\r\n\r\n";
like(do { local $/; scalar readline $old }, qr/^HTTP\/1\.\d 505 .*"http_version"/s, 'who would not see that it is cut short gets none');
$r = export('format=csv');
my ($head, @lines) = split /\r\n/, $r->{text};
is($head, 'id,connection_id,seq,user_id,username,database_id,database,grant_id,sql_text,text_cut,parameters,executed_at,duration_ms,'
	. 'rows_affected,bytes,status,error,command_tag', 'as CSV: the names');
is(scalar @lines, 3, 'a line for each');
like($lines[2], qr/,"SELECT 'a ""quoted"", text'\n, 2;",false,,\d{4}-\d\d-\d\dT[^,]*Z,[\d.]+,1,\d+,ok,,SELECT 1$/, 'quoted as RFC 4180 has it');
like($lines[1], qr/,error,"\{""message"":""relation \\""missing\\"" does not exist"",""sqlstate"":""42P01""\}",$|,error,"\{.*42P01.*\}",$/, 'an error as JSON');
is(scalar(split /\n/, export("format=ndjson&user_id=$jane")->{text}), 1, 'with a filter');
is(scalar(split /\n/, export('format=ndjson&status=error')->{text}), 1, 'with another');
is(export('format=ndjson&status=refused')->{text}, '', 'that finds nothing');
is(export('format=csv&status=refused')->{text}, '', 'nor a head');
is(scalar(split /\n/, export('format=ndjson', as => 'john:' . DBBat::Test::password('john'))->{text}), 2, 'a user exports his own');
is(export('format=xml')->{status}, 422, 'a format that is none');
is(export('format=csv&limit=5')->{json}{error}{field}, 'limit', 'no limit');
is(export('format=csv&cursor=5')->{json}{error}{field}, 'cursor', 'no cursor');
my @events = @{$t->must(GET => '/api/audit?action=query.export')->{audit_events}};
is_deeply([@{$events[0]}{qw(actor object_type object_id)}, $events[0]{after}], ['john', 'query', undef, { format => 'ndjson' }], 'who exported');
is_deeply((grep { $_->{after}{user_id} } @events)[0]{after}, { format => 'ndjson', user_id => "$jane" }, 'and what, is an audit event');

# --- much of it -------------------------------------------------------------------------------------------

$t->storage("INSERT INTO dbbat.queries (connection_id, seq, user_id, database_id, grant_id, sql_text, executed_at, status)
	SELECT 1, 1000 + i, $john, 1, 1, 'SELECT ' || i || repeat(' ', 100), now(), CASE WHEN i % 3 = 0 THEN 'error' ELSE 'ok' END FROM generate_series(1, $rows) i;
	ANALYZE dbbat.queries");
my ($api) = map { (split)[0] } $t->daemon->titles(qr/: api$/);
my $before = memory($api);
for my $format (qw(ndjson csv)) {
	my $file = scratch_dir() . "/all.$format";
	my $curl = spawn(cmd => ['curl', '-sS', '-u', 'admin:admin', '-o', $file, "http://127.0.0.1:$port/api/queries?format=$format&user_id=$john&q=SELECT"]);
	my ($most, $others) = (0, 0);
	poll_until(sub {
		my $now = memory($api);
		$most = $now if $now > $most;
		$others++ if $t->daemon->healthy;
		sleep 0.05;
		return $curl->wait(0);
	}, 60);
	is($curl->exit_code, 0, "$format: all of it comes") || diag($curl->err);
	if ($format eq 'csv') {
		like(run(cmd => ['wc', '-l', $file])->{out}, qr/^\s*@{[$rows + 4]}\s/, "$format: a line for each, and one in a text");
	} else {
		my @ids = split /\n/, run(cmd => ['sed', 's/^{"id":\([0-9]*\),.*/\1/', $file])->{out};
		is(scalar @ids, $rows + 2, "$format: a line for each");
		is(scalar(grep { $ids[$_] != $ids[$_ - 1] - 1 } 1 .. $rows - 1), 0, "$format: newest first, each once");
	}
	cmp_ok($others, '>', 0, "$format: others are answered meanwhile");
	cmp_ok($most, '<', $before + 8000, "$format: the API does not grow ($before kB before, $most kB at most)") if patience() == 1;
	unlink $file;
}
is(scalar(split /\n/, export('format=ndjson&status=error&username=john')->{text}), $rows / 3 + 1, 'a filter over all of it');

# --- readers ---------------------------------------------------------------------------------------------------

# A request whose reply nobody reads.
sub reader
{
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die $!;
	setsockopt($s, SOL_SOCKET, SO_RCVBUF, 65536);
	print $s "GET /api/queries?format=ndjson HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic " . encode_base64('admin:admin', '') . "\r\n\r\n";
	sysread($s, my $first, 1000);
	return $s;
}
# Pages that storage was asked for.
sub asked { return $t->storage(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dbbat api' AND state = 'active'}); }

my $slow = reader();
$before = memory($api);
is($t->api(GET => '/api/health')->{status}, 200, 'a reader that does not read keeps nobody') for 1 .. 5;
cmp_ok(memory($api), '<', $before + 8000, 'nor does it fill the memory') if patience() == 1;
is(asked(), 0, 'nothing is asked of storage for it');
close $slow;
ok(poll_until(sub { $t->log =~ /an export of queries: the transfer ended early/ }, 10), 'when it leaves, that is the end of it');

$slow = reader();
$t->storage('ALTER TABLE dbbat.queries RENAME TO elsewhere');
my $got = '';
1 while sysread($slow, $got, 65536, length $got);
ok($got !~ /\r\n0\r\n\r\n$/, 'an export that fails is cut, without the mark of the end');
like($t->log, qr/an export of queries: the transfer is cut: ERROR: relation "dbbat.queries" does not exist/, 'and the log says why');
my $cut = run(cmd => ['curl', '-sS', '-u', 'admin:admin', '-o', '/dev/null', "http://127.0.0.1:$port/api/queries?format=csv"]);
is($cut->{exit} != 0, 1, 'a client takes it for an error');
$t->storage('ALTER TABLE dbbat.elsewhere RENAME TO queries');
is(scalar(split /\n/, export("format=ndjson&user_id=$jane")->{text}), 1, 'and it works again');

# The end of the daemon does not wait for a reader for ever.
$slow = reader();
$t->done;
