#!/usr/bin/env bash
# What must hold on machines other than this one: bare metal, Arm, RISC-V and WebAssembly, in
# emulators. The 32-bit Arm with an operating system belongs to the long tier (ci/armv7.sh).
# usage: ci/other-targets.sh [FILE]        (waits for FILE before it uses programs of this host; see ci/lib/host.sh)
set -euo pipefail
cd "$(dirname "$0")/.."
export BNN_LANE="other targets"
. ci/lib/steps.sh

step "targets"
(
    . ci/lib/cross.sh
    use_cross binutils-arm-none-eabi binutils-riscv64-unknown-elf gcc-arm-none-eabi libnewlib-arm-none-eabi \
        qemu-system-arm qemu-system-misc qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    # shellcheck disable=SC2086  # lists of words
    for target in $arm_targets $risc_v_targets; do use_target "$target" core; done
    for target in aarch64-unknown-linux-gnu wasm32-wasip1; do
        if rustup_has "$target"; then echo "$target: rustup's"; else echo "$target: from Debian's sources"; fi
    done
)

step "bare metal: bnn-core and bnn-capi without std"
ci/bare-metal.sh

step "aarch64 under emulation"
ci/aarch64.sh

step "wasm in node"
ci/wasm.sh

if [ $# -gt 0 ]; then
    step "waiting for this host's programs"
    until [ -e "$1" ]; do sleep 1; done
    export BNN_BUILT=1
fi

step "bare metal: code, panics, stack"
ci/footprint.sh

step "firmware on emulated boards"
ci/firmware.sh

step "C firmware on emulated boards"
ci/c-firmware.sh
end_step
