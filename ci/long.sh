#!/usr/bin/env bash
# The long tier: what takes too long for every run of the check. A run takes one part, by the day of the year, so that
# none rots; `.ci/run --full` takes all.
# usage: ci/long.sh PART | --list | --today
set -euo pipefail
cd "$(dirname "$0")/.."

parts=(sanitizers fuzz armv7 libtorch-training kills flips whole-suite-on-each-isa)

case ${1:-} in
    --list) echo "${parts[*]}" ;;
    --today) echo "${parts[$((10#$(date +%j) % ${#parts[@]}))]}" ;;
    sanitizers) ci/sanitizers.sh ;;
    fuzz) ci/fuzz.sh ;;
    armv7) ci/armv7.sh ;;
    libtorch-training) ci/libtorch-training.sh ;;
    kills) ci/kills.sh ;;
    flips) BNN_FLIPS=10000 cargo test --workspace --locked --quiet --lib -- flipped_bit ;;
    whole-suite-on-each-isa) ci/isas.sh --whole ;;
    *) echo "usage: ci/long.sh ${parts[*]} | --list | --today" >&2; exit 2 ;;
esac
