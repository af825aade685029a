# TCP ports for tests that run at the same time: outside of the range that the
# kernel hands out, and reserved by a lock that lasts as long as the test.
package DBBat::Port;

use strict;
use warnings;

use Exporter 'import';
use Fcntl ':flock';
use File::Path qw(make_path);
use IO::Socket::INET;
use Socket qw(SOCK_STREAM);

use DBBat::Process qw(build_dir);

our @EXPORT_OK = qw(free_port);
my @locks;

sub free_port
{
	my $dir = build_dir() . '/t/ports';
	make_path($dir);
	for (1 .. 200) {
		my $port = 20000 + int(rand(12000));
		open(my $lock, '>>', "$dir/$port") or die "$dir/$port: $!";
		next if !flock($lock, LOCK_EX | LOCK_NB);
		my $probe = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
			Proto => 'tcp', Listen => 1) or next;
		close $probe;
		push @locks, $lock;
		return $port;
	}
	die 'no free port';
}

1;
