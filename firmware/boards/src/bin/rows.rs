//! Rows of integers of many lengths, around the steps of every kernel, each compared with the
//! definition: products with bytes, saturated sums, the greater of two. The exit code is 1 on any
//! difference.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::internal::rows::{
    LEN as LONGEST, SUMS, WINDOWS, add_each_product, add_products, add_to_each, most_of_each,
};
use boards::noise::noise;
use semihosting::{println, process};

/// Elements of the longest row.
const LEN: usize = 70;
/// Sums of a row of products at most.
const OUTPUTS: usize = 11;
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
            let x = Row(core::array::from_fn(|at| number(1, at, extreme)));
            let to = Row(core::array::from_fn(|at| number(2, at, extreme)));
            // Each on a word's beginning and in its middle.
            for starts in [[0, 0], [0, 1], [1, 0], [1, 1]] {
                tell(pairs_are_right(&to, &x, starts, len));
                for step in [1, 8] {
                    tell(each_product_is_right(&to, &x, starts, len.min(SUMS), step));
                }
            }
            for outputs in (0..=OUTPUTS).filter(|_| len <= LONGEST) {
                // Windows that overlap, on words and between them, and windows apart.
                for step in [1, 2, len, len + 3] {
                    tell((0..=GAP).all(|gap| {
                        let stride = len + gap;
                        products_are_right([step, len], stride, outputs, extreme)
                    }));
                }
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

/// Elements that begin on a word, as kernels that take two at once ask for.
#[repr(align(4))]
struct Row([i16; LEN + 1]);

/// Of `len` elements from `starts` on in each row.
fn pairs_are_right(to: &Row, x: &Row, starts: [usize; 2], len: usize) -> bool {
    let [own, other] = starts.map(|start| start..start + len);
    let (mut sums, mut greater) = (Row(to.0), Row(to.0));
    add_to_each(&mut sums.0[own.clone()], &x.0[other.clone()]);
    most_of_each(&mut greater.0[own.clone()], &x.0[other]);
    (0..=LEN).all(|at| {
        let a = to.0[at];
        let is_right = |sum, most| sums.0[at] == sum && greater.0[at] == most;
        match own.contains(&at) {
            true => {
                let b = x.0[at + starts[1] - starts[0]];
                is_right(a.saturating_add(b), a.max(b))
            }
            false => is_right(a, a),
        }
    })
}

/// Of three pixels with `len` elements from `starts` on in each row, pixels `step` apart.
fn each_product_is_right(w: &Row, x: &Row, starts: [usize; 2], len: usize, step: usize) -> bool {
    let mut sums = [[0x5EED; SUMS]; 3];
    let of_w = starts[0]..starts[0] + len;
    add_each_product(&mut sums, &x.0[starts[1]..], step, &w.0[of_w]);
    sums.iter().enumerate().all(|(pixel, sums)| {
        sums.iter().enumerate().all(|(at, &sum)| {
            let product = |x: &i16, w: &i16| i32::from(*x) * i32::from(*w);
            let x = x.0.get(starts[1] + pixel * step + at);
            let product = match (x, w.0.get(starts[0] + at)) {
                (Some(x), Some(w)) if at < len => product(x, w),
                _ => 0,
            };
            sum == 0x5EED_i32.wrapping_add(product)
        })
    })
}

/// Of windows of `len` elements, `step` apart, as many as there is room for.
fn products_are_right(
    [step, len]: [usize; 2],
    stride: usize,
    outputs: usize,
    extreme: bool,
) -> bool {
    let row: [i16; (LEN + 3) * WINDOWS] = core::array::from_fn(|at| number(4, at, extreme));
    let weights: [i8; (LEN + GAP) * OUTPUTS] =
        core::array::from_fn(|at| (number(3, at, extreme) >> 8) as i8);
    // No weight after those of the last sum.
    let used = (stride * outputs).saturating_sub(stride - len);
    let mut found = [[0x5EED; SUMS]; WINDOWS];
    let sizes = [step, len];
    let count = add_products(&row, sizes, &weights[..used], stride, &mut found, outputs);
    found.iter().enumerate().all(|(window, found)| {
        found.iter().enumerate().all(|(j, &found)| {
            let product =
                |i| i32::from(row[window * step + i]) * i32::from(weights[j * stride + i]);
            let sum = match window < count && j < outputs {
                true => (0..len).map(product).sum(),
                // Up to a multiple of four they mean nothing.
                false if window < count && j < outputs.next_multiple_of(4) => return true,
                false => 0,
            };
            found == 0x5EED + sum
        })
    })
}
