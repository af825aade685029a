#!/usr/bin/perl
# Bind plans, and planning runs functions that call themselves immutable: so the record of a statement is made before its
# Bind, whether an Execute comes or not, and is the Execute's when one does.
use DBBat::Test;

use JSON::PP;
use Time::HiRes qw(sleep);

my $t = DBBat::Test->start;
$t->access($_->[0], $_->[1]) for ['john', 'write'], ['reader', 'read'];
$t->access('few', 'write', max_queries => 3);
$t->target(q{
	CREATE TABLE ran (n int);
	CREATE FUNCTION note(n int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN INSERT INTO ran VALUES (n); RETURN n; END $$;
	CREATE FUNCTION calm(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM note(n); RETURN n; END $$;
	CREATE FUNCTION tell(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE 'the secret is %', n; END $$;
	CREATE FUNCTION slow(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_sleep(n); RETURN n; END $$;
	GRANT ALL ON ran TO target;
});

my $sum = \&DBBat::Client::summary;
sub go { my ($c, @m) = @_; $c->send_raw(join '', @m, DBBat::Client::sync()); return $sum->($c->receive_ready); }
sub P { return DBBat::Client::parse(@_); }
sub B { return DBBat::Client::bind(@_); }
sub E { return DBBat::Client::execute(@_); }
sub D { return DBBat::Client::describe(@_); }
sub ran { return $t->target("SELECT count(*) FROM ran WHERE n = $_[0]"); }
# What the log has of statements with this text: status and tag.
sub logged
{
	my ($text, $n) = @_;
	my @q;
	poll_until(sub { (@q = grep { $_->{status} ne 'running' } $t->queries("sql_text = '$text'")) >= $n }, 5);
	return join ', ', map { "$_->{status} " . ($_->{command_tag} // '') } sort { $a->{id} <=> $b->{id} } @q;
}

my $c = $t->login('john');
my $c2 = $t->login('john');

is(go($c, P('', 'SELECT calm(1)'), B('', '')), '1 2 Z:I', 'a Bind without an Execute');
is(ran(1), 1, 'runs something');
is(logged('SELECT calm(1)', 1), 'ok BIND', 'and is in the log');

is(go($c, P('', 'SELECT tell(2)'), B('', '')), '1 E:P0001 Z:I', 'one that fails');
is(logged('SELECT tell(2)', 1), 'error ', 'is one record');

is(go($c, P('', 'SELECT calm(3)'), B('', ''), D('P', ''), E('')), '1 2 T D C Z:I', 'with an Execute');
is(logged('SELECT calm(3)', 1), 'ok SELECT 1', 'it is one statement');

is(go($c, P('s', 'SELECT $1::int + 4'), (map { (B('', 's', $_), E('')) } 1 .. 3), B('', 's', 4)), '1 2 D C 2 D C 2 D C 2 Z:I', 'a pipeline, and a Bind behind it');
is(logged('SELECT $1::int + 4', 4), 'ok SELECT 1, ok SELECT 1, ok SELECT 1, ok BIND', 'each is one');

is(go($c, P('', 'SELECT 5 FROM generate_series(1, 3)'), B('', ''), E('', 2), E('', 2)), '1 2 D D s D C Z:I', 'a portal that is executed twice');
is(logged('SELECT 5 FROM generate_series(1, 3)', 2), 'ok (portal suspended), ok SELECT 1', 'is two');

# as cursors of drivers do it
$c->send_raw(P('', 'SELECT 6') . B('', '') . D('P', '') . DBBat::Client::flush());
is(join(' ', map { $c->receive->{type} } 1 .. 3), '1 2 T', 'Bind, Flush');
is(logged('SELECT 6', 0), '', 'goes on');
is(go($c, E('')), 'D C Z:I', 'and an Execute later');
is(logged('SELECT 6', 1), 'ok SELECT 1', 'is one');

is($sum->($c->query('BEGIN')), 'C Z:T', 'in a transaction');
is(go($c, P('', 'SELECT 7'), B('p', '')), '1 2 Z:T', 'a portal that is bound');
is(go($c, E('p')), 'D C Z:T', 'and executed behind a Sync');
is($sum->($c->query('COMMIT')), 'C Z:I', 'the end');
is(logged('SELECT 7', 2), 'ok BIND, ok SELECT 1', 'is two: the first was told of when nothing was known of the second');

# in parts: whatever the packets are like
for my $part (P('', 'SELECT 8'), B('', ''), D('P', ''), E(''), DBBat::Client::sync()) {
	$c->send_raw($part);
	sleep 0.05;
}
is($sum->($c->receive_ready), '1 2 T D C Z:I', 'in packets of their own');
is(logged('SELECT 8', 1), 'ok SELECT 1', 'one');

is(go($c, P('', 'SELECT 9'), B('a', ''), B('b', ''), E('b'), E('a'), DBBat::Client::close_message('P', 'a')), '1 2 2 D C D C 3 Z:I', 'two portals, the other way round');
is(logged('SELECT 9', 2), 'ok SELECT 1, ok SELECT 1', 'two');
is(go($c, P('', 'SELECT 10'), B('', ''), B('', ''), E('')), '1 2 2 D C Z:I', 'one bound twice');
is(logged('SELECT 10', 2), 'ok BIND, ok SELECT 1', 'two, of which one was executed');
is(go($c, P('', 'SELECT 11'), B('', ''), P('', 'nonsense'), E('')), '1 2 E:42601 Z:I', 'an error between the two');
is(logged('SELECT 11', 1), 'error ', 'one');
is(go($c, P('', 'SELECT 12'), P('x', 'nonsense'), B('', ''), E('')), '1 E:42601 Z:I', 'or before them');
is(logged('SELECT 12', 1), 'error ', 'one');

# What comes when the target has failed already, and skips all up to a Sync, is one record each as well, with its own text.
sub late
{
	my ($early, $types, @late) = @_;
	$c->send_raw($early . DBBat::Client::flush());
	is(join(' ', map { $c->receive->{type} } 1 .. split / /, $types), $types, 'an error');
	return go($c, @late);
}
sub all { return P('', $_[0]) . B('', '') . E(''); }
is(late(all('SELECT 20') . all('SELECT 21 / (random() * 0)::int') . P('', 'SELECT 22') . B('', ''), '1 2 D C 1 2 E', E(''), all('SELECT 23')), 'Z:I',
	'and an Execute behind it');
is(logged("SELECT $_->[0]", 1), $_->[1], "SELECT $_->[0] is one") for [20, 'ok SELECT 1'], ['21 / (random() * 0)::int', 'error '], [22, 'error '], [23, 'error '];
is(late(P('', 'SELECT lost24'), 'E', B('', ''), E('')), 'Z:I', 'behind a Parse that failed');
is(logged('SELECT lost24', 1), 'error ', 'one');
is(late(P('', 'SELECT lost25') . B('', ''), 'E', E('')), 'Z:I', 'of which a Bind is under way');
is(logged('SELECT lost25', 1), 'error ', 'one');
is(late(P('', 'SELECT tell(26)') . B('', ''), '1 E', E('')), 'Z:I', 'behind a Bind that failed');
is(logged('SELECT tell(26)', 1), 'error ', 'one');
is(late(P('', 'lost'), 'E', P('skipped', 'SELECT 27'), B('p', 'skipped'), E('p'), E('p')), 'Z:I', 'what is skipped');
is(logged('SELECT 27', 2), 'error , error ', 'is recorded');
is(go($c, B('', 'skipped'), E('')), 'E:26000 Z:I', 'but is not there');
is(late(P('', 'lost'), 'E', DBBat::Client::close_message('S', 's'), P('s', 'SELECT 28')), 'Z:I', 'what was there');
is(go($c, B('', 's', 5), E('')), '2 D C Z:I', 'still is');
is(logged('SELECT $1::int + 4', 5), 'ok SELECT 1, ok SELECT 1, ok SELECT 1, ok BIND, ok SELECT 1', 'and is recorded as what it is');
is($t->storage(q{SELECT count(*) FROM dbbat.queries WHERE sql_text LIKE '-- cursor%'}), 0, 'none is taken for what it is not');

# A message that cannot be read makes unknown what it might have changed, up to the Sync.
sub bad { return DBBat::Client::message($_[0], $_[0] eq 'P' ? 'x' : "\0\0\0"); }
is(go($c, all('SELECT 30'), bad('B'), E('')), '1 2 D C E:08P01 Z:I', 'a Bind that cannot be read');
is(late(P('', 'lost'), 'E', all('SELECT 31') . bad('P') . E('')), 'Z:I', 'a Parse that cannot be read, and is skipped');
is(logged('-- portal "", not known', 2), 'error , error ', 'an Execute behind it is of nothing known');
is(logged('SELECT 30', 1), 'ok SELECT 1', 'not of the older portal');
is(logged('SELECT 31', 1), 'error ', 'nor of one that is skipped');
is(go($c, B('', 's', 6), E('')), '2 D C Z:I', 'behind the Sync all is known');
is(logged('SELECT $1::int + 4', 6), 'ok SELECT 1, ok SELECT 1, ok SELECT 1, ok BIND, ok SELECT 1, ok SELECT 1', 'and recorded as it is');

# the session is killed while it plans
$c2->send_raw(P('', 'SELECT slow(13)') . B('', '') . DBBat::Client::flush());
ok(poll_until(sub { $t->queries("sql_text = 'SELECT slow(13)' AND status = 'running'") }, 5), 'one that is being planned runs');
$c2->send_raw(DBBat::Client::terminate());
$c2->close;

my $r = $t->login('reader');
is(go($r, P('', 'SELECT 14'), B('', '')), '1 2 Z:I', 'under a read grant');
is(logged('SELECT 14', 1), 'ok BIND', 'it is the same');
is(go($r, P('', 'SELECT 15'), B('', ''), E('')), '1 2 D C Z:I', 'with an Execute');
is(logged('SELECT 15', 1), 'ok SELECT 1', 'too');
is(go($r, P('', 'SELECT calm(16)'), B('', '')), '1 E:25006 Z:I', 'what writes does not');
is(ran(16), 0, 'indeed');
is(logged('SELECT calm(16)', 1), 'error ', 'and is in the log');

# FunctionCall: what a function is called with is as good as the text of a statement
sub call
{
	my ($oid, @args) = @_;	# in text
	return DBBat::Client::message('F', pack('N n n', $oid, 0, scalar @args) . join('', map { defined $_ ? pack('l>', length $_) . $_ : pack('l>', -1) } @args) . pack('n', 0));
}
my $oid = $t->target(q{SELECT 'quote_literal(text)'::regprocedure::oid});
$c->send_raw(call($oid, 'an argument'));
is($sum->($c->receive_ready), 'V Z:I', 'a FunctionCall');
my ($call) = $t->wait_queries(1, "sql_text = 'FunctionCall of function $oid' AND status = 'ok'");
is_deeply($call->{parameters}, ['an argument'], 'is recorded with its arguments');
$c->send_raw(call($oid, undef));
$c->receive_ready;
my (undef, $null) = $t->wait_queries(2, "sql_text = 'FunctionCall of function $oid' AND status = 'ok'");
is_deeply($null->{parameters}, [undef], 'NULL too');
my $long = 'x' x 1_500_000;
$c->send_raw(call($oid, $long));
$c->receive_ready;
my (undef, undef, $cut) = $t->wait_queries(3, "sql_text = 'FunctionCall of function $oid' AND status = 'ok'");
is_deeply([length $cut->{parameters}[0] > 1_000_000, $cut->{parameters}[-1]], [1, { cut => JSON::PP::true }], 'a long one is cut, and marked so')
	or diag(substr JSON::PP->new->allow_nonref->encode($cut->{parameters}), -100);
$r->send_raw(call($oid, 'refused'));
is($sum->($r->receive_ready), 'E:42501 Z:I', 'under a read grant it is refused');
my ($refused) = $t->wait_queries(1, "sql_text = 'FunctionCall of function $oid' AND status = 'refused'");
is_deeply($refused->{parameters}, ['refused'], 'and recorded as well');

my $few = $t->login('few');
is(go($few, P('', 'SELECT 17'), B('', '')), '1 2 Z:I', 'a quota of statements counts what is executed') for 1 .. 4;
is(go($few, P('', 'SELECT 18'), B('', ''), E('')), '1 2 D C Z:I', 'and no more') for 1 .. 3;
is(go($few, P('', 'SELECT 19'), B('', ''), E('')), '1 2 E:53400 Z:I', 'then it is used up');
is(logged('SELECT 19', 1), 'refused ', 'one record');

is($t->storage('SELECT count(*) FROM (SELECT connection_id FROM dbbat.queries GROUP BY 1 HAVING max(seq) <> count(*)) x'), 0, 'no number is missing');

$t->done;
