#!/bin/sh
# Kills trainings at random moments and resumes them: nothing may be lost, nothing left.
# usage: ci/kills.sh [KILLS]        (default 200)
set -eu
cd "$(dirname "$0")/.."

BNN_KILLS=${1:-200} cargo test --workspace --locked --quiet --test cli -- kills --no-capture
