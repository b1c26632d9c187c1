//! What layers cost on this core: the constants by which `bnn info --mcu` predicts instructions
//! (`crates/bnn-cli/src/mcu/cores.rs`), each in instructions.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::model::{Aligned, Input, Model, ModelError, Output, Sizes};
use bnn_core::{BitMatrixView, BitMatrixViewMut, Error, Planes, gemm_bits, gemm_f32, gemm_i32};
use boards::counter::Counter;
use boards::outcome::exit_code;
use boards::stack;
use semihosting::{println, process};

/// Outputs of the two products whose difference is the cost of an output.
const FEW: usize = 16;
const MANY: usize = 80;
/// Words of a row, at most.
const WORDS: usize = 8;
/// Inputs in a word.
const WORD: usize = 64;
/// Bits of an unsigned input, at most.
const DEPTH: usize = 6;
/// Bytes that are looked up in tables together, where a model's first layer multiplies bytes.
const TOGETHER: usize = 16;
/// Instructions to compare a byte with its threshold, by the listing of that loop.
const REACH: u32 = if cfg!(armv6m) {
    14
} else if cfg!(target_arch = "arm") {
    12
} else {
    13
};

/// What the bits are does not change the number of instructions.
static WEIGHTS: [u64; MANY * WORDS] = [0x9E37_79B9_7F4A_7C15; MANY * WORDS];
static ROW: [u64; WORDS] = [0xBF58_476D_1CE4_E5B9; WORDS];
static BYTES: [u8; WORD] = [1; WORD];

/// 64 inputs of 5 bits, 128 and 64 hidden, 10 scores.
static FILE: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../models/digits-int.bnn"));
static MODEL: Model = bnn_core::include_model!("../../../models/digits-int.bnn");
const SIZES: Sizes = MODEL.sizes();

/// A model of the same sizes whose inputs thresholds make bits of.
static BITS_MODEL: Model = bnn_core::include_model!("../../../models/digits-bits.bnn");

/// Enough for both.
const SCRATCH: usize = {
    let on_bits = BITS_MODEL.sizes().scratch_words;
    if on_bits > SIZES.scratch_words {
        on_bits
    } else {
        SIZES.scratch_words
    }
};

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    process::exit(exit_code("costs", measure()))
}

/// # Errors
/// What the library refuses.
fn measure() -> Result<(), ModelError> {
    let mut counter = Counter::start();
    let mut to_bit = [0; 5];
    for (cost, words) in to_bit.iter_mut().zip([1, 2, 3, 4, 8]) {
        *cost = per_output(|n| bits(&mut counter, words, n))?;
    }
    let [one, two, three, four, eight] = to_bit;
    let low = per_output(|n| planes(&mut counter, 2, n))?;
    let high = per_output(|n| planes(&mut counter, DEPTH, n))?;
    let count = (high - low) / (DEPTH as u32 - 2);
    let bit = one - count;
    // By way of planes: sums of packed signs are written where they belong, which the runner of
    // models does not.
    let sum = (per_output(|n| sums(&mut counter, n))? + bit).saturating_sub(low);
    let real = per_output(|n| affine(&mut counter, n))? - count;
    println!(
        "counts: [{count}, {}, {}, {}]",
        two - bit,
        three - bit,
        four - bit
    );
    println!("further: {}", eight - four);
    println!("bit: {bit}");
    println!("sum: {sum}");
    println!("real: {real}");

    let mut runs = [0; 2];
    for (model, run) in [&MODEL, &BITS_MODEL].into_iter().zip(&mut runs) {
        let pixels = BYTES.get(..SIZES.inputs).unwrap_or_default();
        let mut scores = [0; SIZES.outputs];
        let mut scratch = [0; SCRATCH];
        let (done, instructions) = counter.count(|| {
            let (input, output) = (Input::Bytes(pixels), Output::I32(&mut scores));
            model.run(1, input, output, &mut scratch)
        });
        done?;
        *run = instructions;
    }
    let [on_bytes, on_bits] = runs;
    let after = 64 * two + 10 * (count + sum);
    let layers = on_bits - 128 * one - WORD as u32 * REACH - after;
    println!("layer: {}", layers / 3);
    let first = (on_bytes - layers - after) / 128 - bit;
    println!("bytes: {}", first / (WORD / TOGETHER) as u32);
    let painted = stack::paint();
    let (opened, open) = counter.count(|| Model::open(&FILE.0));
    let stack = painted.used();
    println!("open: {}", open / opened?.file_bytes() as u32);
    println!("stack of open: {stack}");
    Ok(())
}

/// Instructions for each output more.
///
/// # Errors
/// Those of `product`, which gives the instructions for a number of outputs.
fn per_output(mut product: impl FnMut(usize) -> Result<u32, Error>) -> Result<u32, Error> {
    let (few, many) = (product(FEW)?, product(MANY)?);
    Ok((many - few) / (MANY - FEW) as u32)
}

fn operands(
    words: usize,
    n: usize,
) -> Result<(BitMatrixView<'static>, BitMatrixView<'static>), Error> {
    let row = ROW.get(..words).unwrap_or_default();
    let weights = WEIGHTS.get(..n * words).unwrap_or_default();
    Ok((
        BitMatrixView::new(row, 1, words * WORD)?,
        BitMatrixView::new(weights, n, words * WORD)?,
    ))
}

fn bits(counter: &mut Counter, words: usize, n: usize) -> Result<u32, Error> {
    let (row, weights) = operands(words, n)?;
    let thresholds = [3_i16; MANY];
    let thresholds = thresholds.get(..n).unwrap_or_default();
    let mut out = [0; MANY.div_ceil(WORD)];
    let out = out.get_mut(..n.div_ceil(WORD)).unwrap_or_default();
    let mut out = BitMatrixViewMut::cleared(out, 1, n)?;
    let (done, instructions) = counter.count(|| gemm_bits(row, weights, thresholds, &mut out));
    done?;
    Ok(instructions)
}

fn sums(counter: &mut Counter, n: usize) -> Result<u32, Error> {
    let (_, weights) = operands(1, n)?;
    let mut work = [0; DEPTH + 1];
    let planes = Planes::split(&BYTES, WORD, 1, WORD, 2, &mut work)?;
    let mut out = [0; MANY];
    let (done, instructions) = counter.count(|| gemm_i32(planes, weights, &mut out, n));
    done?;
    Ok(instructions)
}

fn affine(counter: &mut Counter, n: usize) -> Result<u32, Error> {
    let (row, weights) = operands(1, n)?;
    let factors = [0.3; MANY];
    let factors = factors.get(..n).unwrap_or_default();
    let mut out = [0.0; MANY];
    let (done, instructions) =
        counter.count(|| gemm_f32(row, weights, factors, factors, &mut out, n));
    done?;
    Ok(instructions)
}

fn planes(counter: &mut Counter, depth: usize, n: usize) -> Result<u32, Error> {
    let (_, weights) = operands(1, n)?;
    let thresholds = [3_i16; MANY];
    let thresholds = thresholds.get(..n).unwrap_or_default();
    let mut work = [0; DEPTH + 1];
    let planes = Planes::split(&BYTES, WORD, 1, WORD, depth, &mut work)?;
    let mut out = [0; MANY.div_ceil(WORD)];
    let out = out.get_mut(..n.div_ceil(WORD)).unwrap_or_default();
    let mut out = BitMatrixViewMut::cleared(out, 1, n)?;
    let (done, instructions) = counter.count(|| gemm_bits(planes, weights, thresholds, &mut out));
    done?;
    Ok(instructions)
}
