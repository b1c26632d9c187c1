//! Products of integers on Cortex-M4 and M7: `smlad` makes two of them and adds both, and `sxtb16`
//! extends two bytes of a word. Four weights and as many integers, which lie ready in two words,
//! take 5 instructions, and the two words one more for every four rows of weights.

use core::arch::naked_asm;

use crate::kernel::{IntegerWindows, LEN, SUMS};

/// Four integers in two words: the first and the third, the second and the fourth, as `sxtb16`
/// extends weights.
#[derive(Clone, Copy)]
#[repr(C, align(4))]
struct Quad([i16; 4]);

/// Quads of a window at most.
const QUADS: usize = LEN.div_ceil(4);
/// Rows of weights that are multiplied together.
const ROWS: usize = 4;

/// See [`add_products`](crate::kernel::arch::portable::integers::add_products).
pub(crate) fn add_products(
    windows: &IntegerWindows,
    weights: &[i8],
    stride: usize,
    sums: &mut [[i32; SUMS]],
    outputs: usize,
) {
    for (window, sums) in windows.iter().zip(sums) {
        let sums = sums.get_mut(..outputs).unwrap_or_default();
        of_window(window, weights, stride, sums);
    }
}

fn of_window(row: &[i16], weights: &[i8], stride: usize, sums: &mut [i32]) {
    let (fours, rest) = sums.as_chunks_mut::<ROWS>();
    let of_rest = stride.saturating_mul(ROWS * fours.len());
    let end_of_fours = of_rest.saturating_sub(stride).saturating_add(row.len());
    if row.len() < 4 || fours.is_empty() || end_of_fours > weights.len() {
        return one_by_one(row, weights, stride, sums);
    }
    let mut quads = [Quad([0; 4]); QUADS];
    let (whole, last) = row.as_chunks();
    for (to, &[a, b, c, d]) in quads.iter_mut().zip(whole) {
        *to = Quad([a, c, b, d]);
    }
    let (mut count, mut back) = (whole.len(), 0);
    if let Some(to) = quads.get_mut(count)
        && !last.is_empty()
    {
        // Its weights are read with those before them, which meet zeros.
        *to = Quad(match *last {
            [b, c, d] => [0, c, b, d],
            [c, d] => [0, c, 0, d],
            [d] => [0, 0, 0, d],
            _ => [0; 4],
        });
        back = 4 - last.len();
        count += 1;
    }
    let Some(quads) = quads.get(..count) else {
        return; // a window has no more
    };
    let (laid_out, sums) = (quads.as_ptr_range(), fours.as_mut_ptr_range());
    // SAFETY: there is a quad and four sums at least. The weights of each sum, `row.len()` of them
    // and so 4 at least, lie in `weights`, as `end_of_fours` says of the last: whole quads, and a
    // last one that ends where they do. Quads lie on words. A load of a word may be unaligned on
    // these cores.
    unsafe {
        add_fours(
            weights.as_ptr(),
            stride,
            laid_out.start,
            laid_out.end,
            sums.start,
            sums.end,
            back,
        )
    };
    let weights = weights.get(of_rest..).unwrap_or_default();
    one_by_one(row, weights, stride, rest);
}

/// The same in little code, for what is left.
#[inline(never)]
fn one_by_one(row: &[i16], weights: &[i8], stride: usize, sums: &mut [i32]) {
    let mut at = 0;
    for sum in sums {
        for (&x, &w) in row.iter().zip(weights.get(at..).unwrap_or_default()) {
            *sum = sum.wrapping_add(i32::from(x).wrapping_mul(w.into()));
        }
        at += stride;
    }
}

/// A quad of the row times a quad of weights of four rows, those of the first one last.
macro_rules! quad {
    () => {
        "ldrd r8, r9, [r2], #8
        ldr r10, [r0, r1]
        sxtb16 r11, r10
        smlad r5, r11, r8, r5
        sxtb16 r11, r10, ror #8
        smlad r5, r11, r9, r5
        ldr r10, [r0, r1, lsl #1]
        sxtb16 r11, r10
        smlad r6, r11, r8, r6
        sxtb16 r11, r10, ror #8
        smlad r6, r11, r9, r6
        ldr r10, [r0, r12]
        sxtb16 r11, r10
        smlad r7, r11, r8, r7
        sxtb16 r11, r10, ror #8
        smlad r7, r11, r9, r7
        ldr r10, [r0], #4
        sxtb16 r11, r10
        smlad r4, r11, r8, r4
        sxtb16 r11, r10, ror #8
        smlad r4, r11, r9, r4
        "
    };
}

/// Adds to each sum the products of the row with a row of weights, of which the next one lies
/// `stride` bytes further on: for four sums 23 instructions for each quad, and 13.
///
/// # Safety
/// There are quads and sums, and weights for all quads of each sum; the last quad of weights lies
/// `back` bytes before the end of the one before it.
#[unsafe(naked)]
unsafe extern "C" fn add_fours(
    weights: *const i8,
    stride: usize,
    row: *const Quad,
    row_end: *const Quad,
    sums: *mut [i32; ROWS],
    sums_end: *mut [i32; ROWS],
    back: usize,
) {
    naked_asm!(
        // r4 to r7 are sums, r8 and r9 a quad of the row, r12 is three strides, r3 the last quad,
        // lr the next sums.
        "push {{r4-r11, lr}}
        push {{r0, r2}}
        subs r3, #8
        add r12, r1, r1, lsl #1
        ldr lr, [sp, #44]
        2:
        ldm lr, {{r4-r7}}
        cmp r2, r3
        beq 4f
        3:",
        quad!(),
        "cmp r2, r3
        bne 3b
        4:
        ldr r8, [sp, #52]
        sub r0, r8",
        quad!(),
        "stm lr!, {{r4-r7}}
        ldrd r0, r2, [sp]
        add r0, r0, r1, lsl #2
        str r0, [sp]
        ldr r8, [sp, #48]
        cmp lr, r8
        bne 2b
        add sp, #8
        pop {{r4-r11, pc}}",
    )
}
