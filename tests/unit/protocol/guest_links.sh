#!/bin/sh
# guest_links.sh COMPILER PACKAGE SOURCE [OPTION...]: a guest links as its README says, from pkg-config alone, and
# the result is a static program. PKG_CONFIG_PATH is the build's.
set -eu
compiler=$1 package=$2 source=$3
shift 3

if ! command -v "$compiler" >/dev/null; then
	echo "skipped: no $compiler here (Debian: apt-get install musl-tools gcc clang)"
	exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2046 # flags are words
"$compiler" -Wall -Werror "$@" "$source" $(pkg-config --cflags --libs "$package") -o "$work/program"
if readelf -lW "$work/program" | grep -q INTERP; then
	echo "$source became a dynamic program"
	exit 1
fi
