#!/usr/bin/env bash
# The long tier: what takes too long for every run of the check. A run takes one part, by the day of
# the year, so that none rots; `.ci/run --full` takes all.
# usage: ci/long.sh PART | --list | --today
set -euo pipefail
cd "$(dirname "$0")/.."

. ci/lib/isas.sh

parts=(sanitizers fuzz armv7 libtorch-training kills kills-keeping-the-best flips aarch64-portable wasm-plain)
# The whole suite, training included, on each instruction set of this CPU but the best, which every
# run takes, in three parts. Programs in C run on each of them in every run.
for isa in $(isas | head -n -1); do parts+=("units-on-$isa" "tests-on-$isa" "command-on-$isa"); done
parts+=(release-crates release-files)

usage="usage: ci/long.sh ${parts[*]} | --list | --today"
case " ${parts[*]} --list --today " in *" ${1:-none} "*) ;; *) echo "$usage" >&2; exit 2 ;; esac

case $1 in
    --list) echo "${parts[*]}" ;;
    --today) echo "${parts[$((10#$(date +%j) % ${#parts[@]}))]}" ;;
    sanitizers) ci/sanitizers.sh ;;
    fuzz) ci/fuzz.sh ;;
    armv7) ci/armv7.sh ;;
    aarch64-portable) ci/aarch64.sh portable ;;
    wasm-plain) ci/wasm.sh plain ;;
    libtorch-training) ci/libtorch-training.sh ;;
    kills) ci/kills.sh killed_trainings_lose ;;
    kills-keeping-the-best) ci/kills.sh killed_trainings_that_keep_the_best ;;
    flips) BNN_FLIPS=10000 cargo test --workspace --locked --quiet --lib -- flipped_bit ;;
    release-*) ci/release.sh "${1#release-}" ;;
    *-on-*) ci/isas.sh --whole "${1#*-on-}" "${1%%-on-*}" ;;
esac
