# The cases of t/read-only in other clothes: see vary.py. Not part of make check; some minutes with the defaults.
#
#	make check-only T=t/read-only/vary.t [PER_CASE=4] [SEED=1]
#
# No variant of an attack may escape, whatever its own verdict, unless its case is in the residue; and no variant
# of what must work may fail by our doing. The server may have reasons of its own: DISCARD ALL in a block.
use DBBat::Test;
use DBBat::Cases;
use JSON::PP;

use constant DIR => 't/read-only';
my $per_case = $ENV{PER_CASE} // 4;
my $seed = $ENV{SEED} // 1;
alarm(0);

sub variants
{
	my ($kind) = @_;
	my $r = run(cmd => ['python3', DIR . '/vary.py', $per_case, $seed, $kind, map { DIR . "/$_.jsonl" }
		$kind eq 'attack' ? qw(attack-cases more-attacks) : qw(must-work more-must-work)], timeout => 60);
	die $r->{err} if $r->{exit} != 0;
	return map { decode_json($_) } split /\n/, $r->{out};
}

# what a pipeline of transactions is told, and what is newer than the grammar in a statement around it
my $ours = qr/^(?!.*may not stand behind|.*grammar).*(?:DBBat|grant)/;

for my $role (qw(owner low)) {
	my $c = DBBat::Cases->new(parts => 2, role => $role);
	my %known = $c->residue;
	my @attacks = variants('attack');
	my @escaped = grep { $_->{verdict} eq 'ESCAPED' && !$known{($_->{id} =~ /^(.*)~/)[0]} } $c->judge(@attacks);
	is(join(' ', map { $_->{id} } @escaped), '', "$role: none of " . @attacks . ' variants of attacks escapes')
		or diag(join "\n", map { encode_json($_) } @escaped);
	for my $as ($role eq 'owner' ? qw(owner super) : 'low') {
		my @work = map { { %$_, role => $as } } variants('must-work');
		my @failed = grep { grep { $_ =~ $ours } @{$_->{errors} // []} } $c->judge(@work);
		is(join(' ', map { $_->{id} } @failed), '', "$as: none of " . @work . ' variants of what must work is refused')
			or diag(join "\n", map { encode_json($_) } @failed);
	}
	$c->test->done if $role eq 'low';
}
