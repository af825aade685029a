#!/usr/bin/perl
# A journal is told to be of a connection by what the storage said of it, not by the clock of the node.
use DBBat::Test;

my $t = DBBat::Test->start;
my $d = $t->daemon;
my $target = DBBat::Test::target_of_its_own();
$t->database(DBBat::Test::DATABASE, port => $target->port);
$t->access('john', 'write');

sub journals { my @files = glob("$d->{dir}/state/journal/*.journal*"); return @files; }

sub crc32c
{
	my $crc = 0xffffffff;
	for my $byte (unpack 'C*', $_[0]) {
		$crc ^= $byte;
		$crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 for 1 .. 8;
	}
	return $crc ^ 0xffffffff;
}

# As if the clock of this node had been so many days behind when the session began.
sub set_back
{
	my ($path, $days) = @_;
	open(my $fh, '+<', $path) or die "$path: $!";
	read($fh, my $head, 256);
	my $opened = unpack('Q>', substr($head, 56, 8));
	die 'this is no time' if abs($opened / 1e6 - time) > 3600;
	substr($head, 56, 8) = pack('Q>', $opened - $days * 86400 * 1e6);
	my $end = index($head, "\0", unpack('N', substr($head, 8, 4)) >= 4 ? 73 : 65) + 1;
	substr($head, $end, 4) = pack('N', crc32c(substr($head, 0, $end)));
	seek($fh, 0, 0);
	print $fh $head;
	close $fh;
}

# A session that is killed while the storage is away; its journal stays.
sub killed
{
	my ($sql) = @_;
	my $c = $t->login('john');
	$c->query('SELECT 1');
	$t->cluster->stop('QUIT');
	is(DBBat::Client::summary($c->query($sql)), 'T D C Z:I', 'a session that the storage leaves');
	my ($pid) = map { (split)[0] } $d->titles(qr/^dbbat: session john@/);
	kill 'KILL', $pid;
	poll_until(sub { !$d->titles(qr/^dbbat: session john@/) }, 5);
	my @left = journals();
	is(scalar @left, 1, 'and that is killed leaves a journal');
	return $left[0];
}

my $journal = killed("SELECT 'long ago'");
set_back($journal, 10);
$t->cluster->start;
ok(poll_until(sub { !journals() }, 20), 'which is shipped, though the clock was ten days behind') or diag(join ' ', journals(), $t->log);
is($t->storage(q{SELECT count(*) FROM dbbat.queries WHERE sql_text = 'SELECT ''long ago'''}), 1, 'it is in the log');

$journal = killed("SELECT 'of another'");
$t->cluster->start;
$t->storage(q{UPDATE dbbat.connections SET started_at = started_at + interval '1 second' WHERE id = (SELECT max(id) FROM dbbat.connections)});
ok(poll_until(sub { -e "$journal.damaged" }, 20), 'one of another storage, where the same numbers are another connection, is set aside');
is($t->storage(q{SELECT count(*) FROM dbbat.queries WHERE sql_text = 'SELECT ''of another'''}), 0, 'it is not mixed in');

my ($told) = $t->log =~ /belongs to no connection of this storage database.*: connection (.*)/;
my ($connection, $user, $database, $grant, $began) = ($told // '') =~ /^(\d+) of user (\d+), database (\d+), grant (\d+), started at (\S+)$/;
$t->storage("DELETE FROM dbbat.connections WHERE id = $connection");
$t->storage("INSERT INTO dbbat.connections (id, user_id, username, database_id, database, grant_id, access_level, client_host, client_port, tls, application_name, started_at)
	VALUES ($connection, $user, 'john', $database, 'my_database', $grant, 'write', '', 0, false, '', '$began')");
rename "$journal.damaged", $journal or die $!;
ok(poll_until(sub { !journals() }, 20), 'with the row that the log has told put back it is shipped');
is($t->storage(q{SELECT count(*) FROM dbbat.queries WHERE sql_text = 'SELECT ''of another'''}), 1, 'and nothing is lost');

$t->done;
