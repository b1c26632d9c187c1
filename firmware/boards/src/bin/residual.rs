//! The program `digits_int` with a residual network: binary convolutions, and 16-bit numbers that
//! run past them. It contains no float instruction.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

// The model by `cargo run -p bnn-core --example fixed_point_residual -- residual.bnn`; outputs by
// `bnn test-vectors residual.bnn --data digits`.
boards::digits!(
    "../../../models/residual.bnn",
    "../../../models/residual.outputs",
    i32,
    2048
);
