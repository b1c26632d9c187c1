//! Products of rows with matrices of many widths and heights, around the blocks of every kernel,
//! each compared with the definition. The exit code is 1 on any difference.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::{BitMatrixView, BitMatrixViewMut, Error, Planes, gemm_bits, gemm_i32, reference};
use boards::noise::noise;
use semihosting::{println, process};

/// Elements of the longest row, outputs of the tallest matrix.
const K: usize = 1100;
const N: usize = 37;
const WORDS: usize = K.div_ceil(64);

/// Bits per element of integer inputs.
const DEPTH: usize = 3;

/// What a sum is that must not be written.
const GUARD: i32 = 0x5EED;

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    process::exit(match check_all() {
        Ok(products) => {
            println!("{products} products are those of the definition");
            0
        }
        Err(wrong) => {
            println!("products: {wrong}");
            1
        }
    })
}

/// How many products there are: odd widths, those around every word, and some long ones.
///
/// # Errors
/// What differs, or what the library refuses.
fn check_all() -> Result<u32, Wrong> {
    let around_words = (64..=640).step_by(64).flat_map(|k| [k - 1, k, k + 1]);
    let odd = (1..=600).step_by(22);
    let mut products = 0;
    for k in odd.chain(around_words).chain([767, 768, 1024, K]) {
        // One output, an odd and an even number, and more than are taken at once.
        for n in [1, 2, 7, N] {
            // The signs at their extremes too: all equal, all different.
            for extreme in [None, Some(0), Some(u64::MAX)] {
                check(k, n, extreme)?;
                products += 1;
            }
        }
    }
    Ok(products)
}

/// Why a check failed.
enum Wrong {
    Refused(Error),
    Differs {
        what: &'static str,
        k: usize,
        n: usize,
    },
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Wrong::Refused(error)
    }
}

impl core::fmt::Display for Wrong {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Wrong::Refused(error) => write!(f, "refused: {error}"),
            Wrong::Differs { what, k, n } => write!(f, "{what} differ: k = {k}, n = {n}"),
        }
    }
}

/// Multiplies a row of `k` elements with `n` rows. With `extreme` the row is all ones
/// and each word of the weights is `extreme`.
fn check(k: usize, n: usize, extreme: Option<u64>) -> Result<(), Wrong> {
    let differs = |what| Wrong::Differs { what, k, n };
    let words = k.div_ceil(64);
    let mut row = [0_u64; WORDS];
    let mut weights = [0_u64; N * WORDS];
    fill(&mut row[..words], k, |at| {
        extreme.map_or(noise(k as u32, at), |_| u64::MAX)
    });
    fill(&mut weights[..n * words], k, |at| {
        extreme.unwrap_or(noise(n as u32, at))
    });
    let row = BitMatrixView::new(&row[..words], 1, k)?;
    let weights = BitMatrixView::new(&weights[..n * words], n, k)?;
    let mut expected = [0; N];
    reference::gemm_i32(row, weights, &mut expected, n)?;

    let mut sums = [GUARD; N + 1];
    gemm_i32(row, weights, &mut sums[..n], n)?;
    if sums[..n] != expected[..n] || sums[n] != GUARD {
        return Err(differs("sums"));
    }

    let thresholds = [1_i16; N];
    let mut bits = [0; N.div_ceil(64)];
    let mut bits = BitMatrixViewMut::cleared(&mut bits, 1, n)?;
    gemm_bits(row, weights, &thresholds[..n], &mut bits)?;
    if !(0..n).all(|j| bits.view().get(0, j) == Some(expected[j] >= 1)) {
        return Err(differs("bits"));
    }

    // Integers go the same way plane by plane; one more width for each is enough.
    if n != N || extreme.is_some() {
        return Ok(());
    }
    let mut bytes = [0_u8; K];
    for (at, byte) in bytes[..k].iter_mut().enumerate() {
        *byte = noise(3, at) as u8 >> (8 - DEPTH);
    }
    let mut planes = [0; (DEPTH + 1) * WORDS];
    let planes = Planes::split(&bytes[..k], k, 1, k, DEPTH, &mut planes)?;
    gemm_i32(planes, weights, &mut sums[..n], n)?;
    for (j, &sum) in sums[..n].iter().enumerate() {
        let sign = |i| {
            if weights.get(j, i) == Some(true) {
                1
            } else {
                -1
            }
        };
        let expected: i32 = (0..k).map(|i| sign(i) * i32::from(bytes[i])).sum();
        if sum != expected {
            return Err(differs("sums of integers"));
        }
    }
    Ok(())
}

/// Words of rows of `k` elements, those after them zero.
fn fill(words: &mut [u64], k: usize, word: impl Fn(usize) -> u64) {
    let row = k.div_ceil(64);
    for (at, to) in words.iter_mut().enumerate() {
        let last = at % row == row - 1 && k % 64 != 0;
        let used = if last { (1 << (k % 64)) - 1 } else { u64::MAX };
        *to = word(at) & used;
    }
}
