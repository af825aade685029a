# The cases of t/read-only through dbbat: what a read grant must survive, and what must keep working. Each
# part of them has a cluster of its own, because a case may change anything in one; parts run side by side.
#
#	my $c = DBBat::Cases->new(parts => 2, role => 'owner');
#	$c->attacks;		# nothing escapes but what t/read-only/residue names
#	$c->must_work;
package DBBat::Cases;

use strict;
use warnings;

use JSON::PP;
use Test::More;

use DBBat::Cluster;
use DBBat::Process qw(spawn slurp scratch_dir patience);
use DBBat::Test ();

use constant DIR => 't/read-only';

# What the stored role of each logical database is called in fixture.sql.
my %roles = (
	owner => { username => 'app_owner', password => 'ownerpw' },
	super => { username => 'app_super', password => 'superpw' },
	low => { username => 'app_ro', password => 'ropw' },
);

# CASES=a|b in the environment: these alone.
sub read_cases
{
	my ($file) = @_;
	my @cases = map { decode_json($_) } grep { /^\{/ } split /\n/, slurp(DIR . "/$file");
	my $wanted = $ENV{CASES} or return @cases;
	return grep { $_->{id} =~ /^(?:$wanted)$/ } @cases;
}

# parts: how many run at once. role: who the cases without a role of their own run as.
sub new
{
	my ($class, %o) = @_;
	my $test = DBBat::Test->start(env => $o{env}, conf => _conf());
	my $self = bless { test => $test, role => $o{role} // 'owner', clusters => [$test->cluster] }, $class;

	push @{$self->{clusters}}, DBBat::Cluster->new(conf => _conf()) while @{$self->{clusters}} < $o{parts};
	$test->user('john');
	for my $n (0 .. $#{$self->{clusters}}) {
		for my $role (keys %roles) {
			$test->database("$role$n", port => $self->{clusters}[$n]->port, database_name => 'dbb_target', %{$roles{$role}});
			$test->grant('john', "$role$n", 'read');
		}
	}
	return $self;
}

# wal_level and slots are for the cases that would use them. Nothing here has to survive.
sub _conf
{
	return { wal_level => 'logical', max_prepared_transactions => 10, full_page_writes => 'off',
		synchronous_commit => 'off', max_wal_size => '4GB' };
}

sub test { $_[0]{test} }

# The residue of this role: what is known to escape, with what the check of the database names it by.
sub residue
{
	my ($self) = @_;
	my %known;
	for (grep { !/^(?:#|$)/ } split /\n/, slurp(DIR . '/residue')) {
		my ($id, $roles, $named) = /^(\S+)\s+(\S+)\s+(\S+)\s+\S/ or die "residue: $_";
		$known{$id} = $named if grep { $_ eq $self->{role} } split /,/, $roles;
	}
	return %known;
}

# What the checks of the databases name, each as kind:name.
sub named
{
	my ($self) = @_;
	my $t = $self->{test};
	my %found;
	for my $db (grep { $_->{name} =~ /^(?:$self->{role}|super)0$/ } @{$t->must(GET => '/api/databases')->{databases}}) {
		my $report = $t->must(POST => "/api/databases/$db->{id}/check");
		for my $f (@{$report->{findings}}, @{$report->{remarks}}) {
			$found{"$f->{kind}:" . s/^(?:\w+ )?(?:public\.)?(\w+).*/$1/r} = 1 for @{$f->{names}};
		}
	}
	return %found;
}

# Fails on what escapes and is not in the residue, and on what is and does not escape any more.
sub attacks
{
	my ($self, @files) = @_;
	my %known = $self->residue;
	my @cases = map { read_cases($_) } @files;

	my @results = $self->judge(@cases);
	my %named = $self->named;
	for my $r (@results) {
		my $escaped = $r->{verdict} eq 'ESCAPED';
		my $by = delete $known{$r->{id}};
		if (defined $by) {
			ok($escaped, "$r->{id} is in the residue and does escape");
			ok($by eq '-' || $named{$by}, "and is named by the check of the database: $by") or diag(join(' ', sort keys %named));
		} else {
			ok(!$escaped, "$r->{id} changes nothing") or diag(encode_json([$r->{changed}, $r->{errors}]));
		}
	}
	is(join(' ', sort keys %known), '', 'the residue names nothing that is not a case') if !$ENV{CASES};
}

# as: the role that cases run as, if not their own.
sub must_work
{
	my ($self, $as, @files) = @_;
	my @cases = map { { %$_, role => $as } } map { read_cases($_) } @files;

	for my $r ($self->judge(@cases)) {
		is($r->{verdict}, 'ok', "$r->{id} works as $as") or diag(encode_json($r->{errors}));
	}
}

# The cases' results, in no order.
sub judge
{
	my ($self, @cases) = @_;
	my @parts = map { [] } @{$self->{clusters}};
	my ($i, @running, @results) = (0);

	# those that begin with a new database are slow: all of them are dealt out evenly
	push @{$parts[$i++ % @parts]}, $_ for sort { !!$a->{setup} <=> !!$b->{setup} } @cases;
	for my $n (0 .. $#parts) {
		my $stem = scratch_dir() . '/cases' . ++our $serial;
		open(my $file, '>:raw', "$stem.jsonl") or die "$stem.jsonl: $!";
		print $file JSON::PP->new->ascii->encode($_), "\n" for @{$parts[$n]};
		close $file;
		push @running, { out => "$stem.out", process => $self->_start($n, "$stem.jsonl", "$stem.out") };
	}
	for (@running) {
		$_->{process}->wait(900 * patience()) or die 'the cases take too long';
		push @results, map { decode_json($_) } split /\n/, slurp($_->{out});
	}
	die "not every case has a result: " . join '', map { $_->{process}->err } @running
		if @results != @cases;
	return @results;
}

sub _start
{
	my ($self, $n, $cases, $out) = @_;
	my $t = $self->{test};
	my $password = DBBat::Test::password('john');

	return spawn(cmd => ['python3', DIR . '/run_cases.py', '--host', '127.0.0.1', '--port', $t->daemon->{pg_port},
		'--user', 'john', '--password', $password, '--dbname', "$self->{role}$n",
		'--super-user', 'john', '--super-password', $password, '--super-dbname', $self->{role} eq 'low' ? "low$n" : "super$n",
		'--direct-dsn', 'host=127.0.0.1 port=' . $self->{clusters}[$n]->port . ' user=postgres password='
			. DBBat::Cluster::SUPERUSER_PASSWORD . ' dbname=dbb_target',
		'--timeout', 4 * patience(), '--cases', $cases, '--init', '--quiet', '--out', $out]);
}

1;
