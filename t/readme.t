# README's table has every option with its default, and no other.
use strict;
use warnings;
use Test::More;

sub slurp { open(my $f, '<', $_[0]) or die "$_[0]: $!"; local $/; return scalar <$f>; }

my %default = slurp('src/conf/conf_options.def') =~ /^CONF_\w+\((\w+), "([^"]*)"/mg;
my ($table) = slurp('README') =~ /^    option +default +what it is\n(.*?)\n\n/ms;
my %told;
for (split /\n/, $table) {
	# an empty default is blank, or a note such as (1)
	my ($name, $value) = unpack 'x4 A19 A15', sprintf '%-40s', $_;
	$value =~ s/^\(\d\)//;
	$value =~ s/\s+$//;
	$told{$name} = $value;
}

cmp_ok(scalar keys %default, '>', 20, 'there are options');
is_deeply([sort keys %told], [sort keys %default], 'README has every option');
is($told{$_}, $default{$_}, "the default of $_") for sort grep { defined $told{$_} } keys %default;
done_testing;
