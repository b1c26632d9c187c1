//! The program `digits` with a convolutional network. The library's `digits` says what it does.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

// The model by `cargo run --release --example fashion_mnist -- --data digits --stages 32,32/64
// --hidden "" --epochs 60 --export cnn.bnn`; inputs and outputs by `bnn test-vectors cnn.bnn --data
// digits`.
boards::digits!(
    "../../../models/cnn.bnn",
    "../../../models/cnn.outputs",
    f32,
    2048
);
