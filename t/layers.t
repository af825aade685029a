#!/usr/bin/perl
# src/README's promise: no layer includes from a higher one, the pure layers see
# base/ only, and each library has its few users.
use strict;
use warnings;
use File::Find;
use Test::More;

open my $mk, '<', 'Makefile' or BAIL_OUT("Makefile: $! (run this from the top of the tree)");
my ($list) = map { /^LAYERS\s*:=\s*(.*?)\s*$/ ? $1 : () } <$mk>;
my @layers = split ' ', $list // '';
cmp_ok(scalar @layers, '>', 5, 'the Makefile has the layers');
my %height = map { $layers[$_] => @layers - $_ } 0 .. $#layers;

my %pure = map { $_ => 1 } qw(policy wire);
my %embeds = map { $_ => 1 } qw(store keeper record api janitor check);	# the generated store_sql.h

# Which files may include what: header, then files. The first row that fits counts.
my @libraries = (
	[qr{^(libpq-fe|libpq/.*|postgres_ext)\.h$},
	    qr{^src/(store|record|keeper|api|check)/|^src/session/session_target[^/]*$}, 'libpq'],
	[qr{^argon2\.h$},		qr{^src/crypto/},	'libargon2'],
	[qr{^openssl/(ssl|tls1|ssl3)\.h$}, qr{^src/net/},	'libssl'],
	[qr{^openssl/},			qr{^src/(crypto|net)/},	'libcrypto'],
	[qr{^pg_query[^/]*\.h$|^pg_query/}, qr{^src/policy/},	'libpg_query'],
);

my (@files, %wrong);
find({ no_chdir => 1, wanted => sub { push @files, $_ if -f && /\.(c|h|def)$/ } }, 'src');
cmp_ok(scalar @files, '>', 10, 'there are sources');

sub wrong {
	my ($rule, $file, $line, $header) = @_;
	push @{$wrong{$rule}}, "$file:$line includes $header";
}

for my $file (sort @files) {
	my ($layer) = $file =~ m{^src/(\w+)/};
	if (!defined $layer) {
		push @{$wrong{'placed'}}, "$file is in no layer" if $file ne 'src/main.c';
	} elsif (!$height{$layer}) {
		push @{$wrong{'placed'}}, "$file is in a layer that the Makefile does not have";
		next;
	} elsif ($file !~ m{^src/\Q$layer\E/\Q$layer\E[_.]}) {
		push @{$wrong{'placed'}}, "$file does not repeat its directory";
	}
	open my $fh, '<', $file or die "$file: $!";
	while (<$fh>) {
		next unless /^\s*#\s*include\s*([<"])([^>"]+)[>"]/;
		my ($mark, $header) = ($1, $2);
		for my $row (@libraries) {
			next unless $header =~ $row->[0];
			wrong($row->[2], $file, $., $header) unless $file =~ $row->[1];
			last;
		}
		next if $mark eq '<';
		if ($header eq 'store_sql.h') {
			wrong('generated', $file, $., $header) unless $embeds{$layer // ''};
			next;
		}
		my ($from) = $header =~ m{^(\w+)/};
		if (!$from || !$height{$from} || !-f "src/$header") {
			wrong('exists', $file, $., $header);
		} elsif (defined $layer) {
			wrong('downwards', $file, $., $header) if $height{$from} > $height{$layer};
			wrong('pure', $file, $., $header)
			    if $pure{$layer} && $from ne $layer && $from ne 'base';
		}
	}
}

sub none {
	my ($rule, $name) = @_;
	is_deeply($wrong{$rule} // [], [], $name) or diag(join "\n", @{$wrong{$rule}});
}
none('placed', 'every source is in a layer of the Makefile and repeats its name');
none('exists', 'an include in quotes names a layer and a file of it');
none('downwards', 'no layer includes from a higher one');
none('pure', 'policy and wire include base and themselves only');
none('generated', 'the embedded SQL is for those who speak to the storage');
none($_->[2], "$_->[2] has no other users than it should") for @libraries;

done_testing;
