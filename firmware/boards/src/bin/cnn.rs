//! As `digits`, with a convolutional network.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::model::Sizes;
use boards::vectors::Vectors;
use semihosting::{println, process};

/// Trained by
/// `cargo run --release --example fashion_mnist -- --data digits --stages 32,32/64 --hidden "" --epochs 60 --export cnn.bnn`.
static MODEL: &[u8] = bnn_core::include_model!("../../../models/cnn.bnn");
/// Inputs and outputs were written by `bnn test-vectors cnn.bnn --data digits`.
static VECTORS: Vectors = Vectors {
    model: MODEL,
    inputs: include_bytes!("../../../models/digits.inputs"),
    outputs: include_bytes!("../../../models/cnn.outputs"),
    most_stack: 2304,
};

/// Known when compiling: a file that is no model does not build.
const SIZES: Sizes = Sizes::of(MODEL).expect("a model file");

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    let mut scratch = [0; SIZES.scratch_words];
    let mut scores = [0.0; SIZES.outputs];
    process::exit(match VECTORS.check(&mut scratch, &mut scores) {
        Ok(()) => 0,
        Err(wrong) => {
            println!("cnn: {wrong}");
            1
        }
    })
}
