//! What a binary linear layer costs: instructions of one product of a row with a matrix in flash, checked against the
//! definition. The exit code is 1 on any difference, and where it costs more than its budget.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::{BitMatrixView, BitMatrixViewMut, Error, gemm_bits, gemm_i32, reference};
use boards::counter::Counter;
use boards::noise::noise_words;
use semihosting::{println, process};

/// `[outputs, inputs]` of the layer.
const N: usize = 256;
const K: usize = 256;
const WORDS: usize = K / 64;

/// Thousandths of an instruction per binary multiplication and addition that the layer may take.
const BUDGET: u32 = if cfg!(armv6m) {
    860
} else if cfg!(target_arch = "arm") {
    600
} else {
    640
};

/// In flash.
static WEIGHTS: [u64; N * WORDS] = noise_words(1);
static ROW: [u64; WORDS] = noise_words(2);

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    process::exit(match check() {
        Ok(Ok(())) => 0,
        Ok(Err(wrong)) => {
            println!("linear: {wrong}");
            1
        }
        Err(error) => {
            println!("linear: {error}");
            1
        }
    })
}

/// # Errors
/// What the library refuses (outer), what differs or costs too much (inner).
fn check() -> Result<Result<(), &'static str>, Error> {
    let mut counter = Counter::start();
    let weights = BitMatrixView::new(&WEIGHTS, N, K)?;
    let row = BitMatrixView::new(&ROW, 1, K)?;
    let mut expected = [0; N];
    reference::gemm_i32(row, weights, &mut expected, N)?;

    let mut sums = [0; N];
    let (done, for_sums) = counter.count(|| gemm_i32(row, weights, &mut sums, N));
    done?;
    if sums != expected {
        return Ok(Err("a sum differs from the definition"));
    }

    let thresholds = [3_i16; N];
    let mut words = [0; N / 64];
    let mut bits = BitMatrixViewMut::cleared(&mut words, 1, N)?;
    let (done, for_bits) = counter.count(|| gemm_bits(row, weights, &thresholds[..], &mut bits));
    done?;
    let fires = |j: usize| bits.view().get(0, j) == Some(expected[j] >= 3);
    if !(0..N).all(fires) {
        return Ok(Err("a bit differs from the definition"));
    }

    for (ending, instructions) in [("sums", for_sums), ("bits", for_bits)] {
        let thousandths = instructions * 1000 / (N * K) as u32;
        println!("{N} x {K} to {ending}: {instructions} instructions, 0.{thousandths:03} each");
        if thousandths > BUDGET {
            return Ok(Err("more instructions than the budget"));
        }
    }
    Ok(Ok(()))
}
