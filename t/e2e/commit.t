#!/usr/bin/perl
# What the storage has confirmed goes from the journal: so it must be on the storage's disk, also where that storage
# does not insist on it.
use DBBat::Test;

my $t = DBBat::Test->start(env => { DBB_SHIP_INTERVAL => '50ms' }, serve => 0);
my $d = $t->daemon;
$t->cluster->sql('postgres', "ALTER SYSTEM SET $_") for 'synchronous_commit = off', "wal_writer_delay = '10s'", "wal_writer_flush_after = '1GB'";
$t->cluster->stop;
$t->cluster->start;
my $target = DBBat::Test::target_of_its_own();
$d->start;
$t->database(DBBat::Test::DATABASE, port => $target->port);
$t->access('john', 'write');

my $c = $t->login('john');
is(DBBat::Client::summary($c->query("SELECT 'confirmed'")), 'T D C Z:I', 'a statement');
$t->wait_queries(1, "sql_text = 'SELECT ''confirmed''' AND status = 'ok'");
$t->cluster->stop('QUIT');
$t->cluster->start;
is($t->storage(q{SELECT count(*) FROM dbbat.queries WHERE sql_text = 'SELECT ''confirmed'''}), 1, 'is in the log after a crash of the storage');
is($t->storage('SELECT count(*) FROM dbbat.connections'), 1, 'as is its connection');
is($t->storage('SELECT count(*) FROM dbbat.users'), 2, 'and the user that made it');
$c->send_raw(DBBat::Client::terminate());
ok(poll_until(sub { $t->storage('SELECT count(*) FROM dbbat.connections WHERE end_reason = $$client closed$$') == 1 }, 20), 'and the end');

$t->done;
