#!/bin/sh
# quickstart.sh start|stop: DBBat in front of a PostgreSQL of its own, on this machine, to look at.
#
# Everything lies under ./.quickstart: two private clusters (the storage of DBBat, and
# a target that plays the production database), the master key, the logs. As root the
# clusters and dbbat run as the account postgres, since PostgreSQL refuses root.
# Running it again uses what is there and makes only what is missing. To start afresh: stop, then
# remove .quickstart.
set -eu
umask 022
cd "$(dirname "$0")/.."

PROXY_PORT=${PROXY_PORT:-5001}
API_PORT=${API_PORT:-8080}
TARGET_PORT=${TARGET_PORT:-5011}
STORAGE_PORT=${STORAGE_PORT:-5012}
PROGRAM=${PROGRAM:-$PWD/dbbat}
TOP=$PWD/.quickstart

die() { echo "quickstart: $*" >&2; exit 1; }
say() { printf '\n-- %s\n' "$*"; }

# --- accounts and places ------------------------------------------------------------

# PostgreSQL's programs, as its account when we are root; never with a directory it cannot enter.
as_postgres()
{
	if [ "$(id -u)" = 0 ]; then
		(cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@")
	else
		(cd / && exec "$@")
	fi
}

find_programs()
{
	BIN=$(pg_config --bindir 2>/dev/null || true)
	if [ ! -x "$BIN/initdb" ]; then
		BIN=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
	fi
	[ -x "$BIN/initdb" ] && [ -x "$BIN/pgbench" ] || die "PostgreSQL's programs are missing: run make deps"
	command -v curl >/dev/null || die "curl is missing: run make deps"
	[ "$(id -u)" != 0 ] || getent passwd postgres >/dev/null || die "root needs the account postgres: run make deps"
}

# $DATA: where the clusters and dbbat's state are. A checkout below a closed directory, such
# as /root, is no place for the account postgres; then it is elsewhere, behind a link.
find_data()
{
	if [ ! -d "$TOP/data" ]; then
		mkdir -p "$TOP"
		if as_postgres test -x "$TOP"; then
			mkdir "$TOP/data"
		else
			ln -sfn "$(mktemp -d /var/tmp/dbbat-quickstart.XXXXXX)" "$TOP/data"
			echo "The account postgres cannot enter $TOP: the data is in $(readlink "$TOP/data")."
		fi
		chmod 0711 "$TOP/data/."
		[ "$(id -u)" != 0 ] || chown postgres: "$TOP/data/."
	fi
	DATA=$(readlink -f "$TOP/data")
}

# --- what runs --------------------------------------------------------------------------

port_is_free()
{
	perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => shift,
		Listen => 1, ReuseAddr => 1)' "$1"
}

need_port() # PORT VARIABLE
{
	port_is_free "$1" || die "port $1 is in use by another program; stop that, or choose another: make quickstart $2=..."
}

cluster_runs() { [ -e "$DATA/$1/PG_VERSION" ] && as_postgres "$BIN/pg_ctl" status -D "$DATA/$1" >/dev/null 2>&1; }

dbbat_runs()
{
	[ -s "$TOP/dbbat.pid" ] || return 1
	pid=$(cat "$TOP/dbbat.pid")
	# the number may be another program's by now
	[ "$(ps -o lstart= -p "$pid" 2>/dev/null)" = "$(cat "$TOP/dbbat.started" 2>/dev/null)" ]
}

random() { od -An -N18 -tx1 /dev/urandom | tr -d ' \n'; }

# --- making what is missing ---------------------------------------------------------------

start_cluster() # NAME PORT
{
	if [ ! -e "$DATA/$1/PG_VERSION" ]; then
		say "Making the cluster $1"
		rm -rf "${DATA:?}/$1" "$DATA/password.new"
		(umask 077; cp "$TOP/password" "$DATA/password.new")
		[ "$(id -u)" != 0 ] || chown postgres: "$DATA/password.new"
		as_postgres "$BIN/initdb" -D "$DATA/$1" -U postgres --auth=scram-sha-256 --pwfile="$DATA/password.new" \
			--encoding=UTF8 --locale=C --no-instructions >"$TOP/initdb.log" 2>&1 ||
			die "initdb failed: see $TOP/initdb.log"
		rm -f "$DATA/password.new"
	fi
	if cluster_runs "$1"; then
		return
	fi
	as_postgres "$BIN/pg_ctl" start -s -w -D "$DATA/$1" -l "$DATA/$1.log" \
		-o "-c listen_addresses=127.0.0.1 -p $2 -c unix_socket_directories=''" ||
		die "the cluster $1 does not start: see $DATA/$1.log"
	echo "The cluster $1 runs on port $2."
}

sql() # PORT DATABASE USER [psql arguments]
{
	port=$1 database=$2 role=$3
	shift 3
	PGOPTIONS='-c client_min_messages=warning' "$BIN/psql" -Xq -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U "$role" -d "$database" "$@"
}

# Runs a step of making once: what succeeded is not done again.
once() # NAME command...
{
	[ ! -e "$TOP/made/$1" ] || return 0
	name=$1
	shift
	"$@" || die "could not make: $name"
	: >"$TOP/made/$name"
}

database_exists() { [ -n "$(sql "$1" postgres postgres -Atc "SELECT 1 FROM pg_database WHERE datname = '$2'")" ]; }

make_database() # PORT ROLE PASSWORD DATABASE
{
	database_exists "$1" "$4" && return
	sql "$1" postgres postgres <<-END
		DROP ROLE IF EXISTS $2;
		CREATE ROLE $2 LOGIN PASSWORD '$3';
		CREATE DATABASE $4 OWNER $2;
	END
}

fill_target()
{
	say "Filling the target: pgbench -i, and contrib/sql/sample.sql"
	report=$(PGPASSWORD=dbpass "$BIN/pgbench" -i -q -s 1 -h 127.0.0.1 -p "$TARGET_PORT" -U dbuser myapp 2>&1) ||
		die "pgbench -i failed: $report"
	PGPASSWORD=dbpass sql "$TARGET_PORT" myapp dbuser -f contrib/sql/sample.sql
}

start_dbbat()
{
	if dbbat_runs; then
		return
	fi
	mkdir -p "$DATA/state" "$DATA/run"
	chmod 0700 "$DATA/state" "$DATA/run"
	[ "$(id -u)" != 0 ] || chown postgres: "$DATA/state" "$DATA/run"
	if [ ! -s "$TOP/key" ]; then
		(umask 077; "$PROGRAM" keygen >"$TOP/key") || die "dbbat keygen failed"
	fi
	DBB_DSN="host=127.0.0.1 port=$STORAGE_PORT dbname=dbbat user=dbbat password=$(cat "$TOP/password")" \
	DBB_KEYFILE=$TOP/key DBB_USER=postgres DBB_STATE_DIR=$DATA/state DBB_RUNTIME_DIR=$DATA/run \
	DBB_LISTEN_PG=127.0.0.1:$PROXY_PORT DBB_LISTEN_API=127.0.0.1:$API_PORT \
		setsid "$PROGRAM" -f </dev/null >>"$TOP/dbbat.log" 2>&1 &
	echo $! >"$TOP/dbbat.pid"
	ps -o lstart= -p $! >"$TOP/dbbat.started" || true
	for i in $(seq 150); do
		dbbat_runs || break
		if curl -fs -o /dev/null "http://127.0.0.1:$API_PORT/api/health"; then
			echo "DBBat serves psql on port $PROXY_PORT and the REST API on port $API_PORT."
			return
		fi
		sleep 0.2
	done
	die "dbbat does not come up: $(tail -n 1 "$TOP/dbbat.log")"
}

# --- the walk-through -----------------------------------------------------------------------

# Shows the command on standard input, then runs it.
show()
{
	command=$(cat)
	printf '\n$ %s\n' "$command"
	(eval "$command" 2>&1)
}

fails() { if show; then die "that should have been refused"; fi; }

create_user()
{
	show <<-END
		curl -u admin:admin -X POST http://localhost:$API_PORT/api/users -H "Content-Type: application/json" \\
		  -d '{"username": "john", "password": "secret123", "is_admin": false}'
	END
}

create_database()
{
	show <<-END
		curl -u admin:admin -X POST http://localhost:$API_PORT/api/databases -H "Content-Type: application/json" \\
		  -d '{"name": "my_database", "description": "Production database", "host": "localhost", "port": $TARGET_PORT,
		       "database_name": "myapp", "username": "dbuser", "password": "dbpass", "ssl_mode": "prefer"}'
	END
}

create_grant()
{
	show <<-END
		curl -u admin:admin -X POST http://localhost:$API_PORT/api/grants -H "Content-Type: application/json" \\
		  -d '{"user_id": 2, "database_id": 1, "access_level": "read", "starts_at": "2024-01-01T00:00:00Z",
		       "expires_at": "2029-12-31T23:59:59Z", "max_queries": 1000, "max_bytes": 10485760}'
	END
}

# The calls above as they are, with curl made to tell a refusal.
walk_through()
{
	curl() { command curl -sS --fail-with-body "$@"; }

	say "An admin makes a user, names a database, and grants the one read access to the other"
	for step in user database grant; do
		if [ -e "$TOP/made/$step" ]; then
			echo "The $step was made by an earlier run."
		fi
		once $step create_$step
	done

	say "The user works through the proxy"
	export PGPASSWORD=secret123
	show <<-END || die "john cannot read: to start afresh, make quickstart-stop and remove .quickstart"
		psql -h localhost -p $PROXY_PORT -U john -d my_database -c "SELECT c.name, count(*) AS orders, sum(o.amount) AS total
		  FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.name ORDER BY total DESC LIMIT 5"
	END

	say "Writing is beyond the grant"
	fails <<-END
		psql -h localhost -p $PROXY_PORT -U john -d my_database -c "INSERT INTO customers VALUES (99, 'Mallory', 'm@example.com', 'Nowhere', now())"
	END
	unset PGPASSWORD

	say "And all of it is in the log"
	sleep 2
	show <<-END
		curl -u admin:admin http://localhost:$API_PORT/api/queries?limit=10
	END
	say "The same for people"
	curl -u admin:admin "http://localhost:$API_PORT/api/queries?limit=10" | perl -MJSON::PP -e '
		my $log = decode_json(join "", <STDIN>);
		printf "%-20s %-8s %-8s %9s %5s  %s\n", "executed_at", "user", "status", "ms", "rows", "sql_text";
		for (@{$log->{queries}}) {
			(my $sql = $_->{sql_text}) =~ s/\s+/ /g;
			printf "%-20s %-8s %-8s %9s %5s  %.60s\n", substr($_->{executed_at}, 0, 19), $_->{username}, $_->{status},
				$_->{duration_ms} // "", $_->{rows_affected} // "", $sql;
		}'
}

# --- the two commands ---------------------------------------------------------------------

start()
{
	[ -x "$PROGRAM" ] || die "$PROGRAM is not built: run make"
	find_programs
	find_data
	mkdir -p "$TOP/made"
	[ -s "$TOP/password" ] || (umask 077; random >"$TOP/password")
	(umask 077; echo "127.0.0.1:*:*:*:$(cat "$TOP/password")" >"$TOP/pgpass")
	export PGPASSFILE="$TOP/pgpass"

	# everything is looked at before anything is started
	cluster_runs target || need_port "$TARGET_PORT" TARGET_PORT
	cluster_runs storage || need_port "$STORAGE_PORT" STORAGE_PORT
	if ! dbbat_runs; then
		need_port "$PROXY_PORT" PROXY_PORT
		need_port "$API_PORT" API_PORT
	fi

	start_cluster storage "$STORAGE_PORT"
	start_cluster target "$TARGET_PORT"
	once storage-database make_database "$STORAGE_PORT" dbbat "$(cat "$TOP/password")" dbbat
	once target-database make_database "$TARGET_PORT" dbuser dbpass myapp
	once target-tables fill_target
	start_dbbat
	walk_through

	cat <<-END

	DBBat is running. What you can do next:

	    psql -h localhost -p $PROXY_PORT -U john -d my_database          (password: secret123)
	    curl -u admin:admin http://localhost:$API_PORT/api/connections
	    curl -u admin:admin -X DELETE http://localhost:$API_PORT/api/grants/1     (john is thrown out at once)
	    tail -f .quickstart/dbbat.log
	    make quickstart-stop

	END
}

stop()
{
	[ -d "$TOP/data" ] || { echo "The quickstart is not running."; return; }
	find_programs
	DATA=$(readlink -f "$TOP/data")
	stopped=
	if dbbat_runs; then
		pid=$(cat "$TOP/dbbat.pid")
		kill -INT "$pid"
		for i in $(seq 100); do
			dbbat_runs || break
			sleep 0.1
		done
		! dbbat_runs || die "dbbat (process $pid) does not stop"
		stopped="$stopped dbbat"
	fi
	rm -f "$TOP/dbbat.pid" "$TOP/dbbat.started"
	for c in target storage; do
		if cluster_runs $c; then
			as_postgres "$BIN/pg_ctl" stop -s -w -m fast -D "$DATA/$c" || die "the cluster $c does not stop"
			stopped="$stopped $c"
		fi
	done
	if [ -n "$stopped" ]; then
		echo "Stopped:$stopped. The data stays in .quickstart: make quickstart goes on with it."
	else
		echo "The quickstart is not running."
	fi
}

case ${1:-} in
start|stop)	$1 ;;
*)		die "usage: contrib/quickstart.sh start|stop" ;;
esac
