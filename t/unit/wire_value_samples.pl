#!/usr/bin/perl
# Makes wire_value_samples.h: values as a PostgreSQL sends them, in text and in binary format.
#	wire_value_samples.pl CONNECTION-STRING > wire_value_samples.h
use strict;
use warnings;

my %values = (
	bool => ['true', 'false'],
	bytea => ['', '\x00ff10', 'a\\\\b'],
	'"char"' => ['a', ''],
	name => ['x', 'a name'],
	int8 => ['0', '-9223372036854775808', '9223372036854775807', '42'],
	int2 => ['-32768', '32767', '0'],
	int4 => ['-2147483648', '2147483647', '7'],
	text => ['', 'x', 'ä"\\ ,{}'],
	oid => ['0', '4294967295'],
	tid => ['(5,1)'], xid => ['4294967295', '3'], cid => ['7'],
	json => ['{"a": [1, null]}'], jsonb => ['{"a": [1, null, "ä"]}', '1.10'], xml => ['<a>b</a>'],
	cidr => ['192.168.0.0/16', '10.0.0.1/32', '2001:db8::/32', '::/0'],
	inet => ['192.168.0.1', '192.168.0.1/24', '::1', '::ffff:1.2.3.4', '2001:db8::1/64', '::1.2.3.4', 'fe80:0:0:1::'],
	float4 => [qw(0 -0 0.1 1e6 999999 1.5e-7 0.0001 0.00001 123456 1234567 NaN Infinity -Infinity 3.4028235e38 1e-45 1.17549435e-38 16777216 33554432 -1.5)],
	float8 => [qw(0 -0 0.1 1e15 999999999999999 123456789012345.67 1e14 1.5e-7 0.0001 0.00001 NaN Infinity -Infinity
		1.7976931348623157e308 5e-324 2.2250738585072014e-308 1e-310 9007199254740993 9007199254740992 1e23 0.3 -2.5 100 12345.678 3.0000000000000004)],
	macaddr8 => ['08:00:2b:01:02:03:04:05'], macaddr => ['08:00:2b:01:02:03'],
	money => ['0', '-1234567.89', '0.05', '-0.05', '92233720368547758.07', '-92233720368547758.08', '999.99'],
	bpchar => ['x', 'two  '], varchar => ['', 'y'],
	date => ['2000-01-01', '2024-02-29', '1999-12-31', '1900-03-01', '0001-01-01', '0001-12-31 BC', '0044-03-15 BC', '4714-11-24 BC',
		'5874897-12-31', '10000-01-01', 'infinity', '-infinity'],
	time => ['00:00:00', '23:59:59.999999', '24:00:00', '12:30:00.5'],
	timetz => ['12:00:00+00', '12:00:00.25-05:30', '23:59:59+15:59:59', '01:00:00-08'],
	timestamp => ['2000-01-01 00:00:00', '1999-12-31 23:59:59.999999', '2024-02-29 12:34:56.7', '4714-11-24 00:00:00 BC', '294276-12-31 23:59:59.999999',
		'0001-01-01 00:00:00', '0001-12-31 23:59:59.5 BC', 'infinity', '-infinity', '20000-01-01 00:00:00'],
	timestamptz => ['2000-01-01 00:00:00+00', '1969-12-31 23:59:59.999999+00', '2024-06-01 12:00:00+02', '0044-03-15 00:00:00+00 BC', 'infinity', '-infinity'],
	interval => ['0', '1 year 2 mons 3 days 04:05:06.789', '-1 year -2 mons +3 days -04:05:06', '1 mon -1 day', '-1 day 02:03:04', '5 days', '1000000:00:00',
		'-0.000001 sec', '-1 mon', '178000000 years', '-178000000 years', '1 year -1 mons', '13 mons', '-3 days +00:00:01'],
	bit => [], varbit => ['', '1', '0101', '111111110'],
	numeric => [qw(0 0.00 1.10 -1.10 100000000 0.00050 12345.678900 -0.0001 NaN Infinity -Infinity 9999 10000 99999999.99999999
		123456789012345678901234567890.123456789 1e50 1e-50 0.1 1000000.000001 0.00001234)],
	uuid => ['01234567-89ab-cdef-0123-456789abcdef'],
	pg_lsn => ['0/0', '16/B374D848', 'FFFFFFFF/FFFFFFFF'], xid8 => ['18446744073709551615'], jsonpath => ['$."a"[*]'],
	int4range => ['empty', '[1,5)', '(,5)', '[1,)', '(,)'], int8range => ['[-9223372036854775808,0)'],
	numrange => ['[1.5,2.25]', '(0,1)'], daterange => ['[2024-01-01,2024-02-01)', '[-infinity,infinity)'],
	tsrange => ['["2024-01-01 00:00:00","2024-01-02 12:00:00.5")', '(,"2024-01-02 00:00:00"]'],
	tstzrange => ['["2024-01-01 00:00:00+00","2024-01-02 00:00:00+00")'],
	'int4[]' => ['{}', '{1,NULL,-3}', '{{1,2},{3,4}}', '[0:1]={5,6}', '[-1:0][2:3]={{1,2},{3,4}}'],
	'text[]' => ['{}', '{a,"",NULL,"NULL","null","a b","a,b","{}","\\"","\\\\",ä}', '{{a,b},{c,d}}'],
	'bool[]' => ['{t,f,NULL}'], 'float8[]' => ['{1.5,NaN,0.1}'], 'numeric[]' => ['{1.10,NaN}'], 'uuid[]' => ['{01234567-89ab-cdef-0123-456789abcdef}'],
	'bytea[]' => ['{"\\\\x00ff","\\\\x"}'], 'timestamptz[]' => ['{"2024-01-01 00:00:00+00"}'], 'jsonb[]' => ['{"{\\"a\\": 1}"}'],
	'int4range[]' => ['{"[1,5)",empty}'], 'tsrange[]' => ['{"[\\"2024-01-01 00:00:00\\",\\"2024-01-02 00:00:00\\")"}'], 'inet[]' => ['{10.0.0.1,::1}'],
	'int8[]' => ['{9223372036854775807}'], 'date[]' => ['{2024-01-01,"0044-03-15 BC"}'], 'varchar[]' => ['{x,y}'], 'interval[]' => ['{"1 day",00:00:01}'],
);

my $sql = "SET client_min_messages = warning;\n";
for my $type (sort keys %values) {
	for my $v (@{$values{$type}}) {
		(my $quoted = $v) =~ s/'/''/g;
		$sql .= "SELECT typsend::oid::regproc AS f FROM pg_type WHERE oid = '$type'::regtype \\gset send_\n"
			. "SELECT '$type'::regtype::oid, encode(convert_to(format('%s', v), 'UTF8'), 'hex'), encode(:send_f(v), 'hex'), '$type' FROM (SELECT '$quoted'::$type AS v) x;\n";
	}
}
open(my $psql, '-|', 'psql', '-XAtq', '-F', ' ', '-v', 'ON_ERROR_STOP=1', '-d', $ARGV[0], '-c', '\\set QUIET 1', '-f', do {
	open(my $f, '>', "/tmp/wire_value_samples.$$") or die $!; print $f $sql; close $f; "/tmp/wire_value_samples.$$" }) or die "psql: $!";
print "/* Made by wire_value_samples.pl from PostgreSQL: type, text, binary. */\n";
while (<$psql>) {
	my ($oid, $text, $binary, $type) = /^(\d+) (\w*) (\w*) (.*)$/ or die "psql: $_";
	my ($t, $b) = map { join '', map { sprintf '\\%03o', ord } split //, pack 'H*', $_ } $text, $binary;
	print "\tSAMPLE($oid, \"$t\", \"$b\")\n";
}
unlink "/tmp/wire_value_samples.$$";
