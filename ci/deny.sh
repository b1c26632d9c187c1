#!/bin/sh
# Licences, sources, duplicates and bans of what the published crates are built from (deny.toml),
# and how many crates libbnn is built from. Advisories need a database that is not in a package
# registry; they are not asked for.
# usage: ci/deny.sh
set -eu
cd "$(dirname "$0")/.."
. ci/lib/tools.sh

cargo_tool deny
cargo deny --locked check licenses bans sources

# Build scripts are not counted: nothing of theirs is in it.
most=25
crates=$(cargo tree --locked -p bnn-capi -e normal --prefix none --format '{p}' | sed 's/ (.*//' | sort -u | wc -l)
echo "libbnn is built from $crates crates"
[ "$crates" -le $most ] || { echo "more than the budget of $most" >&2; exit 1; }
