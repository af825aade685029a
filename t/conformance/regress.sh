#!/bin/sh
# PostgreSQL's regression and isolation suites and libpq_pipeline, directly and through DBBat; see README.
#
#	t/conformance/regress.sh SOURCE-TREE [regress|isolation|pipeline]...
set -u

# Within rig.pl: one suite, one way.
if [ "${RIG:-}" = yes ]; then
	src=$1 suite=$2 way=$3 out=$4
	port=$PROXY_PORT
	[ "$way" = proxied ] || port=$DIRECT_PORT
	# the server writes here too
	umask 0
	mkdir -p "$out/results" "$out/testtablespace" "$out/sql" "$out/expected" "$out/bin"
	[ "$(id -u)" != 0 ] || chown -R postgres: "$out"
	ln -sf "$src/src/bin/psql/psql" "$out/bin/psql"
	export PGSSLMODE=disable PGPORT="$port" LD_LIBRARY_PATH="$src/src/interfaces/libpq"
	cd "$out" || exit 1
	set -- --outputdir="$out" --bindir="$out/bin" --host="$PGHOST" --port="$port" --user="$PGUSER" --use-existing
	case $suite in
	regress)
		"$src/src/test/regress/pg_regress" "$@" --inputdir="$src/src/test/regress" \
			--dlpath="$src/src/test/regress" --max-concurrent-tests=20 \
			--schedule="$src/src/test/regress/parallel_schedule" --dbname=regression >log 2>&1
		;;
	isolation)
		"$src/src/test/isolation/pg_isolation_regress" "$@" --inputdir="$src/src/test/isolation" \
			--schedule="$src/src/test/isolation/isolation_schedule" --dbname=isolation_regression >log 2>&1
		;;
	pipeline)
		program=$src/src/test/modules/libpq_pipeline/libpq_pipeline
		for t in $($program tests); do
			$program -r 700 -t "results/$t" "$t" dbname=regression >>log 2>&1 || echo "$t failed" >>log
		done
		;;
	esac
	exit 0
fi

[ $# -ge 1 ] || { echo "usage: $0 SOURCE-TREE [regress|isolation|pipeline]..." >&2; exit 64; }
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
src=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- regress isolation pipeline
: "${DBBAT_PROGRAM:=$top/dbbat}" "${DBBAT_BUILD:=$top/build}"
export DBBAT_PROGRAM DBBAT_BUILD RIG=yes

work=$(mktemp -d /tmp/dbbat-regress-XXXXXX)
chmod 755 "$work"
for suite; do
	for way in direct proxied; do
		# the same path for both: it is in the results
		perl -I"$top/t/lib" "$here/rig.pl" -d regression -d isolation_regression "$here/regress.sh" "$src" "$suite" "$way" "$work/out"
		mv "$work/out" "$work/$suite-$way"
		echo "$suite, $way: $(grep -c -E '\.\.\. FAILED|failed$' "$work/$suite-$way/log") failed of $(ls "$work/$suite-$way/results" | wc -l)"
	done
	diff -rq "$work/$suite-direct/results" "$work/$suite-proxied/results" && echo "$suite: the same results"
done
echo "everything is in $work"
