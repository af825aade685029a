#!/usr/bin/perl
# log_dsn: sessions ship as a role that can add to the log, and what that role can do when somebody else has it.
use DBBat::Test;

use DBBat::Cluster;
use DBBat::Daemon;

my $t = DBBat::Test->start;
my $d = $t->daemon;

like($t->log, qr/no role dbbat_log.*CREATE ROLE dbbat_log NOLOGIN/, 'a storage role that may not create roles is told what to have run');
$t->storage('CREATE ROLE dbbat_log NOLOGIN; CREATE ROLE writer LOGIN PASSWORD $$of-the-writer$$');
my $writer = $t->cluster->dsn('storage', 'writer', 'of-the-writer');
$t->access('john', 'write');
$t->psql('john', 'SELECT 1');
$d->stop;

sub start_fails
{
	my ($dsn) = @_;
	my $r = DBBat::Daemon::command(['-f'], env => { %{$d->{env}}, DBB_LOG_DSN => $dsn });
	return "$r->{exit}: $r->{err}";
}
like(start_fails('host=127.0.0.1 port=1 dbname=storage'), qr/^69: .*log_dsn: connection/s, 'one that does not work is noticed at the start');
like(start_fails($writer), qr/^69: .*log_dsn: role "writer" may not add to the log/s, 'so is a role that is no member of dbbat_log');
$t->storage('GRANT dbbat_log TO writer');

# --- at work ---------------------------------------------------------------------------------

$d->{env}{DBB_LOG_DSN} = $writer;
$d->start;
unlike($t->log =~ s/.*SIGTERM//sr, qr/dbbat_log|protects nothing/, 'with the role there, there is nothing to say');
my $c = $t->login('john');
$c->query("SELECT 'by the writer'");
$c->query('SELECT nonsense');
$c->send_raw(DBBat::Client::query_message('SELECT pg_sleep(2)'));
ok(poll_until(sub { $t->queries("status = 'running'") }, 5), 'a statement is seen running');
is($t->storage(q{SELECT string_agg(DISTINCT usename, ' ') FROM pg_stat_activity WHERE application_name LIKE 'dbbat shipper%'}), 'writer',
	'the shipper works as that role');
is($t->storage(q{SELECT string_agg(DISTINCT usename, ' ') FROM pg_stat_activity WHERE application_name ~ '^dbbat (keeper|api|janitor)'}), 'storage',
	'and nobody else uses it');
$c->receive_ready;
$d->{process}->signal('HUP');
poll_until(sub { $t->log =~ /SIGHUP.*serves PostgreSQL/s }, 10);
is($t->psql('john', "SELECT 'after a reload'")->{exit}, 0, 'after a reload');
my ($after) = $t->wait_queries(1, "sql_text LIKE '%after a reload%'");
is($after->{status}, 'ok', 'the same');
$c->send_raw(DBBat::Client::terminate());
ok(poll_until(sub { $t->storage('SELECT count(*) FROM dbbat.connections WHERE queries IS NULL') == 0 }, 10), 'ends are said');
my @q = $t->wait_queries(3, "connection_id = $after->{connection_id} - 1");
is(join(' ', map { $_->{status} } @q), 'ok error ok', 'outcomes, too');

# --- in other hands -----------------------------------------------------------------------------

sub writer
{
	my ($sql) = @_;
	my $r = run(cmd => [DBBat::Cluster::bindir() . '/psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $writer], stdin => "$sql;");
	return $r->{exit} ? $r->{err} =~ s/.*?ERROR:\s*//sr =~ s/\n.*//sr : "did: $r->{out}";
}
is($t->storage(q{SELECT count(*) > 12 FROM pg_class WHERE relnamespace = 'dbbat'::regnamespace AND relkind IN ('r', 'p', 'v')}), 't', 'there are tables');
is($t->storage(q{SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'dbbat'::regnamespace AND CASE WHEN relkind IN ('r', 'p', 'v')
	THEN has_table_privilege('writer', oid, 'SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER')
		OR has_any_column_privilege('writer', oid, 'SELECT,INSERT,UPDATE,REFERENCES')
	WHEN relkind = 'S' THEN has_sequence_privilege('writer', oid, 'USAGE,SELECT,UPDATE') END}), '', 'with none of which it can do anything');
like(writer($_), qr/^permission denied|^must be owner/, $_) for 'SELECT FROM dbbat.users', 'DELETE FROM dbbat.queries',
	'UPDATE dbbat.queries SET sql_text = $$$$', 'TRUNCATE dbbat.audit_events', 'SELECT dbbat.log_expire($$1 day$$)', 'SELECT dbbat.log_partitions_make(true)',
	'CREATE TABLE dbbat.x ()', 'DROP TABLE dbbat.queries', 'CREATE OR REPLACE FUNCTION dbbat.log_end(bigint, timestamptz, bigint, bigint, text) RETURNS void LANGUAGE sql AS $$$$',
	"SELECT nextval('dbbat.queries_id_seq')";

sub picture { return $t->storage(q{SELECT md5(string_agg(q::text, '' ORDER BY id)) || (SELECT md5(string_agg(c::text, '' ORDER BY id)) FROM dbbat.connections c) FROM dbbat.queries q}); }
my $before = picture();
my ($id, $at) = ($q[0]{connection_id}, "'$q[0]{executed_at}'");
like(writer($_), qr/^did/, 'it may call: ' . substr $_, 0, 24) for
	"SELECT dbbat.log_statements($id, 1, 1, 1, '{1,2}', '{forged,forged}', '{f,f}', '{null,null}', ARRAY[$at, '$q[1]{executed_at}']::timestamptz[], '{1,1}', '{1,1}', '{1,1}', '{ok,ok}', '{null,null}', '{null,null}', '{x,x}')",
	"SELECT dbbat.log_outcomes($id, '-infinity', 'infinity', '{1,2,3}', '{1,1,1}', '{1,1,1}', '{1,1,1}', '{ok,ok,ok}', '{null,null,null}', '{null,null,null}', '{x,x,x}')",
	"SELECT dbbat.log_end($id, now(), 0, 0, 'forged')";
is(picture(), $before, 'what has its outcome, and its end, stays as it is');
is(writer('CREATE TEMP TABLE queries (id int); CREATE TEMP TABLE unnest (id int); SET search_path = pg_temp; SELECT dbbat.log_end(0, now(), 0, 0, $$$$)'), "did: \n",
	'names of its own are not found by the functions');
is(picture(), $before, 'still');

# --- a role that may create roles, and one that may too much ----------------------------------------

$d->stop;
$t->storage('REVOKE USAGE ON SCHEMA dbbat FROM dbbat_log; REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA dbbat FROM dbbat_log; DROP ROLE dbbat_log; ALTER ROLE storage CREATEROLE');
is(DBBat::Daemon::command(['migrate'], env => { %{$d->{env}}, DBB_LOG_DSN => '' })->{exit}, 0, 'who may create roles');
is($t->storage(q{SELECT has_function_privilege('dbbat_log', p.oid, 'EXECUTE') AND has_schema_privilege('dbbat_log', pronamespace, 'USAGE') FROM pg_proc p WHERE proname = 'log_end'}), 't',
	'creates it');
like(DBBat::Daemon::command(['migrate'], env => { %{$d->{env}}, DBB_LOG_DSN => $t->dsn })->{err}, qr/log_dsn: role "storage" may read users; may delete from the log, so it protects nothing/,
	'a role that may do more gets a warning');
$t->done;
