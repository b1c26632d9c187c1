//! What a binary linear layer costs: instructions of one product of a row with a matrix in flash,
//! checked against the definition. The exit code is 1 on any difference, and where it costs more
//! than its budget.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::{BitMatrixView, BitMatrixViewMut, Error, gemm_bits, gemm_i32, reference};
use boards::counter::Counter;
use boards::noise::noise_words;
use semihosting::{println, process};

/// `[outputs, inputs]` of layers, the largest number of either, and the words of weights of all of
/// them.
const SHAPES: [[usize; 2]; 6] = [
    [256, 256],
    [256, 64],
    [256, 128],
    [128, 512],
    [64, 1024],
    [16, 4096],
];
const MOST: [usize; 2] = [256, 4096];
const WORDS: usize = 1024;

/// Thousandths of an instruction per binary multiplication and addition that the first layer may
/// take, to sums and to bits.
const BUDGET: [u32; 2] = if cfg!(armv6m) {
    [346, 457]
} else if cfg!(target_arch = "arm") {
    [255, 327]
} else {
    [357, 442]
};

/// In flash.
static WEIGHTS: [u64; WORDS] = noise_words(1);
static ROW: [u64; MOST[1] / 64] = noise_words(2);

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
    for [n, k] in SHAPES {
        let weights = BitMatrixView::new(&WEIGHTS[..n * k / 64], n, k)?;
        let row = BitMatrixView::new(&ROW[..k / 64], 1, k)?;
        let mut expected = [0; MOST[0]];
        reference::gemm_i32(row, weights, &mut expected, n)?;

        let mut sums = [0; MOST[0]];
        let (done, for_sums) = counter.count(|| gemm_i32(row, weights, &mut sums, n));
        done?;
        if sums != expected {
            return Ok(Err("a sum differs from the definition"));
        }

        let thresholds = [3_i16; MOST[0]];
        let mut words = [0; MOST[0] / 64];
        let mut bits = BitMatrixViewMut::cleared(&mut words[..n.div_ceil(64)], 1, n)?;
        let (done, for_bits) =
            counter.count(|| gemm_bits(row, weights, &thresholds[..n], &mut bits));
        done?;
        let fires = |j: usize| bits.view().get(0, j) == Some(expected[j] >= 3);
        if !(0..n).all(fires) {
            return Ok(Err("a bit differs from the definition"));
        }

        for (i, instructions) in [for_sums, for_bits].into_iter().enumerate() {
            let epilogue = ["sums", "bits"][i];
            let thousandths = (instructions * 1000).div_ceil((n * k) as u32);
            let (whole, part) = (thousandths / 1000, thousandths % 1000);
            println!(
                "{n} x {k} to {epilogue}: {instructions} instructions, {whole}.{part:03} each"
            );
            if [n, k] == SHAPES[0] && thousandths > BUDGET[i] {
                return Ok(Err("more instructions than the budget"));
            }
        }
    }
    Ok(Ok(()))
}
