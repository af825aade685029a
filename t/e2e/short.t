# Sessions that are over before they had to ship: the janitor does it for them, all over one connection, and
# what the last of them leave is in storage when dbbat has stopped.
use DBBat::Test;

my $t = DBBat::Test->start(conf => { log_connections => 'on' }, env => { DBB_SHIP_INTERVAL => '20s' }, serve => 0);
my $journals = "$t->{daemon}{dir}/state/journal";

# a journal of another version: left alone, and not looked at again and again
mkdir $journals, 0700 or die $!;
open(my $f, '>', "$journals/4711-1.journal") or die $!;
print $f pack('a8 N a4096', 'DBBATJNL', 99, '');
close $f;
system('chown', '-R', 'postgres:', $journals) if $> == 0;
$t->daemon->start;
$t->access('john', 'write');

$t->psql('john', "SELECT $_;\nSELECT 1/0;\n", on_error_stop => 0) for 1 .. 20;
my @q = $t->wait_queries(40);
is(scalar @q, 40, 'the statements of short sessions are in the log');
is(scalar(grep { $_->{status} eq 'ok' } @q), 20, 'with how they ended');
is(scalar(grep { $_->{status} eq 'error' && $_->{sqlstate} eq '22012' } @q), 20, 'well or not');
ok(poll_until(sub { $t->storage("SELECT count(*) FROM dbbat.connections WHERE end_reason = 'client closed' AND queries = 2") == 20 }, 10),
	'the sessions\' own words about their end are there');
ok(poll_until(sub { my @left = glob "$journals/*.journal"; @left == 1 }, 10), 'and their journals are gone');
my $log = $t->cluster->log;
unlike($log, qr/application_name=dbbat session/, 'none of them had a connection to storage');
cmp_ok(scalar(() = $log =~ /connection authorized: user=storage.*application_name=dbbat/g), '<', 10, 'nor did the janitor need one for each');

my $c = $t->login('john');
$c->query("SELECT 'one that is killed'");
my ($pid) = map { /^(\d+)/ } $t->daemon->titles(qr/session john\@/);
kill 'KILL', $pid;
ok(poll_until(sub { $t->storage("SELECT count(*) FROM dbbat.connections WHERE end_reason = 'session process died'") == 1 }, 10),
	'a session that is killed is closed');
# the keeper may have said so, before the janitor has brought the journal
my ($did) = $t->wait_queries(1, "sql_text LIKE '%killed%'");
is($did && $did->{status}, 'ok', 'and what it did is in the log');

like($t->log, qr/4711-1\.journal cannot be read, and is left as it is/, 'a journal that cannot be read is told of');
my ($janitor) = map { /^(\d+)/ } $t->daemon->titles(qr/janitor/);
sub switches { my $s = slurp("/proc/$janitor/status"); return ($s =~ /voluntary_ctxt_switches:\s+(\d+)/)[0]; }
my $before = switches();
select undef, undef, undef, 1;
cmp_ok(switches() - $before, '<', 100, 'and the janitor rests');

$t->psql('john', "SELECT 'the last words';\n");
$t->daemon->stop('TERM');
is(scalar($t->queries("sql_text LIKE '%last words%'")), 1, 'when dbbat has stopped, all is in storage');
is_deeply([glob "$journals/*.journal"], ["$journals/4711-1.journal"], 'and no journal is left but that one');
$t->done;
