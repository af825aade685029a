#!/usr/bin/perl
# Every source begins with a comment that says what it is for. Long files are
# pointed out, not refused.
use strict;
use warnings;
use File::Find;
use Test::More;

my @files;
find({ no_chdir => 1, wanted => sub { push @files, $_ if -f && /\.(c|h|def)$/ } }, grep { -d } qw(src t));
cmp_ok(scalar @files, '>', 10, 'there are sources') or BAIL_OUT('run this from the top of the tree');

my @bare;
for my $file (sort @files) {
	open my $fh, '<', $file or die "$file: $!";
	my @lines = <$fh>;
	push @bare, $file unless @lines && $lines[0] =~ m{^/\*};
	diag("$file has " . @lines . ' lines') if @lines > 600 && $file !~ /\.def$/;
}
is_deeply(\@bare, [], 'every source begins with a comment') or diag(join "\n", @bare);

done_testing;
