//! Runs any model of images from flash, row by row, as a camera reads them out, and compares every
//! score with the host's, bit for bit. Prints what an image costs: instructions, memory, stack.
//!
//! `examples/tiny/measure.sh` builds it around a model and what `bnn test-vectors` wrote for it, and
//! runs it in emulators.
#![no_std]
#![no_main]

use bnn_core::model::{Input, Model, OutputType, Sizes, Stream};
use boards::counter::Counter;
use boards::digits::Score;
use boards::stack;
use boards::told::tell;
use semihosting::process;

static MODEL: Model = bnn_core::include_model!(concat!(env!("BNN_VECTORS"), "/tiny.bnn"));

const SIZES: Sizes = MODEL.sizes();
/// Bytes of a row.
const ROW: usize = {
    let [_, width, channels] = MODEL.input_shape();
    width * channels
};

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

/// How many images have the host's scores.
fn check<S: Score>() -> Option<usize> {
    let mut memory = [0; SIZES.stream_words];
    tell("memory: ", size_of_val(&memory) as u32, " bytes");
    let mut stream = Stream::new(MODEL, &mut memory).ok()?;
    let mut counter = Counter::start_long();
    let (mut same, mut instructions, mut most_instructions, mut most_stack) = (0, 0, 0, 0);
    let mut expected = SCORES.as_chunks::<4>().0.chunks_exact(SIZES.outputs);
    for row in PIXELS.chunks_exact(ROW) {
        let mut scores = [S::default(); SIZES.outputs];
        let painted = stack::paint();
        // Row by row, because no timer counts as far as a large image takes.
        let (is_whole, of_row) =
            counter.count(|| stream.push(Input::Bytes(row), S::output(&mut scores)));
        most_stack = most_stack.max(painted.used());
        instructions += of_row;
        if !is_whole.ok()? {
            continue;
        }
        most_instructions = most_instructions.max(instructions);
        instructions = 0;
        stream.reset(); // also of models that slide, so that each image is one of its own
        let found = scores.iter().map(|&score| score.to_le_bytes());
        same += usize::from(found.eq(expected.next()?.iter().copied()));
    }
    tell("an image: at most ", most_instructions, " instructions");
    tell("stack: ", most_stack as u32, " bytes");
    Some(same)
}
