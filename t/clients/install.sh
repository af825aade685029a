#!/bin/sh
# Installs the clients that t/clients/clients.t drives: Python's and Node's below the directory that is
# given, Debian's with apt-get. One that cannot be had is skipped by the test, which says so; so
# nothing here is an error, and what pip, npm and apt-get said is in the log beside them.
set -u

dir=$1
mkdir -p "$dir"
log=$dir/install.log
: >"$log"

tried() { "$@" >>"$log" 2>&1 || echo "clients: \`$*' failed, see $log"; }
have() { command -v "$1" >/dev/null; }

missing=
package() { dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed || missing="$missing $1"; }
if have dpkg-query; then
	for p in libdbd-pg-perl ruby-pg odbc-postgresql unixodbc libpostgresql-jdbc-java; do
		package $p
	done
	have javac || package default-jdk-headless
	have python3 || missing="$missing python3 python3-pip"
	have npm || missing="$missing npm"
fi
if [ -n "$missing" ]; then
	sudo=
	[ "$(id -u)" = 0 ] || sudo=sudo
	tried $sudo apt-get -q update
	# one by one: what cannot be had must not take the others along
	for p in $missing; do
		tried $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$p"
	done
fi

for p in psycopg2-binary 'psycopg[binary]' asyncpg pyodbc; do
	have python3 && [ ! -e "$dir/python/.$p" ] || continue
	tried python3 -m pip install --quiet --disable-pip-version-check --target "$dir/python" --upgrade "$p" &&
		: >"$dir/python/.$p"
done
if have npm && [ ! -d "$dir/node/node_modules/postgres" ]; then
	mkdir -p "$dir/node"
	echo '{ "private": true }' >"$dir/node/package.json"
	tried npm install --prefix "$dir/node" --no-audit --no-fund pg pg-cursor pg-copy-streams postgres
fi
exit 0
