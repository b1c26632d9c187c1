//! Tells motions from the samples of a sensor as they come: a network of 1-D convolutions, which
//! stays in flash, takes them one by one, and keeps none longer than it needs. Compares every score
//! with the host's, which ran each window as a whole, bit for bit. The exit code is 1 on any
//! difference.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::model::{Input, Model, ModelError, Output, Sizes, Stream, argmax};
use boards::counter::Counter;
use boards::outcome::exit_code;
use boards::stack;
use semihosting::{println, process};

// Written by `cargo run --release --example motions -- BasicMotions_TRAIN.ts BasicMotions_TEST.ts
// motions` into the folder that the build names.
static MODEL: Model = bnn_core::include_model!(concat!(env!("BNN_VECTORS"), "/motions.bnn"));
static SAMPLES: &[u8] = include_bytes!(concat!(env!("BNN_VECTORS"), "/motions.inputs"));
static SCORES: &[u8] = include_bytes!(concat!(env!("BNN_VECTORS"), "/motions.outputs"));

const SIZES: Sizes = MODEL.sizes();
const CLASSES: usize = SIZES.outputs;
const AXES: usize = 6;
/// Samples of a recording; there is one of each class.
const RECORDING: usize = 100;

/// What a sample must not need more of.
const MOST_STACK: usize = 2048;

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    process::exit(exit_code("motions", check()))
}

/// # Errors
/// What differs from the host, or takes more than it may.
fn check() -> Result<(), &'static str> {
    let refused = |_: ModelError| "the library refused the model or a sample";
    let mut counter = Counter::start();
    let mut memory = [0; SIZES.stream_words];
    let mut stream = Stream::new(MODEL, &mut memory).map_err(refused)?;
    let mut expected = SCORES.as_chunks::<4>().0.chunks(CLASSES);
    let (mut most_instructions, mut most_stack) = (0, 0);
    let (mut results, mut right) = (0, 0);
    for (class, recording) in SAMPLES.chunks(RECORDING * AXES).enumerate() {
        stream.reset();
        for sample in recording.chunks(AXES) {
            let mut scores = [0.0; CLASSES];
            let painted = stack::paint();
            let (pushed, instructions) =
                counter.count(|| stream.push(Input::Bytes(sample), Output::F32(&mut scores)));
            most_stack = most_stack.max(painted.used());
            most_instructions = most_instructions.max(instructions);
            if !pushed.map_err(refused)? {
                continue;
            }
            let expected = expected.next().ok_or("more results than the host's")?;
            if !scores
                .iter()
                .map(|score| score.to_le_bytes())
                .eq(expected.iter().copied())
            {
                return Err("a score differs from the host's");
            }
            results += 1;
            right += usize::from(argmax(&scores) == Some(class));
        }
    }
    if expected.next().is_some() || results == 0 {
        return Err("fewer results than the host's");
    }
    println!("a sample: at most {most_instructions} instructions and {most_stack} bytes of stack");
    println!(
        "memory of the stream: {} bytes",
        SIZES.stream_words * size_of::<u64>()
    );
    if most_stack > MOST_STACK {
        return Err("more stack than the budget");
    }
    println!(
        "{results} results, {right} of the right class: every score is the host's, bit for bit"
    );
    Ok(())
}
