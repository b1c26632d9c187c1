//! Classifies Fashion-MNIST on a part with 32 KB of flash and 4 KB of RAM: the linker fails where the program, the model in
//! it, or its data are larger. Compares every score of 100 images with the host's, bit for bit. Nothing is printed, for
//! text takes flash: the exit code is 1 on any difference. A stack that does not fit ends in a fault, for no memory lies
//! below it.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::model::{Input, Model, Output, Sizes};
use boards as _; // its memory map
use semihosting::process;

/// Trained by `bnn train --data /usr/share/datasets/fashion-mnist --arch mlp:192 --scores integer --epochs 20`.
static MODEL: Model = bnn_core::include_model!("../../../models/fashion.bnn");

const SIZES: Sizes = MODEL.sizes();
const IMAGES: usize = 100;

// Written by `bnn test-vectors` into the folder that the build names.
#[unsafe(link_section = ".vectors_of_the_test")]
static PIXELS: [u8; IMAGES * SIZES.inputs] =
    *include_bytes!(concat!(env!("BNN_VECTORS"), "/fashion.inputs"));
#[unsafe(link_section = ".vectors_of_the_test")]
static SCORES: [u8; IMAGES * SIZES.outputs * 4] =
    *include_bytes!(concat!(env!("BNN_VECTORS"), "/fashion.outputs"));

#[cortex_m_rt::entry]
fn main() -> ! {
    process::exit(i32::from(check() != Some(IMAGES)))
}

/// How many images have the host's scores.
fn check() -> Option<usize> {
    let mut same = 0;
    let expected = SCORES.as_chunks::<4>().0.chunks_exact(SIZES.outputs);
    for (pixels, expected) in PIXELS.chunks_exact(SIZES.inputs).zip(expected) {
        // As a camera would have it: in RAM.
        let mut image = [0; SIZES.inputs];
        image
            .iter_mut()
            .zip(pixels)
            .for_each(|(to, from)| *to = *from);
        let mut scores = [0; SIZES.outputs];
        let mut scratch = [0; SIZES.scratch_words];
        let (input, output) = (Input::Bytes(&image), Output::I32(&mut scores));
        MODEL.run(1, input, output, &mut scratch).ok()?;
        let equal = scores
            .iter()
            .zip(expected)
            .all(|(score, bytes)| score.to_le_bytes() == *bytes);
        same += usize::from(equal);
    }
    Some(same)
}
