//! A model of handwritten digits that gives out real scores. What is done with it is in the
//! library's `digits`.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

// The model by `bnn train --arch mlp:128,64 --epochs 200`;
// inputs and outputs by `bnn test-vectors digits.bnn --data digits`.
boards::digits!(
    "../../../models/digits.bnn",
    "../../../models/digits.outputs",
    f32,
    1024
);
