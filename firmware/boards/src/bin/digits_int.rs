//! A model of handwritten digits that gives out integer scores: nothing of it takes a float instruction. What is done with it is in the library's `digits`.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::model::Sizes;
use boards::digits::Digits;
use semihosting::process;

/// Trained by `bnn train --arch mlp:128,64 --epochs 200 --scores integer`.
static MODEL: &[u8] = bnn_core::include_model!("../../../models/digits-int.bnn");

/// Known when compiling: a file that is no model does not build.
const SIZES: Sizes = Sizes::of(MODEL).expect("a model file");

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    let digits = Digits {
        model: MODEL,
        pixels: SIZES.inputs,
        // Written by `bnn test-vectors digits-int.bnn --data digits`.
        inputs: include_bytes!("../../../models/digits.inputs"),
        outputs: include_bytes!("../../../models/digits-int.outputs"),
        most_stack: 1024,
    };
    process::exit(digits.run::<i32, { SIZES.outputs }, { SIZES.scratch_words }>())
}
