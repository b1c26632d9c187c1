//! Windows in place: every kernel sums as the definition does.

use alloc::vec;
use alloc::vec::Vec;

use super::stream;
use crate::kernel::windows::{BlockWindow, GROUP, Lanes, WindowBlock, WindowProduct};
use crate::kernel::{Kernel, NR, Sums};

/// The sum of a group's products with a lane.
type Product = fn(x: [u8; GROUP], lane: u32) -> i32;

fn of_bytes(x: [u8; GROUP], lane: u32) -> i32 {
    let pairs = x.iter().zip(lane.to_le_bytes());
    pairs
        .map(|(x, w)| i32::from(*x) * i32::from(w.cast_signed()))
        .sum()
}

fn of_bits(x: [u8; GROUP], lane: u32) -> i32 {
    -((u32::from_le_bytes(x) ^ lane).count_ones() as i32)
}

/// A number of windows, as few as are around the sizes of blocks.
fn counts() -> impl Iterator<Item = usize> {
    (1..=17).chain([31, 33, 64, 65, MOST])
}

const MOST: usize = 100;

/// Windows that overlap, groups that lie anywhere, and limits at, below and above the sums.
fn check<'k>(
    products: impl Iterator<Item = &'k WindowProduct>,
    of: Product,
    weights: impl Fn(u64) -> u32,
    x: &[u8],
    groups: usize,
) {
    let numbers = stream(groups as u64, groups * NR);
    let lanes: Vec<Lanes> = numbers
        .chunks(NR)
        .map(|lanes| core::array::from_fn(|j| weights(lanes[j])))
        .collect();
    let offsets: Vec<u32> = (0..groups)
        .map(|g| (g * 7 % (x.len() / 2)) as u32)
        .collect();
    let windows: Vec<BlockWindow> = (0..MOST)
        .map(|i| BlockWindow {
            first: (i * 11 % (x.len() / 2 - GROUP)) as u32,
            way: (i % 3) as u32,
        })
        .collect();
    let expected: Vec<[i32; NR]> = windows
        .iter()
        .map(|window| {
            core::array::from_fn(|j| {
                let sums = offsets.iter().zip(&lanes).map(|(offset, lanes)| {
                    let at = (window.first + offset) as usize;
                    of(core::array::from_fn(|i| x[at + i]), lanes[j])
                });
                sums.sum()
            })
        })
        .collect();
    for product in products {
        for count in counts() {
            let block = WindowBlock {
                bytes: x,
                windows: &windows[..count],
                groups: &offsets,
            };
            check_sums(product, &block, &lanes, &expected[..count]);
        }
    }
}

/// Sums, and which of them reach their limits, of windows whose sums are `expected`.
fn check_sums(
    product: &WindowProduct,
    block: &WindowBlock<'_>,
    lanes: &[Lanes],
    expected: &[[i32; NR]],
) {
    let mut panel = lanes.to_vec();
    assert!(product.order().arrange(&mut panel).is_ok());
    let count = expected.len();
    let mut sums = vec![Sums([7; NR]); count];
    product.sums(block, &panel, &mut sums);
    assert!(sums.iter().map(|sums| sums.0).eq(expected.iter().copied()));

    let limits: [[i32; NR]; 3] = core::array::from_fn(|way| {
        core::array::from_fn(|j| expected[0][j] + (way + j) as i32 % 3 - 1)
    });
    // Once more with the same panel, and a column that is not theirs.
    let panels = [panel.as_slice(), &panel].concat();
    let mut both = Vec::new();
    product.order().push_limits(&limits, &mut both);
    assert_eq!(both.len(), product.order().limit_rows(3));
    product.order().push_limits(&limits, &mut both);
    let mut out = vec![0x5EED; count * 3 + 1];
    product.reached(block, &panels, &both, &mut out[..count * 3], 3);
    for (i, (row, expected)) in out.chunks(3).zip(expected).enumerate() {
        for (j, sum) in expected.iter().enumerate() {
            assert_eq!(
                row[0] >> j & 1 == 1,
                *sum >= limits[i % 3][j],
                "{} groups, window {i}, lane {j}",
                lanes.len()
            );
        }
        assert_eq!((row[1], row[2]), (row[0], 0x5EED));
    }
    assert_eq!(out[count * 3], 0x5EED, "written outside");
}

/// Groups around what 16-bit sums of AVX2 hold.
const GROUPS: [usize; 9] = [1, 2, 3, 9, 63, 64, 65, 128, 200];

#[test]
fn bytes_are_multiplied_with_signs() {
    let x: Vec<u8> = stream(3, 200).iter().map(|&x| x as u8).collect();
    let signs = |x: u64| {
        let byte = |i: u32| [0_u8, 1, u8::MAX, 1][(x >> (8 * i) & 3) as usize];
        u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)])
    };
    let products = || Kernel::available().map(Kernel::window_bytes);
    for groups in GROUPS {
        check(products(), of_bytes, signs, &x, groups);
        // The largest sums, of both signs.
        let largest = [u8::MAX; 200];
        check(products(), of_bytes, |_| 0x0101_0101, &largest, groups);
        check(products(), of_bytes, |_| u32::MAX, &largest, groups);
    }
}

#[test]
fn bits_that_differ_are_counted() {
    let x: Vec<u8> = stream(5, 200).iter().map(|&x| x as u8).collect();
    let products = || Kernel::available().filter_map(Kernel::window_bits);
    for groups in GROUPS {
        check(products(), of_bits, |x| x as u32, &x, groups);
        check(products(), of_bits, |_| u32::MAX, &[0; 200], groups);
    }
}

/// A window that reaches out of its memory is a bug of the caller, and no access to what is not its
/// memory.
#[cfg(not(debug_assertions))]
#[test]
fn windows_outside_are_not_read() {
    for kernel in Kernel::available() {
        let windows = [BlockWindow {
            first: u32::MAX,
            way: 0,
        }];
        let block = WindowBlock {
            bytes: &[0; 8],
            windows: &windows,
            groups: &[0],
        };
        let mut sums = [Sums([7; NR])];
        kernel.window_bytes().sums(&block, &[[0; NR]], &mut sums);
    }
}
