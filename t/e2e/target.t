# How the target is reached: TLS that is verified, a client certificate, the second
# role of read grants. And what an admin can end by hand.
use DBBat::Test;

my $t = DBBat::Test->start;
my $state = $t->daemon->{dir} . '/state';
my ($crt, $key) = map { slurp("$state/server.$_") } qw(crt key);
my $data = $t->cluster->{data};

# The target shows the certificate DBBat made for itself: one is as good as the other here.
$t->cluster->tls(map { "$state/server.$_" } qw(crt key));
$t->cluster->sql('postgres', "ALTER SYSTEM SET ssl_ca_file = 'server.crt'");
$t->cluster->sql('postgres', "CREATE ROLE certain LOGIN PASSWORD 'c'; CREATE ROLE reader LOGIN PASSWORD 'r'");
open(my $hba, '+<', "$data/pg_hba.conf") or die $!;
my @lines = <$hba>;
seek $hba, 0, 0;
print $hba "hostssl all certain all scram-sha-256 clientcert=verify-ca\nhost all certain all reject\n", @lines;
close $hba;
$t->cluster->sql('postgres', 'SELECT pg_reload_conf()');
ok(poll_until(sub { $t->cluster->sql('postgres', 'SHOW ssl_ca_file') eq 'server.crt' }, 10), 'the target speaks TLS');

my $id = $t->database(DBBat::Test::DATABASE, host => 'localhost', ssl_mode => 'verify-full');
$t->access('john', 'write');
my $tls = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';

sub change { $t->must(PUT => "/api/databases/$id", {@_}) }
sub try { $t->psql('john', $_[0] // $tls) }

like(try()->{err}, qr/FATAL:  could not connect to the server of database "my_database"/, 'verify-full without a CA that fits: no');
unlike(try()->{err}, qr/localhost|certificate/, 'and not a word of where and why');
like($t->log, qr/my_database.*certificate/, 'which the log has');
my $shown = change(ssl_root_cert => $crt);
is($shown->{ssl_root_cert}, $crt, 'the CA is shown: it is no secret');
is(try()->{out}, "t\n", 'with the CA: yes, and verified');
change(host => '127.0.0.1');
is(try()->{exit}, 2, 'a name the certificate does not have: no');
change(ssl_mode => 'disable');
is(try()->{out}, "f\n", 'disable: no TLS');

change(ssl_mode => 'verify-ca', username => 'certain', password => 'c');
like(try()->{err}, qr/could not connect to the server/, 'a target that wants a client certificate');
is($t->api(PUT => "/api/databases/$id", { ssl_cert => $crt })->{json}{error}{field}, 'ssl_key', 'a certificate needs its key');
$shown = change(ssl_cert => $crt, ssl_key => $key);
ok(!exists $shown->{ssl_key}, 'the key is not shown');
is(try('SELECT current_user')->{out}, "certain\n", 'gets it');
change(ssl_cert => '', username => 'target', password => DBBat::Test::TARGET_PASSWORD);
is(try('SELECT current_user')->{out}, "target\n", 'an empty text takes the certificate away');

# several hosts: the first that answers
change(host => '127.0.0.9,127.0.0.1', ssl_mode => 'prefer');
is(try('SELECT 1')->{out}, "1\n", 'of several hosts one that answers is found');
change(host => '127.0.0.1');

# the second role
$t->access('mary', 'read');
is($t->psql('mary', 'SELECT current_user')->{out}, "target\n", 'a read grant uses the one role there is');
is($t->api(PUT => "/api/databases/$id", { read_username => 'reader' })->{json}{error}{field}, 'read_password', 'a second one needs its password');
$shown = change(read_username => 'reader', read_password => 'r');
ok(!exists $shown->{read_password}, 'the password is not shown');
is($t->psql('mary', 'SELECT current_user')->{out}, "reader\n", 'then a read grant uses that');
is(try('SELECT current_user')->{out}, "target\n", 'and a write grant the first');

# by hand
my $c = $t->login('john');
my ($open) = @{$t->must(GET => '/api/connections?active=true&username=john')->{connections}};
is($t->api(DELETE => "/api/connections/$open->{id}")->{status}, 202, 'an admin ends a connection');
my $e = DBBat::Client::error($c->receive(10));
is("$e->{S} $e->{C}", 'FATAL 57P01', 'and its client is told');
ok(poll_until(sub { $t->storage("SELECT ended_at IS NOT NULL FROM dbbat.connections WHERE id = $open->{id}") eq 't' }, 10), 'its end is recorded');
is($t->api(DELETE => "/api/connections/$open->{id}")->{status}, 409, 'there is no ending it twice');
is($t->api(DELETE => '/api/connections/999999')->{status}, 404, 'nor one that never was');

# a disabled user
$c = $t->login('john');
$t->must(PUT => '/api/users/' . $t->id(user => 'john'), { is_disabled => JSON::PP::true });
is(DBBat::Client::error($c->receive(10))->{C}, '57P01', 'disabling a user ends its sessions');
is($t->raw->login('john', DBBat::Test::password('john'), DBBat::Test::DATABASE)->{C}, '28P01', 'and it is nobody to the proxy');
is($t->api(GET => '/api/users', undef, as => 'john:' . DBBat::Test::password('john'))->{status}, 401, 'and to the API');
like($t->storage("SELECT string_agg(DISTINCT detail, ',') FROM dbbat.audit_events WHERE action = 'login.failed' AND actor = 'john'"),
	qr/disabled user/, 'the audit log knows why');
is($t->api(PUT => '/api/users/1', { is_disabled => JSON::PP::true })->{status}, 409, 'the last admin stays');
$t->must(PUT => '/api/users/' . $t->id(user => 'john'), { is_disabled => JSON::PP::false });
is($t->psql('john', 'SELECT 1')->{out}, "1\n", 'enabled again');

$t->done;
