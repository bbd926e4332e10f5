# shellcheck shell=sh disable=SC2034
# tap.sh - Test Anything Protocol for shell scripts; sourced.
#
#	. "$(dirname "$0")/tap.sh"
#	check "what must hold" command argument...
#	skip "what must hold" "why not now"
#	finish
#
# $TOP is the source tree, $BUILD the build tree, $TMP a directory that goes
# away at the end.  What a command says is shown only if it fails.

TOP=$(cd "$(dirname "$0")/.." && pwd)
BUILD=${PRINTPORT_BUILD:-$TOP/build}
TMP=$(mktemp -d "${TMPDIR:-/tmp}/printport-XXXXXX")
trap 'rm -rf "$TMP"' EXIT

tap_number=0
tap_failed=0

check() {
	tap_what=$1
	shift
	tap_number=$((tap_number + 1))
	if "$@" >"$TMP/tap.out" 2>&1; then
		echo "ok $tap_number - $tap_what"
	else
		echo "not ok $tap_number - $tap_what"
		sed 's/^/# /' "$TMP/tap.out"
		tap_failed=$((tap_failed + 1))
	fi
}

skip() {
	tap_number=$((tap_number + 1))
	echo "ok $tap_number - $1 # SKIP $2"
}

# The command must fail.
refused() {
	! "$@"
}

has() {
	command -v "$1" >/dev/null
}

finish() {
	echo "1..$tap_number"
	[ "$tap_failed" -eq 0 ]
}
