//! Classifies Fashion-MNIST on a part with 32 KB of flash and 4 KB of RAM: the linker fails where
//! the program, the model in it, or its data are larger. A network of convolutions takes the images
//! row by row, as a camera reads them out, and keeps no more rows than its windows lie on. Compares
//! every score of 100 images with the host's, bit for bit. Nothing is printed, for text takes
//! flash: the exit code is 1 on any difference. A stack that does not fit ends in a fault, for no
//! memory lies below it.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::model::{Input, Model, Output, Sizes, Stream};
use boards as _; // its memory map
use semihosting::process;

/// Trained by `cargo run --release --example fashion_mnist -- --stages 32/64,64/96 --hidden ""
/// --epochs 20 --export fashion.bnn`.
static MODEL: Model = bnn_core::include_model!("../../../models/fashion.bnn");

const SIZES: Sizes = MODEL.sizes();
const IMAGES: usize = 100;
/// Bytes of a row.
const ROW: usize = {
    let [_, width, channels] = MODEL.input_shape();
    width * channels
};

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
    let mut memory = [0; SIZES.stream_words];
    let mut stream = Stream::new(MODEL, &mut memory).ok()?;
    let mut same = 0;
    let mut expected = SCORES.as_chunks::<4>().0.chunks_exact(SIZES.outputs);
    for row in PIXELS.chunks_exact(ROW) {
        let mut scores = [0.0_f32; SIZES.outputs];
        let is_whole = stream.push(Input::Bytes(row), Output::F32(&mut scores));
        if !is_whole.ok()? {
            continue;
        }
        let equal = scores
            .iter()
            .zip(expected.next()?)
            .all(|(score, bytes)| score.to_le_bytes() == *bytes);
        same += usize::from(equal);
    }
    Some(same)
}
