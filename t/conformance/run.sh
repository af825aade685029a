#!/bin/sh
# Plays the raw-protocol probe on a direct connection and through DBBat, and compares what differs with
# what is explained in t/conformance/explained. The probe is no part of this source: it is looked for
# in the directory that is given, or in PROBE_DIR.
#
#	make && t/conformance/run.sh [DIRECTORY [OPTION-OF-THE-PROBE]...]
#
# With --tls the target speaks TLS, too. --slow and --crash play more.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
probe=${1:-${PROBE_DIR:-$top/t/conformance}}
[ $# -eq 0 ] || shift
[ -f "$probe/probe.py" ] || { echo "conformance: no probe.py in $probe: skipped"; exit 0; }

: "${DBBAT_PROGRAM:=$top/dbbat}" "${DBBAT_BUILD:=$top/build}"
export DBBAT_PROGRAM DBBAT_BUILD PROBE="$probe" DETAILS="$DBBAT_BUILD/probe-details.txt"
result=$DBBAT_BUILD/probe.txt

tls=
case " $* " in *" --tls "*) tls=-s ;; esac

# the probe waits 15 seconds for what never comes; its exit code counts the explained too
perl -I"$top/t/lib" "$here/rig.pl" -d postgres $tls sh -c '
	to=127.0.0.1; as=postgres:$PGPASSWORD:postgres
	python3 "$PROBE/probe.py" --direct $to:$DIRECT_PORT:$as --proxy $to:$PROXY_PORT:$as --details "$DETAILS" \
		--restart-cmd "$RESTART_TARGET" "$@"
	[ $? -le 1 ]' sh "$@" >"$result" || { cat "$result"; exit 1; }

awk -v details="$DETAILS" '
	FNR == NR { if ($1 !~ /^#/ && NF) explained[$1] = 1; next }
	/^probe: / { print; next }
	$2 == "DIFFERENT" || $2 == "FAILED" || $2 == "policy" {
		if ($1 in explained) known++
		else { print "not explained: " $0; unknown++ }
	}
	END {
		printf "%d explained, %d not explained (%s)\n", known, unknown, details
		exit unknown > 0
	}' "$here/explained" "$result"
