//! Runs a model of handwritten digits, which stays in flash, on 100 images, and compares every score with the
//! host's, bit for bit. Prints what a run costs: instructions and stack. The exit code is 1 on any difference.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::model::Sizes;
use boards::vectors::Vectors;
use semihosting::{println, process};

/// Trained by `bnn train --arch mlp:128,64 --epochs 200`.
static MODEL: &[u8] = bnn_core::include_model!("../../../models/digits.bnn");
/// Inputs and outputs were written by `bnn test-vectors digits.bnn --data digits`.
static VECTORS: Vectors = Vectors {
    model: MODEL,
    inputs: include_bytes!("../../../models/digits.inputs"),
    outputs: include_bytes!("../../../models/digits.outputs"),
    most_stack: 1024,
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
            println!("digits: {wrong}");
            1
        }
    })
}
