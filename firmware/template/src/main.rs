//! Classifies a handwritten digit with a model that stays in flash: no heap, no operating system,
//! no panic in the library. Replace `digits.bnn` by a model of your own and `IMAGE` by what your
//! sensor gives.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use bnn_core::model::{Input, Model, ModelError, Output, Sizes, argmax};
use cortex_m_rt::entry;
use semihosting::{println, process};

/// The compiler checks the file: one that is not a model does not build.
static MODEL: Model = bnn_core::include_model!("../digits.bnn");
const SIZES: Sizes = MODEL.sizes();

/// 8 x 8 pixels from 0 to 16, the first test image of the digits: a 0.
const IMAGE: [u8; SIZES.inputs] = [
    0, 0, 6, 14, 10, 2, 0, 0, //
    0, 0, 15, 15, 13, 15, 3, 0, //
    0, 2, 16, 10, 0, 13, 9, 0, //
    0, 1, 16, 5, 0, 12, 5, 0, //
    0, 0, 16, 3, 0, 13, 6, 0, //
    0, 1, 15, 5, 6, 13, 1, 0, //
    0, 0, 16, 11, 14, 10, 0, 0, //
    0, 0, 7, 16, 11, 1, 0, 0,
];

fn classify(pixels: &[u8]) -> Result<Option<usize>, ModelError> {
    // A run needs no other memory than these two arrays and some 500 bytes of stack.
    let mut scratch = [0; SIZES.scratch_words];
    let mut scores = [0.0; SIZES.outputs];
    MODEL.run(
        1,
        Input::Bytes(pixels),
        Output::F32(&mut scores),
        &mut scratch,
    )?;
    Ok(argmax(&scores))
}

#[entry]
fn main() -> ! {
    let exit_code = match classify(&IMAGE) {
        Ok(Some(class)) => {
            println!("class {class}");
            0
        }
        Ok(None) => 1, // a model without scores
        Err(error) => {
            println!("refused: {error}");
            1
        }
    };
    process::exit(exit_code)
}

/// Nothing in the library calls it; your own code may.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    process::exit(1)
}
