# The storage database: made by the first node, shared by the next, and sometimes away.
use strict;
use warnings;

use DBBat::Test;

my $t = DBBat::Test->start(serve => 0, env => { DBB_API_WORKERS => 1 });
my $key = $t->daemon->{env}{DBB_KEY};

# --- two nodes start at once on an empty database -------------------------------------------------
my $second = $t->node(start => 0, key => $key);
$_->launch for $t->daemon, $second;
$_->wait_ready for $t->daemon, $second;
my @migrations = glob 'sql/migrations/*.sql';
is($t->storage('SELECT count(*), min(version) FROM dbbat.schema_migrations'), @migrations . '|1', 'each migration was applied once');
is($t->storage("SELECT string_agg(id || username || default_password, ' ') FROM dbbat.users"), '1admintrue', 'and there is one admin');
is($t->api(GET => '/api/users', undef, port => $_->{api_port})->{status}, 200, 'who can log in at each node')
	for $t->daemon, $second;
$second->check_end;

# What one node sealed, the other can use: the same key.
my $grant = $t->access('john', 'read');
is($t->psql('john', 'SELECT 1')->{out}, "1\n", 'a password sealed for its row opens for it');

# --- a schema that is newer --------------------------------------------------------------------------
$t->storage("INSERT INTO dbbat.schema_migrations VALUES (9999, 'from the future')");
my $r = DBBat::Daemon::command(['migrate'], env => $t->daemon->{env});
isnt($r->{exit}, 0, 'a newer schema is refused');
like($r->{err}, qr/9999, newer than this program/, 'with the reason');
unlike($r->{err}, qr/of-the-storage/, 'without the password');
$t->storage('DELETE FROM dbbat.schema_migrations WHERE version = 9999');
is(DBBat::Daemon::command(['migrate'], env => $t->daemon->{env})->{exit}, 0, 'and what is up to date is left alone');

# --- away and back -------------------------------------------------------------------------------------
my $before = $t->storage('SELECT count(*) FROM dbbat.users');
$t->cluster->stop('INT');
for ([GET => '/api/health', undef, anonymous => 1], [GET => '/api/users'], [POST => '/api/users', { username => 'x', password => 'y' }]) {
	$r = $t->api(@$_);
	is($r->{status}, 503, "$$_[0] $$_[1] without storage");
	is($r->{json}{error}{code}, 'storage_unavailable', 'says that it is away');
}
unlike($t->log, qr/of-the-storage/, 'the password of storage is not in the log');
$t->cluster->start;
ok(poll_until(sub { $t->api(GET => '/api/health', undef, anonymous => 1)->{status} == 200 }, 10), 'it comes back by itself');
is($t->storage('SELECT count(*) FROM dbbat.users'), $before, 'nothing was stored in between');

# Storage that does not get on: an answer comes within the time a statement has.
my $locker = spawn(cmd => [DBBat::Cluster::bindir() . '/psql', '-Xq', '-d', $t->dsn],
	stdin => "BEGIN; LOCK TABLE dbbat.users; SELECT pg_sleep(60);");
ok(poll_until(sub { $t->storage("SELECT count(*) FROM pg_locks WHERE relation = 'dbbat.users'::regclass AND mode = 'AccessExclusiveLock' AND granted") }, 5), 'a table is locked');
my $start = time;
$r = $t->api(GET => '/api/users');
is($r->{status}, 503, 'a table that is locked is a 503');
is($r->{json}{error}{code}, 'timeout', 'that tells it from storage that is away');
cmp_ok(time - $start, '<', 20, 'after some seconds');
$locker->signal('TERM');
$locker->wait(5) or $locker->kill_group('KILL');
$t->storage("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()");
ok(poll_until(sub { $t->api(GET => '/api/users')->{status} == 200 }, 10), 'and over when the lock is gone');

# Frozen backends: nothing is answered, nothing is refused, and still the workers do not hang.
my $pids = q{SELECT pid FROM pg_stat_activity WHERE application_name = 'dbbat api'};
my @frozen = split /\n/, $t->storage($pids);
kill 'STOP', @frozen;
$start = time;
is($t->api(GET => '/api/users')->{status}, 503, 'a backend that is frozen is a 503');
cmp_ok(time - $start, '<', 20, 'after some seconds, too');
ok(poll_until(sub { $t->api(GET => '/api/users')->{status} == 200 }, 20), 'and a new connection takes its place');
kill 'CONT', @frozen;

# --- a change that cannot be committed with its audit event is none ----------------------------------
$t->storage('ALTER TABLE dbbat.audit_events ADD CONSTRAINT none CHECK (false) NOT VALID');
$r = $t->api(POST => '/api/users', { username => 'unseen', password => 'y' });
is($r->{status}, 500, 'no audit event: refused');
is($r->{json}{error}{code}, 'internal', 'with an error that tells nothing of storage');
is($t->storage("SELECT count(*) FROM dbbat.users WHERE username = 'unseen'"), 0, 'and no change');
is($t->api(DELETE => "/api/grants/$grant")->{status}, 500, 'not even a revocation');
is($t->api(GET => '/api/users', undef, as => 'admin:wrong')->{status}, 500, 'nor a failed login that is not on record');
$t->storage('ALTER TABLE dbbat.audit_events DROP CONSTRAINT none');
is($t->must(DELETE => "/api/grants/$grant")->{status}, 'revoked', 'then it goes on');

$t->done;
