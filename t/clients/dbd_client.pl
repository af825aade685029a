# DBD::Pg: libpq, prepared statements, asynchronous queries.
use strict;
use warnings;
use DBI;
use DBD::Pg qw(:pg_types :async);
use Digest::MD5 qw(md5_hex);
use Data::Dumper;
$| = 1;
sub say_ { print join(' | ', map { ref ? Data::Dumper->new([$_])->Indent(0)->Terse(1)->Dump : $_ // 'undef' } @_), "\n" }
sub failed { my ($f) = @_; return eval { $f->(); 1 } ? 'no error' : [$DBI::state, $DBI::errstr =~ /^(.*)/] }

my $c = DBI->connect('dbi:Pg:', '', '', { RaiseError => 1, PrintError => 0, PrintWarn => 0, AutoCommit => 1, pg_enable_utf8 => 0 });
say_('select', $c->selectall_arrayref('SELECT 1, ?::text', undef, 'eins'));
say_('several', $c->do('SELECT 1; SELECT 2'));
my $s = $c->prepare('SELECT ?::text, ?::int, ?::bytea, ?::int[]');
$s->bind_param(1, "it's"); $s->bind_param(2, undef); $s->bind_param(3, "\0\xff", { pg_type => PG_BYTEA }); $s->bind_param(4, [1, undef, 3]);
$s->execute; my $row = $s->fetchrow_arrayref; $row->[2] = unpack 'H*', $row->[2]; say_('values', $row);
my $big = 'u' x 6000000;
say_('big', length(($c->selectrow_array('SELECT ?::text || ?::text', undef, $big, $big))[0]));
$c->do('CREATE TEMP TABLE t (a int PRIMARY KEY, b text)');
$s = $c->prepare('INSERT INTO t VALUES (?, ?)');
$s->execute($_, "row $_") for 0 .. 199;
say_('prepared', $c->selectall_arrayref('SELECT count(*), sum(a) FROM t'));
my $counted = $c->prepare('/* counted */ SELECT ?::int');
$counted->execute($_) for 1 .. 25;
say_('COUNT', 25);
$c->do('COPY t FROM STDIN');
$c->pg_putcopydata("$_\tcopied $_\n") for 1000 .. 29999;
$c->pg_putcopyend;
$c->do('COPY (SELECT * FROM t ORDER BY a) TO STDOUT');
my ($all, $line) = ('', '');
$all .= $line while $c->pg_getcopydata($line) >= 0;
say_('copy', md5_hex($all));
say_('copy error', failed(sub { $c->do('COPY t FROM STDIN'); $c->pg_putcopydata("1\tagain\n"); $c->pg_putcopyend }));
$c->begin_work;
$c->do('DECLARE k CURSOR FOR SELECT a FROM t ORDER BY a');
say_('cursor', scalar @{$c->selectall_arrayref('FETCH 100 FROM k')});
say_('error', failed(sub { $c->do('SELECT 1/0') })); say_('aborted', failed(sub { $c->do('SELECT ?::int', undef, 1) }), $c->ping); $c->rollback;
$c->begin_work; $c->do('INSERT INTO t VALUES (-1)'); $c->pg_savepoint('s'); $c->do('DELETE FROM t'); $c->pg_rollback_to('s'); $c->commit;
say_('savepoint', $c->selectall_arrayref('SELECT count(*) FROM t'));
{ my @seen; local $SIG{__WARN__} = sub { push @seen, @_ }; local $c->{PrintWarn} = 1; $c->do("DO \$\$ BEGIN RAISE WARNING 'mind the gap'; END \$\$"); say_('notices', \@seen) }
$c->do('LISTEN news'); $c->do("NOTIFY news, 'first'");
my $other = DBI->connect('dbi:Pg:', '', '', { RaiseError => 1 }); $other->do("SELECT pg_notify('news', 'second')"); $other->disconnect;
$c->do('SELECT 1'); my @notes;
while (my $n = $c->pg_notifies) { push @notes, [$n->[0], $n->[2]] }
say_('notify', \@notes);
$c->do('SELECT pg_sleep(30)', { pg_async => PG_ASYNC }); select undef, undef, undef, 0.5;
say_('cancel', $c->pg_cancel ? 'cancelled' : 'not cancelled');
say_('after', $c->selectall_arrayref('SELECT 42'), $c->{pg_pid} > 0 ? 'pid' : 'none', $c->{pg_server_version});
$c->disconnect;
