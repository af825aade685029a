# A client that speaks protocol 3 byte by byte: for what psql would never send.
package DBBat::Client;

use strict;
use warnings;

use Digest::SHA qw(sha256 hmac_sha256);
use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64 decode_base64);

use DBBat::Process qw(patience);

sub new
{
	my ($class, $port) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 10)
		or die "connect to port $port: $!";
	binmode $socket;
	return bless { socket => $socket, in => '', parameters => {}, status => '' }, $class;
}

sub send_raw
{
	my ($self, @bytes) = @_;
	local $SIG{PIPE} = 'IGNORE';
	my $data = join '', @bytes;
	my $at = 0;
	while ($at < length $data) {
		my $n = syswrite($self->{socket}, $data, length($data) - $at, $at);
		return 0 if !defined $n;
		$at += $n;
	}
	return 1;
}

sub close { CORE::close($_[0]{socket}) }

# Reads until there are n bytes: false at the end of the stream or after so many seconds.
sub _fill
{
	my ($self, $n, $seconds) = @_;
	my $select = IO::Select->new($self->{socket});
	my $until = time + ($seconds // 20) * patience();
	while (length($self->{in}) < $n) {
		$self->{timed_out} = 1, return 0 if !$select->can_read($until - time > 0 ? $until - time : 0.01);
		my $got = sysread($self->{socket}, $self->{in}, 65536, length $self->{in});
		$self->{eof} = 1, return 0 if !$got;
	}
	return 1;
}

sub read_bytes
{
	my ($self, $n, $seconds) = @_;
	return $self->_fill($n, $seconds) ? substr($self->{in}, 0, $n, '') : undef;
}

# True when the server has closed the connection, and sent nothing more.
sub closed
{
	my ($self, $seconds) = @_;
	return !$self->_fill(length($self->{in}) + 1, $seconds) && $self->{eof} && $self->{in} eq '';
}

# The next message, { type, body }, or undef.
sub receive
{
	my ($self, $seconds) = @_;
	$self->_fill(5, $seconds) or return undef;
	my ($type, $length) = unpack 'aN', $self->{in};
	$self->_fill(1 + $length, $seconds) or return undef;
	my $m = { type => $type, body => substr($self->{in}, 5, $length - 4) };
	substr($self->{in}, 0, 1 + $length) = '';
	$self->{status} = $m->{body} if $type eq 'Z';
	push @{$self->{notices}}, $m if $type eq 'N';
	if ($type eq 'S') {
		my ($name, $value) = split /\0/, $m->{body};
		$self->{parameters}{$name} = $value;
	}
	return $m;
}

# Messages up to and with ReadyForQuery, or what came before the stream ended.
sub receive_ready
{
	my ($self, $seconds) = @_;
	my @messages;
	while (my $m = $self->receive($seconds)) {
		push @messages, $m;
		last if $m->{type} eq 'Z';
	}
	return @messages;
}

# "T D D C Z:I", "E:25006 Z:E": enough to compare conversations.
sub summary
{
	return join ' ', map {
		$_->{type} eq 'E' ? 'E:' . error($_)->{C} : $_->{type} eq 'Z' ? "Z:$_->{body}" : $_->{type}
	} grep { $_->{type} !~ /[SNA]/ } @_;
}

# The fields of an ErrorResponse or NoticeResponse by their letters.
sub error
{
	my ($m) = @_;
	return { map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $m->{body} };
}

# Values of the rows, NULL as undef.
sub rows
{
	my @rows;
	for my $m (grep { $_->{type} eq 'D' } @_) {
		my ($n, $rest) = unpack 'na*', $m->{body};
		my @row;
		for (1 .. $n) {
			my $length = unpack 'l>', substr($rest, 0, 4, '');
			push @row, $length < 0 ? undef : substr($rest, 0, $length, '');
		}
		push @rows, \@row;
	}
	return @rows;
}

# --- messages to send -----------------------------------------------------------

sub message { my ($type, $body) = @_; return $type . pack('N', 4 + length $body) . $body; }
sub query_message { return message('Q', "$_[0]\0"); }
sub parse { my ($name, $sql, @types) = @_; return message('P', "$name\0$sql\0" . pack('n N*', scalar @types, @types)); }
sub bind { my ($portal, $statement, @values) = @_; return bind_for($portal, $statement, [], @values); }
# The same with format codes for the result: [] is text, [1] binary.
sub bind_for
{
	my ($portal, $statement, $formats, @values) = @_;
	return message('B', "$portal\0$statement\0" . pack('n n', 0, scalar @values)
		. join('', map { defined ? pack('N/a*', $_) : pack('N', 0xffffffff) } @values) . pack('n n*', scalar @$formats, @$formats));
}
sub describe { my ($kind, $name) = @_; return message('D', "$kind$name\0"); }
sub close_message { my ($kind, $name) = @_; return message('C', "$kind$name\0"); }
sub execute { my ($portal, $max) = @_; return message('E', "$portal\0" . pack('N', $max // 0)); }
sub sync { return message('S', ''); }
sub flush { return message('H', ''); }
sub terminate { return message('X', ''); }
# Parse, Bind and Execute of one statement, unnamed.
sub extended { my ($sql, @values) = @_; return parse('', $sql) . DBBat::Client::bind('', '', @values) . execute('', 0); }

sub query
{
	my ($self, $sql, $seconds) = @_;
	$self->send_raw(query_message($sql));
	return $self->receive_ready($seconds);
}

# --- login ------------------------------------------------------------------------

sub startup_packet
{
	my (%parameters) = @_;
	my $body = pack('N', 0x30000) . join('', map { "$_\0$parameters{$_}\0" } sort keys %parameters) . "\0";
	return pack('N', 4 + length $body) . $body;
}

# undef, or the fields of the error that ended it.
sub login
{
	my ($self, $user, $password, $database, %parameters) = @_;
	$self->send_raw(startup_packet(user => $user, database => $database, %parameters));
	my $scram;
	while (my $m = $self->receive) {
		return error($m) if $m->{type} eq 'E';
		if ($m->{type} eq 'K') {
			($self->{pid}, $self->{secret}) = unpack 'Na*', $m->{body};
		} elsif ($m->{type} eq 'R') {
			my ($code, $data) = unpack 'Na*', $m->{body};
			if ($code == 3) {
				$self->send_raw(message('p', "$password\0"));
			} elsif ($code == 10) {
				$self->send_raw($self->scram_first);
			} elsif ($code == 11) {
				$self->send_raw($self->scram_final($password, $data));
			} elsif ($code == 12) {
				$data eq 'v=' . $self->{scram}{signature} or die 'the server does not know the password';
			}
		}
		return undef if $m->{type} eq 'Z';
	}
	return { C => '', M => 'connection closed' };
}

sub scram_first
{
	my ($self) = @_;
	my $nonce = join '', map { ('a' .. 'z')[rand 26] } 1 .. 20;
	$self->{scram} = { nonce => $nonce, bare => "n=,r=$nonce" };
	my $first = "n,,n=,r=$nonce";
	return message('p', "SCRAM-SHA-256\0" . pack('N', length $first) . $first);
}

# As costly as it is meant to be, so once for each password.
my %salted;
sub _salted
{
	my ($password, $salt, $iterations) = @_;
	return $salted{"$iterations $salt $password"} //= do {
		my $u = my $salted = hmac_sha256(decode_base64($salt) . pack('N', 1), $password);
		for (2 .. $iterations) {
			$u = hmac_sha256($u, $password);
			$salted ^= $u;
		}
		$salted;
	};
}

sub scram_final
{
	my ($self, $password, $server_first) = @_;
	my ($nonce, $salt, $iterations) = $server_first =~ /^r=([^,]+),s=([^,]+),i=(\d+)$/ or die "server-first: $server_first";
	$nonce =~ /^\Q$self->{scram}{nonce}\E./ or die 'the nonce is not an extension of ours';
	@{$self->{scram}}{qw(salt iterations)} = ($salt, $iterations);

	my $salted = _salted($password, $salt, $iterations);
	my $client_key = hmac_sha256('Client Key', $salted);
	my $without_proof = "c=biws,r=$nonce";
	my $auth = "$self->{scram}{bare},$server_first,$without_proof";
	my $proof = $client_key ^ hmac_sha256($auth, sha256($client_key));
	$self->{scram}{signature} = encode_base64(hmac_sha256($auth, hmac_sha256('Server Key', $salted)), '');
	return message('p', "$without_proof,p=" . encode_base64($proof, ''));
}

1;
