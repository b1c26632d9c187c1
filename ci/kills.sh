#!/bin/sh
# Kills trainings at random moments and resumes them: nothing may be lost, nothing left.
# usage: ci/kills.sh [TEST [KILLS]]        (by default all tests of kills, and 200)
set -eu
cd "$(dirname "$0")/.."

BNN_KILLS=${2:-200} cargo test --workspace --locked --quiet --test cli -- "kills::${1:-}" --no-capture
