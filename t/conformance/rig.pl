#!/usr/bin/env perl
# Runs a program that is given two ways to the same databases: directly and through DBBat, under the same
# names, as the same superuser with the same password.
#
#	perl -It/lib t/conformance/rig.pl [-d DATABASE]... [-e NAME=VALUE]... [-s] PROGRAM [ARGUMENT]...
#
# -d names the databases (one "regression" without it), -e sets a variable of dbbat's environment, -s lets the
# target speak TLS, too. The program finds in its environment DIRECT_PORT, PROXY_PORT, API_PORT, PGHOST, PGUSER, PGPASSWORD, DBBAT_PID,
# TARGET_DATA (the data directory), RESTART_TARGET (a command) and STORAGE_DSN. The storage is in a cluster of its own, so that a suite
# which counts what is in its cluster finds nothing of ours.
use strict;
use warnings;

use Getopt::Long qw(:config require_order);

use DBBat::Test;

my (@databases, %env, %conf, $tls);
GetOptions('d=s' => \@databases, 'e=s' => \%env, 'c=s' => \%conf, 's' => \$tls) && @ARGV or die "usage: see the head of $0\n";
@databases = ('regression') if !@databases;
alarm(0);

my $password = DBBat::Cluster::SUPERUSER_PASSWORD;
my $t = DBBat::Test->start(env => \%env);
my $target = DBBat::Cluster->new(conf => { %conf });
$target->tls(map { $t->daemon->{dir} . "/state/server.$_" } qw(crt key)) if $tls;
$t->user('postgres', password => $password);
for my $name (@databases) {
	# as pg_regress makes its own
	$target->sql('postgres', join "\n", "CREATE DATABASE \"$name\" TEMPLATE template0;",
		map { "ALTER DATABASE \"$name\" SET $_ TO 'C';" } qw(lc_messages lc_monetary lc_numeric lc_time))
		if $name ne 'postgres';
	$target->sql('postgres', "ALTER DATABASE \"$name\" SET bytea_output TO 'hex';"
		. " ALTER DATABASE \"$name\" SET timezone_abbreviations TO 'Default';");
	$t->database($name, database_name => $name, port => $target->port, username => 'postgres', password => $password);
	$t->grant('postgres', $name, 'write');
}

$ENV{DIRECT_PORT} = $target->port;
$ENV{PROXY_PORT} = $t->daemon->{pg_port};
$ENV{API_PORT} = $t->daemon->{api_port};
$ENV{DBBAT_PID} = $t->daemon->pid;
$ENV{DBBAT_LOG} = $t->daemon->{log_file};
$ENV{TARGET_DATA} = $target->{data};
$ENV{TARGET_LOG} = $target->{log_file};
$ENV{RESTART_TARGET} = $target->restart_command;
$ENV{STORAGE_DSN} = $t->dsn;
@ENV{qw(PGHOST PGUSER PGPASSWORD)} = ('127.0.0.1', 'postgres', $password);
my $status = system(@ARGV);
$target->stop;
exit($status == -1 ? 127 : $status & 127 ? 128 + ($status & 127) : $status >> 8);
