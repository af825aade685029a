# Quotas are exact, over all sessions of a grant and all nodes.
use DBBat::Test;

my $t = DBBat::Test->start;
my $sum = \&DBBat::Client::summary;
my $c;

# --- statements ----------------------------------------------------------------------------

my $grant = $t->access('john', 'write', max_queries => 40);
$t->target('CREATE SEQUENCE s');
my @sessions = map { $t->login('john') } 1 .. 4;

# Round and round, until each of them has been told.
my ($done, %told) = (0);
for my $round (1 .. 30) {
	for my $i (grep { !$told{$_} } 0 .. $#sessions) {
		my $got = $sum->($sessions[$i]->query("SELECT nextval('s')"));
		$got eq 'T D C Z:I' ? $done++ : ($told{$i} = $got);
	}
}
is($done, 40, 'four sessions together execute exactly as many statements as the grant has');
like($_, qr/E:53400/, 'and then get 53400') for values %told;
is(scalar keys %told, 4, 'each of them');
is($t->target("SELECT last_value FROM s"), 40, 'the target executed no more');
is($t->storage("SELECT queries FROM dbbat.grant_usage WHERE grant_id = $grant"), 40, 'the counter says so');
is(scalar(grep { $_->{status} eq 'ok' } $t->wait_queries(44)), 40, 'and the log');
my $late = $t->psql('john', "SELECT nextval('s');\n");
like($late->{err}, qr/53400/, 'a new session has nothing left either');
like($late->{err}, qr/quota|grant|statements/i, 'the message says why');

# A Query message counts as as many statements as it has.
my $many = $t->access('many', 'write', max_queries => 6);
$c = $t->login('many');
is($sum->($c->query("SELECT ';'; SELECT nextval('s') /* ; */; -- ;\n")), 'T D C T D C Z:I', 'two statements in one Query');
is($sum->($c->query(join ';', ("SELECT nextval('s')") x 5)), 'E:53400 Z:I', 'five more are too many, so none of them runs');
is($sum->($c->query(join ';', ('SELECT 1') x 4)), 'T D C T D C T D C T D C Z:I', 'four are not');
is($sum->($c->query('')), 'E:53400 Z:I', 'and that was all');
is($t->storage("SELECT queries FROM dbbat.grant_usage WHERE grant_id = $many"), 6, 'the counter says six');
is($t->target("SELECT last_value FROM s"), 41, 'the target executed no more');

# ... and never as fewer than the target executes, whatever it takes for a string.
my $tricky = $t->access('tricky', 'write', max_queries => 10);
$c = $t->login('tricky');
is($sum->($c->query('SET standard_conforming_strings = off')), 'C Z:I', 'strings are read in another way');
is($sum->($c->query("SELECT 'a\\'' ; SELECT 2; SELECT 3 --'")), 'T D C T D C T D C Z:I', 'so three statements run that look like one');
is($sum->($c->query("SELECT 'a\\'' ; SELECT 2; SELECT 3; SELECT 4; SELECT 5; SELECT 6; SELECT 7 --'")), 'E:53400 Z:I', 'seven are more than are left');
is($sum->($c->query("SELECT 'a\\;b;c;d;'; SELECT 2")), 'T D C T D C Z:I', 'two that look like six');
is($sum->($c->query("SELECT 1; SELECT 1/0; SELECT 3")), 'T D C E:22012 Z:I', 'what fails on the way');
ok(poll_until(sub { $t->must(GET => "/api/grants/$tricky")->{queries_used} == 8 }, 10), 'costs what was executed')
	or diag($t->must(GET => "/api/grants/$tricky")->{queries_used});
is($sum->($c->query('SELECT 1; SELECT 2')), 'T D C T D C Z:I', 'and the rest is there');
is($sum->($c->query('SELECT 1')), 'E:53400 Z:I', 'to the last');

# What the target skips comes back once, however much there is in it.
my $skipped = $t->access('skipped', 'write', max_queries => 100);
$c = $t->login('skipped');
is($sum->($c->query('SELECT 1')), 'T D C Z:I', 'more than ten are leased');
for (1 .. 5) {
	$c->send_raw(DBBat::Client::parse('', 'nonsense'), DBBat::Client::query_message(join ';', ('SELECT 1') x 10), DBBat::Client::sync());
	is($sum->($c->receive_ready), 'E:42601 Z:I', 'a Query that is skipped');
}
my $executed = 1;
$executed++ while $executed < 200 && $sum->($c->query('SELECT 1')) eq 'T D C Z:I';
is($executed, 100, 'costs nothing, and gives nothing');

# Unused lease goes back: a session that ends gives the rest to others.
$t->access('mary', 'write', max_queries => 20);
for (1 .. 10) {
	my $r = $t->psql('mary', "SELECT 1;\n");
	is($r->{out}, "1\n", "session $_ of one statement") or diag($r->{err});
}
my $mary = $t->login('mary');
$mary->send_raw(map({ DBBat::Client::extended("SELECT $_") } 1 .. 10), DBBat::Client::sync());
is(scalar(() = $sum->($mary->receive_ready) =~ /D C/g), 10, 'ten more in a pipeline use it up');
like($sum->($mary->query('SELECT 11')), qr/E:53400/, 'the next is refused');

# At the same time from many sessions.
$t->access('pat', 'write', max_queries => 100);
$t->target('CREATE SEQUENCE many');
my $script = scratch_dir() . '/many.sql';
open(my $fh, '>', $script) or die $!;
print $fh "SELECT nextval('many');\n";
close $fh;
$t->program('pat', 'pgbench', '-n', '-f', $script, '-c', 6, '-j', 2, '-t', 40);
my $ok = () = grep { $_->{status} eq 'ok' } $t->queries("c.username = 'pat'");
is($t->target('SELECT last_value FROM many'), scalar(grep { $_->{status} eq 'ok' && $_->{sql_text} =~ /nextval/ }
	$t->wait_queries(100, "c.username = 'pat'")), 'what was executed is what was logged');
is(scalar(grep { $_->{status} eq 'ok' } $t->queries("c.username = 'pat'")), 100, 'and exactly the quota, from six sessions at once');

# --- bytes ---------------------------------------------------------------------------------------

$t->access('ann', 'write', max_bytes => 300_000);
my $ann = $t->login('ann');
is($sum->($ann->query("SELECT repeat('x', 100000)")), 'T D C Z:I', 'within the bytes');
my @m = $ann->query("SELECT repeat('x', 1000) FROM generate_series(1, 10000)");
is($m[-1]{type}, 'E', 'a result that is too large ends');
is(DBBat::Client::error($m[-1])->{C}, '53400', 'with 53400');
ok($ann->closed, 'and so does the session');
my $bytes = 0;
$bytes += 5 + length $_->{body} for grep { $_->{type} eq 'D' } @m;
cmp_ok($bytes, '<=', 200_000, 'no more than the quota got through');
cmp_ok($bytes, '>', 100_000, 'but what was left of it did');
like($t->psql('ann', "SELECT repeat('x', 2000);\n")->{err}, qr/53400/, 'a new session has no more than the others left');
my ($cut) = grep { $_->{sql_text} =~ /generate_series/ } $t->wait_queries(2, "c.username = 'ann'");
isnt($cut->{status}, 'ok', 'the statement that was cut off is not ok in the log');
cmp_ok($cut->{bytes}, '>', 0, 'and has its bytes');

# Whatever can carry data counts: notices, errors, notifications, settings, names of columns.
$t->target(<<'END');
CREATE FUNCTION says(n int) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE '%', repeat('n', n); END$$;
CREATE FUNCTION fails(n int) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%', repeat('e', n); END$$;
CREATE FUNCTION sets(n int) RETURNS text LANGUAGE sql AS $$SELECT set_config('timezone', '<' || repeat('Z', 40) || n || '>-01', false)$$;
END
my %ways = (
	notice => 'SELECT says(7000)',
	error => 'SELECT fails(7000)',
	'error in a block' => "DO \$\$BEGIN PERFORM fails(7000); END\$\$",
	notification => "LISTEN c; NOTIFY c, '" . 'p' x 7000 . "'",
	'name of a column' => join(',', map { 'SELECT 1 AS "' . 'c' x 60 . '"' } 1) . join('', map { ", 1 AS \"" . 'c' x 60 . '"' } 1 .. 100),
	setting => join('; ', map { "SELECT sets($_ % 10)" } 1 .. 60),
);
for my $way (sort keys %ways) {
	my $user = "by $way";
	my $id = $t->access($user, 'write', max_bytes => 20_000);
	my $c = $t->login($user);
	my ($got, $last, @m) = (0);
	for (1 .. 20) {
		push @m, my @answer = $c->query($ways{$way});
		$last = $answer[-1];
		last if !$last || $last->{type} ne 'Z';
	}
	is($last && $last->{type} eq 'E' ? DBBat::Client::error($last)->{C} : 'none', '53400', "bytes by $way come to an end");
	pop @m;
	$got += 5 + length $_->{body} for grep { $_->{type} =~ /[DENAST]/ } @m;
	cmp_ok($got, '<=', 20_000, "no more than the quota ($got)");
	cmp_ok($got, '>', 5_000, 'and not much less');
	ok(poll_until(sub { $t->must(GET => "/api/grants/$id")->{bytes_used} == $got }, 10), 'exactly those are counted')
		or diag($t->must(GET => "/api/grants/$id")->{bytes_used} . " for $got");
}
# Types of parameters too: a statement that the target has prepared for itself may have any.
$t->access('by types', 'write', max_bytes => 20_000);
$c = $t->login('by types');
is($sum->($c->query('PREPARE p AS SELECT 1 WHERE ' . join ' AND ', map { "\$${_}::int = 1" } 1 .. 1000)), 'C Z:I', 'a statement with many parameters');
my @described;
for (1 .. 20) {
	$c->send_raw(DBBat::Client::describe('S', 'p'), DBBat::Client::sync());
	push @described, my @answer = $c->receive_ready;
	last if !@answer || $answer[-1]{type} ne 'Z';
}
is(DBBat::Client::error($described[-1])->{C}, '53400', 'descriptions of it come to an end');
is(scalar(grep { $_->{type} eq 't' } @described), 4, 'after four of 4 kB');

my $e = DBBat::Client::error(($t->login('by error')->query("SELECT repeat('x', 20000)"))[-1]);
like($e->{M}, qr/quota of bytes \(max_bytes\).*20000/, 'the error names the quota and how much it was');
like($e->{H}, qr/does not renew.*new grant/, 'and that it does not renew');

# A refused statement's error is ours, and costs nothing.
my $id = $t->access('refused', 'read', max_bytes => 1000);
my $r = $t->login('refused');
$r->query('DELETE FROM nothing') for 1 .. 20;
is($sum->($r->query('SELECT 1')), 'T D C Z:I', 'what DBBat says itself does not count');

$t->done;
