//! As `digits`, with a convolutional network.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::model::Sizes;
use boards::digits::Digits;
use semihosting::process;

/// Trained by
/// `cargo run --release --example fashion_mnist -- --data digits --stages 32,32/64 --hidden "" --epochs 60 --export cnn.bnn`.
static MODEL: &[u8] = bnn_core::include_model!("../../../models/cnn.bnn");

/// Known when compiling: a file that is no model does not build.
const SIZES: Sizes = Sizes::of(MODEL).expect("a model file");

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    let digits = Digits {
        model: MODEL,
        pixels: SIZES.inputs,
        // Written by `bnn test-vectors cnn.bnn --data digits`.
        inputs: include_bytes!("../../../models/digits.inputs"),
        outputs: include_bytes!("../../../models/cnn.outputs"),
        most_stack: 2048,
    };
    process::exit(digits.run::<f32, { SIZES.outputs }, { SIZES.scratch_words }>())
}
