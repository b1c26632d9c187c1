//! A model of handwritten digits that gives out integer scores: nothing of it takes a float
//! instruction. What is done with it is in the library's `digits`.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

// The model by `bnn train --arch mlp:128,64 --epochs 200 --scores integer`;
// inputs and outputs by `bnn test-vectors digits-int.bnn --data digits`.
boards::digits!(
    "../../../models/digits-int.bnn",
    "../../../models/digits-int.outputs",
    i32,
    1024
);
