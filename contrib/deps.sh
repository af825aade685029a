#!/bin/sh
# deps.sh [PACKAGE...]: installs the Debian packages that building and testing DBBat needs and that are
# missing, or those that are named. Where nothing is missing it says nothing and changes nothing; it
# never upgrades or removes.
#
# Debian's server package would also create and start a database cluster "main" on port 5432.
# DBBat needs the programs only, so that is switched off while they are installed, and
# switched back: no setting is left behind.
set -eu

die() { echo "deps: $*" >&2; exit 1; }

if ! command -v dpkg-query >/dev/null; then
	echo "deps: this is not Debian; ./configure will name what is missing" >&2
	exit 0
fi
PATH=$PATH:/usr/sbin:/sbin

missing=
need() { missing="$missing $1"; }
program() { command -v "$1" >/dev/null || need "$2"; }
package() { dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed || need "$1"; }
server_program() { ls /usr/lib/postgresql/*/bin/"$1" >/dev/null 2>&1 || need "$2"; }

if [ $# -gt 0 ]; then
	for p in "$@"; do
		package "$p"
	done
else
	program gcc gcc
	program make make
	program autoconf autoconf
	program pkg-config pkg-config
	for p in libc6-dev libpq-dev libssl-dev libargon2-dev libevent-dev libcjson-dev libpg-query-dev; do
		package $p
	done
	server_program initdb postgresql
	server_program psql postgresql-client
	program prove perl
	program curl curl
	program python3 python3
	program ps procps
	program setpriv util-linux
fi

[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null || die "there is no apt-get here; install:$missing"
sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || die "not root and no sudo; as root: apt-get install$missing"
	sudo=sudo
fi

apt() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"; }

echo "deps: installing$missing"
apt update || die "apt-get update failed"

case " $missing " in
*" postgresql "*)
	apt install --no-install-recommends postgresql-common || die "apt-get could not install postgresql-common"
	conf=/etc/postgresql-common/createcluster.conf
	$sudo cp -p $conf $conf.before-dbbat
	trap '$sudo mv -f $conf.before-dbbat $conf' EXIT
	trap 'exit 1' INT TERM HUP
	echo "create_main_cluster = false" | $sudo tee -a $conf >/dev/null
	;;
esac
apt install --no-install-recommends $missing || die "apt-get could not install:$missing"
