//! Runs a model of handwritten digits, which stays in flash, on 100 images, and compares every score with the
//! host's, bit for bit. Prints what a run costs: instructions and stack. The exit code is 1 on any difference.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::model::{Input, Model, ModelError, Output, Sizes, argmax};
use boards::counter::Counter;
use boards::stack;
use semihosting::{println, process};

/// Trained by `bnn train --arch mlp:128,64 --epochs 200`.
static MODEL: &[u8] = bnn_core::include_model!("../../../models/digits.bnn");
/// Written by `bnn test-vectors digits.bnn --data digits`.
static INPUTS: &[u8] = include_bytes!("../../../models/digits.inputs");
static OUTPUTS: &[u8] = include_bytes!("../../../models/digits.outputs");

/// Known when compiling: a file that is no model does not build.
const SIZES: Sizes = Sizes::of(MODEL).expect("a model file");
const PIXELS: usize = SIZES.inputs;
const CLASSES: usize = SIZES.outputs;
const SCRATCH: usize = SIZES.scratch_words;

/// What a run must not need more of.
const MOST_STACK: usize = 1024;

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    process::exit(match check() {
        Ok(()) => 0,
        Err(wrong) => {
            println!("digits: {wrong}");
            1
        }
    })
}

/// # Errors
/// What differs from the host, or takes more than it may.
fn check() -> Result<(), &'static str> {
    let refused = |_: ModelError| "the library refused the model or a run";
    let mut counter = Counter::start();
    let (opened, instructions) = counter.count(|| Model::open(MODEL));
    let model = opened.map_err(refused)?;
    println!("open: {instructions} instructions");

    let (mut samples, mut most_instructions, mut most_stack) = (0, 0, 0);
    let outputs = OUTPUTS.as_chunks::<4>().0.chunks(CLASSES);
    for (pixels, expected) in INPUTS.chunks(PIXELS).zip(outputs) {
        let mut scratch = [0; SCRATCH];
        let mut scores = [0.0; CLASSES];
        let painted = stack::paint();
        let (run, instructions) = counter.count(|| {
            let input = Input::Bytes(pixels);
            model.run(1, input, Output::F32(&mut scores), &mut scratch)
        });
        most_stack = most_stack.max(painted.used());
        most_instructions = most_instructions.max(instructions);
        run.map_err(refused)?;
        let expected = expected.iter().map(|bytes| u32::from_le_bytes(*bytes));
        if !scores.iter().map(|score| score.to_bits()).eq(expected) {
            return Err("a score differs from the host's");
        }
        if argmax(&scores).is_none() {
            return Err("no class was found");
        }
        samples += 1;
    }
    println!("run: at most {most_instructions} instructions and {most_stack} bytes of stack");
    println!("scratch memory: {} bytes", SCRATCH * size_of::<u64>());
    if most_stack > MOST_STACK {
        return Err("more stack than the budget");
    }
    if samples != 100 {
        return Err("not 100 images");
    }
    println!("{samples} images: every score is the host's, bit for bit");
    Ok(())
}
