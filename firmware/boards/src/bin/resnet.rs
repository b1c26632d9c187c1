//! The program `residual` with a network that was trained, through exactly the integers that it
//! computes with here, from the pixels to the scores: no float instruction is in it.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

// The model by `bnn train --arch resnet:width=16,fixed=8 --scores integer --epochs 60 --batch 32`;
// outputs by `bnn test-vectors resnet.bnn --data digits`.
boards::digits!(
    "../../../models/resnet.bnn",
    "../../../models/resnet.outputs",
    i32,
    2048
);
