# How dbbat starts, and how it says why it does not.
use DBBat::Test;

my $t = DBBat::Test->start(serve => 0);
my $d = $t->daemon;
my $key = $d->{env}{DBB_KEY};

sub dbbat { return DBBat::Daemon::command(@_); }

# --- the command line ---------------------------------------------------------------

like(dbbat(['-V'])->{out}, qr/^dbbat \d+\.\d+/, '-V prints the version');
my $r = dbbat(['-h']);
is($r->{exit}, 0, '-h succeeds');
like($r->{out}, qr/keygen.*migrate/s, '-h names the subcommands');
isnt(dbbat(['--no-such-option'])->{exit}, 0, 'an unknown flag fails');
isnt(dbbat(['no-such-command'])->{exit}, 0, 'an unknown subcommand fails');

like(DBBat::Daemon::keygen(), qr{^[A-Za-z0-9+/]{43}=$}, 'keygen prints 32 bytes in base64');
isnt(DBBat::Daemon::keygen(), DBBat::Daemon::keygen(), 'another one each time');

# --- bad values: exit 78 and one line that names the option ----------------------------

sub refused
{
	my ($what, $pattern, $env, @args) = @_;
	my %env = (%{$d->{env}}, %$env);
	delete @env{grep { !defined $env{$_} } keys %env};
	for my $flag ('-n', '-f') {
		my $got = dbbat([$flag, @args], env => \%env);
		is($got->{exit}, 78, "$what: exit 78 with $flag");
		my @lines = split /\n/, $got->{err};
		is(scalar @lines, 1, "$what: one line") or diag($got->{err});
		like($lines[0] // '', $pattern, "$what: the line says it");
		unlike($got->{err} . $got->{out}, qr/\Q$key\E/, "$what: the key is not shown");
	}
}

sub file
{
	my ($name, $text, $mode) = @_;
	my $path = scratch_dir() . "/$name";
	open(my $fh, '>', $path) or die $!;
	print $fh $text;
	close $fh;
	chmod($mode // 0600, $path);
	return $path;
}

my $ok = dbbat(['-n'], env => $d->{env});
is($ok->{exit}, 0, '-n accepts a good configuration') or diag($ok->{err});
unlike($ok->{out} . $ok->{err}, qr/\Q$key\E|of-the-storage/, '-n shows no secret');
like(dbbat(['-n'], env => { %{$d->{env}}, DBB_MAX_SESION => 5 })->{err}, qr/DBB_MAX_SESION/, 'an unknown name in the environment is warned about');

refused('no dsn', qr/dsn/i, { DBB_DSN => undef });
refused('no key', qr/key/i, { DBB_KEY => undef });
refused('a short key', qr/DBB_KEY|key/, { DBB_KEY => 'c2hvcnQ=' });
refused('a key that is not base64', qr/DBB_KEY|key/, { DBB_KEY => '*' x 44 });
refused('a bad number', qr/DBB_MAX_SESSIONS/, { DBB_MAX_SESSIONS => '12x' });
refused('a number out of range', qr/DBB_MAX_SESSIONS/, { DBB_MAX_SESSIONS => '0' });
refused('a bad duration', qr/DBB_LOGIN_TIMEOUT/, { DBB_LOGIN_TIMEOUT => '5 parsecs' });
refused('a bad word', qr/DBB_AUTH_METHOD/, { DBB_AUTH_METHOD => 'md5' });
refused('a bad address', qr/listen_pg/i, { DBB_LISTEN_PG => '127.0.0.1:99999' });
refused('an absent file', qr{/nowhere/dbbat.conf}, {}, '-c', '/nowhere/dbbat.conf');

my $conf = file('bad.conf', "# comment\nmax_sessions = 10\nmin_spare = many\n");
refused('a bad value in a file', qr/\Q$conf\E:3: min_spare/, {}, '-c', $conf);
$conf = file('unknown.conf', "\nno_such_option = 1\n");
refused('an unknown option in a file', qr/\Q$conf\E:2: no_such_option/, {}, '-c', $conf);

# --- the key file -------------------------------------------------------------------------

refused('an absent key file', qr/keyfile/i, { DBB_KEY => undef, DBB_KEYFILE => '/nowhere/key' });
my $keyfile = file('key', "$key\n", 0644);
refused('a key file that others can read', qr/keyfile|\Q$keyfile\E/i, { DBB_KEY => undef, DBB_KEYFILE => $keyfile });
chmod(0600, $keyfile);
my %with_file = (%{$d->{env}}, DBB_KEYFILE => $keyfile);
delete $with_file{DBB_KEY};
is(dbbat(['-n'], env => \%with_file)->{exit}, 0, 'a private key file is accepted');

# --- the order of layers, and the old names ---------------------------------------------------

$conf = file('good.conf', "max_sessions = 0 # the environment wins\n");
isnt(dbbat(['-n', '-c', $conf], env => $d->{env})->{exit}, 0, 'a value of the file is read');
my %old = (%{$d->{env}}, PGL_DSN => $t->dsn, PGL_KEY => $key, PGL_LISTEN_ADDR => ':5432', PGL_API_ADDR => ':8080');
delete @old{qw(DBB_DSN DBB_KEY DBB_LISTEN_PG DBB_LISTEN_API)};
$r = dbbat(['-n'], env => \%old);
is($r->{exit}, 0, 'the names of PgLens are accepted') or diag($r->{err});
like($r->{err}, qr/\Q$_\E/, "with a warning about $_") for qw(PGL_DSN PGL_KEY PGL_LISTEN_ADDR PGL_API_ADDR);

# --- storage ------------------------------------------------------------------------------------

$r = dbbat(['migrate'], env => $d->{env});
is($r->{exit}, 0, 'migrate works on an empty storage') or diag($r->{err});
$r = dbbat(['migrate'], env => $d->{env});
is($r->{exit}, 0, 'and once more') or diag($r->{err});
is($t->storage('SELECT username, is_admin FROM dbbat.users'), 'admin|t', 'there is one user, the admin');
$t->storage('DROP SCHEMA dbbat CASCADE');

# Two nodes at once, on an empty storage.
my $other = $t->node(key => $key, start => 0);
$_->launch for $d, $other;
$_->wait_ready for $d, $other;
is($t->storage('SELECT count(*) FROM dbbat.users'), 1, 'two nodes that start at once make one admin');
is($t->api(GET => '/api/users')->{status}, 200, 'the first serves');
is($t->api(GET => '/api/users', undef, port => $other->{api_port})->{status}, 200, 'the second serves');
$other->check_end;

my $third = $t->node(key => $key, start => 0, env => {
	DBB_LISTEN_PG => "127.0.0.1:$d->{pg_port}" });
$third->launch;
ok($third->{process}->wait(20), 'a node whose port is taken ends');
isnt($third->{process}->exit_code, 0, 'with an error');
like($third->log, qr/$d->{pg_port}/, 'that names the port');

my $wrong = $t->node(env => {
	DBB_DSN => $t->cluster->dsn('storage', 'storage', 'wrong') }, start => 0);
$wrong->launch;
ok($wrong->{process}->wait(30), 'a node that cannot open its storage ends');
isnt($wrong->{process}->exit_code, 0, 'with an error');
unlike($wrong->log, qr/password=/, 'that does not show the password');

$t->done;
