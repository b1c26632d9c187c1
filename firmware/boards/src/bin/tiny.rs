//! Runs any model of images from flash, row by row, as a camera reads them out, and compares every
//! score with the host's, bit for bit. Prints what an image costs: instructions, memory, stack.
//!
//! `examples/tiny/measure.sh` builds it around a model and what `bnn test-vectors` wrote for it, and
//! runs it in emulators.
#![no_std]
#![no_main]

use bnn_core::model::{Model, OutputType, Sizes};
use boards::digits::Score;
use boards::images;
use boards::told::tell;
use semihosting::process;

static MODEL: Model = bnn_core::include_model!(concat!(env!("BNN_VECTORS"), "/tiny.bnn"));

const SIZES: Sizes = MODEL.sizes();

// A section of their own, so that they are not counted with the program.
#[unsafe(link_section = ".vectors_of_the_test")]
static PIXELS: [u8; include_bytes!(concat!(env!("BNN_VECTORS"), "/tiny.inputs")).len()] =
    *include_bytes!(concat!(env!("BNN_VECTORS"), "/tiny.inputs"));
#[unsafe(link_section = ".vectors_of_the_test")]
static SCORES: [u8; include_bytes!(concat!(env!("BNN_VECTORS"), "/tiny.outputs")).len()] =
    *include_bytes!(concat!(env!("BNN_VECTORS"), "/tiny.outputs"));

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    let same = match MODEL.output() {
        (_, OutputType::I32) => check::<i32>(),
        _ => check::<f32>(),
    };
    let images = PIXELS.len() / SIZES.inputs;
    let after = " images have every score of the host, bit for bit";
    tell("", same.unwrap_or(0) as u32, after);
    process::exit(i32::from(same != Some(images)))
}

fn check<S: Score>() -> Option<usize> {
    images::check::<S, { SIZES.outputs }, { SIZES.stream_words }>(MODEL, &PIXELS, &SCORES)
}
