//! A model of handwritten digits that makes bits of its pixels by thresholds: all its layers are
//! products of bits, and its scores are integers. What is done with it is in the library's
//! `digits`.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

// The model by `bnn train --arch mlp:128,64 --epochs 200 --input bits --scores integer`;
// inputs and outputs by `bnn test-vectors digits-bits.bnn --data digits`.
boards::digits!(
    "../../../models/digits-bits.bnn",
    "../../../models/digits-bits.outputs",
    i32,
    1024
);
