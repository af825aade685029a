#!/usr/bin/perl
# How long after its API call a revocation reaches a session: from the moment the call is sent (and from the one it is
# answered) to the FATAL at the client, on the same node and on another, for a session that is idle, hangs in a statement, or is
# in the middle of a result. Run from the top of the tree, on what is built:
#	DBBAT_PROGRAM=$PWD/dbbat DBBAT_BUILD=$PWD/build perl -It/lib t/bench/revoke.pl [ROUNDS]
use DBBat::Test;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(time sleep);

my $rounds = shift // 20;
my $t = DBBat::Test->start;
my $node = $t->node(key => $t->daemon->{env}{DBB_KEY});
my %doing = (
	idle => undef,
	hanging => 'SELECT pg_sleep(3600)',
	result => "SELECT repeat('x', 1000), generate_series(1, 100000000)",
);

# Without curl, whose start would be a part of what is measured.
sub revoke
{
	my ($port, $id) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die $!;
	my $start = time;
	print $s "DELETE /api/grants/$id HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Basic ",
		encode_base64('admin:admin', ''), "\r\n\r\n";
	my $answer = <$s>;
	$answer =~ / 200 / or die $answer;
	return ($start, time);
}

my $serial = 0;
for my $where (['same node', $t->daemon->{api_port}], ['other node', $node->{api_port}]) {
	for my $what (sort keys %doing) {
		my (@sent, @answered);
		for (1 .. $rounds) {
			my $user = 'user' . ++$serial;
			my $grant = $t->access($user, 'write');
			my $c = $t->login($user);
			$c->send_raw(DBBat::Client::query_message($doing{$what})) if $doing{$what};
			sleep 0.1;
			my ($start, $done) = revoke($where->[1], $grant);
			my $m = $c->receive;
			$m = $c->receive while $m && $m->{type} ne 'E';
			my $now = time;
			die 'no 57P01' if !$m || DBBat::Client::error($m)->{C} ne '57P01';
			push @sent, 1000 * ($now - $start);
			push @answered, 1000 * ($now - $done);
		}
		my ($s, $a) = map { [sort { $a <=> $b } @$_] } \@sent, \@answered;
		printf "%-10s  %-8s  from the call: median %6.1f ms, worst %6.1f ms; from its answer: median %6.1f ms, worst %6.1f ms\n",
			$where->[0], $what, $s->[@$s / 2], $s->[-1], $a->[@$a / 2], $a->[-1];
	}
}
$_->stop('INT') for $node, $t->daemon;
