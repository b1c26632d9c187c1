//! Rows of integers of many lengths, around the steps of every kernel, each compared with the
//! definition: products with bytes, saturated sums, the greater of two. The exit code is 1 on any
//! difference.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::internal::rows::{add_products, add_to_each, most_of_each};
use boards::noise::noise;
use semihosting::{println, process};

/// Elements of the longest row.
const LEN: usize = 70;
/// Sums at most.
const SUMS: usize = 11;
/// Weights between those of a sum and those of the next, at most.
const GAP: usize = 3;

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    let mut checked = 0_u32;
    let mut wrong = 0_u32;
    let mut tell = |is_right: bool| {
        checked += 1;
        wrong += u32::from(!is_right);
    };
    for len in 0..=LEN {
        for extreme in [false, true] {
            let mut x: [i16; LEN + 1] = core::array::from_fn(|at| number(1, at, extreme));
            let to: [i16; LEN + 1] = core::array::from_fn(|at| number(2, at, extreme));
            // On both sides of a word's beginning.
            for start in [0, 1.min(LEN - len)] {
                tell(pairs_are_right(&to, &x, start, len));
            }
            // Sums of products with the greatest numbers do not leave `i32`.
            x.iter_mut().for_each(|x| *x >>= 1);
            for sums in 0..=SUMS {
                tell((0..=GAP).all(|gap| products_are_right(&x[..len], sums, len + gap, extreme)));
            }
        }
    }
    println!("{checked} rows, of which {wrong} are not those of the definition");
    process::exit(i32::from(wrong > 0))
}

/// A number of 16 bits; with `extreme` one of the least and the greatest.
fn number(seed: u32, at: usize, extreme: bool) -> i16 {
    match (extreme, noise(seed, at) as i16) {
        (false, number) => number,
        (true, ..0) => i16::MIN,
        (true, _) => i16::MAX,
    }
}

fn pairs_are_right(to: &[i16], x: &[i16], start: usize, len: usize) -> bool {
    let range = start..start + len;
    let (mut sums, mut greater) = ([0; LEN + 1], [0; LEN + 1]);
    sums.copy_from_slice(to);
    greater.copy_from_slice(to);
    add_to_each(&mut sums[range.clone()], &x[range.clone()]);
    most_of_each(&mut greater[range.clone()], &x[range.clone()]);
    (0..=LEN).all(|at| {
        let (a, b) = (to[at], x[at]);
        match range.contains(&at) {
            true => sums[at] == a.saturating_add(b) && greater[at] == a.max(b),
            false => sums[at] == a && greater[at] == a,
        }
    })
}

fn products_are_right(row: &[i16], sums: usize, stride: usize, extreme: bool) -> bool {
    let weights: [i8; (LEN + GAP) * SUMS] =
        core::array::from_fn(|at| (number(3, at, extreme) >> 8) as i8);
    // No weight after those of the last sum.
    let used = (stride * sums).saturating_sub(stride - row.len());
    let mut found = [0x5EED; SUMS];
    add_products(row, &weights[..used], stride, &mut found[..sums]);
    found.iter().enumerate().all(|(j, &found)| {
        let products = row.iter().enumerate();
        let products = products.map(|(i, &x)| i32::from(x) * i32::from(weights[j * stride + i]));
        found == 0x5EED + if j < sums { products.sum() } else { 0 }
    })
}
