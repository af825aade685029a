#!/usr/bin/perl
# Every option of src/conf/conf_options.def is in etc/dbbat.conf and in
# man/dbbat.conf.5, with its default, range and words, and nothing else is.
use strict;
use warnings;
use Test::More;

sub slurp {
	my ($path) = @_;
	open my $fh, '<', $path or BAIL_OUT("$path: $! (run this from the top of the tree)");
	local $/;
	return <$fh>;
}

# --- the list ------------------------------------------------------------------

my (%option, @order);
(my $def = slurp('src/conf/conf_options.def')) =~ s{/\*.*?\*/}{}gs;
while ($def =~ /^CONF_([A-Z]+)\((\w+),\s*"([^"]*)"(?:,\s*(.*?))?\)\s*$/mg) {
	my ($kind, $name, $default, $rest) = ($1, $2, $3, $4 // '');
	my %o = (kind => $kind, default => $default);
	@o{qw(min max)} = split /,\s*/, $rest if $kind =~ /^(NUMBER|DURATION|SIZE)$/;
	$o{words} = [$rest =~ /"([^"]+)"/g] if $kind eq 'CHOICE';
	$option{$name} = \%o;
	push @order, $name;
}
my $entries = () = $def =~ /^CONF_/mg;
is(scalar @order, $entries, 'every line of conf_options.def was understood');
cmp_ok($entries, '>', 20, 'there are options');

# --- etc/dbbat.conf ------------------------------------------------------------

my (%in_conf, @conf_order);
for my $line (split /\n/, slurp('etc/dbbat.conf')) {
	next if $line =~ /^\s*$/ || $line =~ /^#(?: |$)/;
	if ($line =~ /^#(\w+) =(?: (\S.*))?$/) {
		ok(!exists $in_conf{$1}, "etc/dbbat.conf: $1 is there once");
		$in_conf{$1} = $2 // '';
		push @conf_order, $1;
	} else {
		fail("etc/dbbat.conf: neither a comment nor an option in one: $line");
	}
}
for my $name (@order) {
	is($in_conf{$name}, $option{$name}{default}, "etc/dbbat.conf: the default of $name");
}
is_deeply([grep { !$option{$_} } @conf_order], [], 'etc/dbbat.conf has no option that does not exist');

# --- man/dbbat.conf.5 ------------------------------------------------------------

# A number with a unit as conf_options.def has it: milliseconds, bytes, or itself.
my %unit = (
	NUMBER	 => { '' => 1 },
	DURATION => { ms => 1, s => 1000, min => 60_000, h => 3_600_000, d => 86_400_000 },
	SIZE	 => { B => 1, kB => 1 << 10, MB => 1 << 20, GB => 1 << 30 },
);

sub plain {
	my ($kind, $text) = @_;
	return 0 if $text eq '0';
	my ($n, $u) = $text =~ /^(\d+)([a-zA-Z]*)$/ or return "not a value: $text";
	my $factor = $unit{$kind}{$u} or return "not a unit: $text";
	return $n * $factor;
}

my (%in_man, @man_order);
my ($options) = slurp('man/dbbat.conf.5') =~ /^\.Sh OPTIONS\n(.*?)^\.Sh /ms
    or BAIL_OUT('man/dbbat.conf.5 has no section OPTIONS');
for my $item (split /^(?=\.It )/m, $options) {
	next unless $item =~ s/^\.It Ic (\w+) No = (.*)\n//;
	my ($name, $value) = ($1, $2);
	ok(!exists $in_man{$name}, "man page: $name is there once");
	$in_man{$name} = { value => $value, text => $item };
	push @man_order, $name;
}
for my $name (@order) {
	my $o = $option{$name};
	my $m = $in_man{$name};
	ok($m, "man page: $name is there") or next;
	if ($o->{default} ne '') {
		my ($default) = $m->{text} =~ /^Default:\n\.Ql (\S+) \.$/m;
		is($default, $o->{default}, "man page: the default of $name");
	} else {
		unlike($m->{text}, qr/^Default:\n\.Ql/m, "man page: $name has no fixed default");
	}
	if (exists $o->{min}) {
		my ($min, $max) = $m->{text} =~ /^Accepted: (\S+) to (\S+?)\.$/m;
		is(plain($o->{kind}, $min // 'no range'), $o->{min}, "man page: the least of $name");
		is(plain($o->{kind}, $max // 'no range'), $o->{max}, "man page: the most of $name");
		is($m->{value}, 'Ar ' . lc $o->{kind}, "man page: the kind of $name");
	} elsif ($o->{words}) {
		is($m->{value}, 'Cm ' . join(' | ', @{$o->{words}}), "man page: the words of $name");
	} elsif ($o->{kind} eq 'BOOLEAN') {
		is($m->{value}, 'Ar boolean', "man page: the kind of $name");
	} else {
		like($m->{value}, qr/^Ar (string|path)$/, "man page: the kind of $name");
	}
}
is_deeply([grep { !$option{$_} } @man_order], [], 'the man page has no option that does not exist');
is_deeply(\@conf_order, \@man_order, 'dbbat.conf and the man page have the options in the same order');

done_testing;
