#!/usr/bin/env bash
# What must hold on machines other than this one: bare metal, Arm, RISC-V and WebAssembly, in emulators.
# usage: ci/other-targets.sh
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n-- %s (after %d s)\n' "$*" "$SECONDS"; }

step "bare metal: bnn-core and bnn-capi without std"
ci/bare-metal.sh

step "bare metal: size of a model's code, and no panic in it"
ci/footprint.sh

step "bare metal: how deep the stack can get"
ci/stack.sh

step "firmware on emulated boards"
ci/firmware.sh

step "C firmware on emulated boards"
ci/c-firmware.sh

step "aarch64 under emulation"
ci/aarch64.sh

step "armv7 under emulation"
ci/armv7.sh

step "wasm in node"
ci/wasm.sh
