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

use bnn_core::model::{Input, Model, Output, Sizes, Stream};
use boards::counter::Counter;
use boards::told::tell;
use semihosting::process;

// Written by the example `resnet32` of `bnn-autograd`, and by `bnn test-vectors`, into the folder
// that the build names.
static MODEL: Model = bnn_core::include_model!(concat!(env!("BNN_VECTORS"), "/resnet32.bnn"));

const SIZES: Sizes = MODEL.sizes();
const IMAGES: usize = 10;
/// Bytes of a row.
const ROW: usize = {
    let [_, width, channels] = MODEL.input_shape();
    width * channels
};

#[unsafe(link_section = ".vectors_of_the_test")]
static PIXELS: [u8; IMAGES * SIZES.inputs] =
    *include_bytes!(concat!(env!("BNN_VECTORS"), "/resnet32.inputs"));
#[unsafe(link_section = ".vectors_of_the_test")]
static SCORES: [u8; IMAGES * SIZES.outputs * 4] =
    *include_bytes!(concat!(env!("BNN_VECTORS"), "/resnet32.outputs"));

#[cortex_m_rt::entry]
fn main() -> ! {
    let same = check().unwrap_or(0);
    let after = " images have every score of the host, bit for bit";
    tell("", same as u32, after);
    process::exit(i32::from(same != IMAGES))
}

/// How many images have the host's scores.
fn check() -> Option<usize> {
    let mut memory = [0; SIZES.stream_words];
    tell(
        "memory of the stream: ",
        size_of_val(&memory) as u32,
        " bytes",
    );
    let mut stream = Stream::new(MODEL, &mut memory).ok()?;
    let mut counter = Counter::start_long();
    let (mut same, mut instructions, mut most_instructions) = (0, 0, 0);
    let mut expected = SCORES.as_chunks::<4>().0.chunks_exact(SIZES.outputs);
    for row in PIXELS.chunks_exact(ROW) {
        let mut scores = [0_i32; SIZES.outputs];
        // Row by row: the last one takes many times what the others do, more than a round of the
        // board's timer.
        let (is_whole, of_row) =
            counter.count(|| stream.push(Input::Bytes(row), Output::I32(&mut scores)));
        instructions += of_row;
        if !is_whole.ok()? {
            continue;
        }
        most_instructions = most_instructions.max(instructions);
        instructions = 0;
        let found = scores.iter().map(|score| score.to_le_bytes());
        same += usize::from(found.eq(expected.next()?.iter().copied()));
    }
    tell("an image: at most ", most_instructions, " instructions");
    Some(same)
}
