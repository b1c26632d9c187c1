//! A residual network in fixed point for images of 32 x 32 pixels in colour, on a part with 256 KB
//! of flash and 64 KB of RAM: the linker fails where the program, the model in it, or its data are
//! larger. It takes the images row by row, as a camera reads them out, compares every score with the
//! host's, bit for bit, and prints the instructions of an image. The scores are integers, and no
//! float instruction is in the program. A stack that does not fit ends in a fault, for no memory
//! lies below it.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::model::{Model, Sizes};
use boards::images;
use boards::told::tell;
use semihosting::process;

// Written by the example `resnet32` of `bnn-autograd`, and by `bnn test-vectors`, into the folder
// that the build names.
static MODEL: Model = bnn_core::include_model!(concat!(env!("BNN_VECTORS"), "/resnet32.bnn"));

const SIZES: Sizes = MODEL.sizes();
const IMAGES: usize = 10;

#[unsafe(link_section = ".vectors_of_the_test")]
static PIXELS: [u8; IMAGES * SIZES.inputs] =
    *include_bytes!(concat!(env!("BNN_VECTORS"), "/resnet32.inputs"));
#[unsafe(link_section = ".vectors_of_the_test")]
static SCORES: [u8; IMAGES * SIZES.outputs * 4] =
    *include_bytes!(concat!(env!("BNN_VECTORS"), "/resnet32.outputs"));

#[cortex_m_rt::entry]
fn main() -> ! {
    let same =
        images::check::<i32, { SIZES.outputs }, { SIZES.stream_words }>(MODEL, &PIXELS, &SCORES);
    let same = same.unwrap_or(0);
    let after = " images have every score of the host, bit for bit";
    tell("", same as u32, after);
    process::exit(i32::from(same != IMAGES))
}
