//! Products of one row with many on Cortex-M4 and M7: Thumb-2 with the DSP extension, in assembly,
//! because the compiler neither keeps the masks in registers nor uses the shifter of the last
//! operand.
//!
//! Three words of mismatches are counted together (*merging*, after C. Lauradoux). Two of them
//! become fields of 2 bits, each the sum of two bits, which leave room for the bits of the third;
//! then fields of 4 bits, at most `3 * 4`, and bytes, at most `3 * 8`:
//!
//! ```text
//! a -= (a & 0xAA..) >> 1;  a += c & 0x55..           a field is 3 at most
//! b -= (b & 0xAA..) >> 1;  b += (c & 0xAA..) >> 1
//! x  = a - 3 * (a >> 2 & 0x33..)                     (4 p + q) - 3 p = p + q, so `mls` adds two fields
//! y  = b - 3 * (b >> 2 & 0x33..);  x += y
//! x -= 15 * (x >> 4 & 0x0F..)                        (16 p + q) - 15 p
//! ```
//!
//! `usada8` adds the distances of the four bytes from 0x33, a mask that is in a register anyway:
//! `204 - count`, because no byte exceeds 24. A triple takes 16 instructions, a pair 12. Full
//! adders of 5 instructions each would save one of the 44 for eight words, but their results do not
//! fit into the 14 registers.

use core::arch::naked_asm;
use core::ops::Range;

/// Words of 32 bits in a block.
const BLOCK: usize = 8;

/// The result of `usad8` for a triple, a pair or a word, if no bit differs.
const NONE_DIFFERS: i32 = 4 * 0x33;
/// Twice that for the three groups of a block.
const BIAS: i32 = 2 * 3 * NONE_DIFFERS;

/// See [`Kernel::dot_rows`](crate::kernel::Kernel::dot_rows).
pub(in crate::kernel::arch) fn dot_rows(row: &[u64], others: &[u64], k: i32, sums: &mut [i32]) {
    let others: &[u32] = bytemuck::cast_slice(others);
    let row: &[u32] = bytemuck::cast_slice(row);
    let count = sums.len();
    if count == 0 || row.len().saturating_mul(count) > others.len() {
        return;
    }
    if let ([block], []) = row.as_chunks() {
        let (weights, to) = (others.as_ptr(), sums.as_mut_ptr());
        // SAFETY: `others` has a row of eight words for each of the sums, of which there is one at
        // least.
        unsafe { one_block(weights, to, count, block, k.wrapping_sub(BIAS)) };
        return;
    }
    sums.fill(k);
    subtract_mismatches(row, others, 0..row.len(), sums);
}

/// Subtracts from each sum twice the number of bits in which `row` and a row of the same length in
/// `others` differ in their `part`: words of 32 bits. By arithmetic, see
/// [`Kernel::counts_by_arithmetic`](crate::kernel::Kernel::counts_by_arithmetic).
pub(crate) fn subtract_mismatches(
    row: &[u32],
    others: &[u32],
    part: Range<usize>,
    sums: &mut [i32],
) {
    let (stride, at) = (row.len(), part.start);
    let (Some(part), Some(weights)) = (row.get(part), others.get(at..)) else {
        return;
    };
    if part.is_empty() || sums.is_empty() || stride.saturating_mul(sums.len()) > others.len() {
        return;
    }
    let sums = sums.as_mut_ptr_range();
    // SAFETY: `others` has a row of `stride` words for each of the sums, of which there is one at
    // least, and `weights` begins with the part of the first one, which is not empty.
    unsafe {
        subtract_part(
            weights.as_ptr(),
            sums.start,
            sums.end,
            part.as_ptr(),
            part.len(),
            4 * stride,
        );
    }
}

/// Two words in r1, r2 and one in r3, of which the first are the row's already, to fields of 4 bits
/// in r1.
macro_rules! triple {
    () => {
        "and r4, r1, #0xAAAAAAAA
        sub r1, r1, r4, lsr #1
        and r4, r2, #0xAAAAAAAA
        sub r2, r2, r4, lsr #1
        and r4, r3, #0x55555555
        adds r1, r1, r4
        and r4, r3, #0xAAAAAAAA
        add r2, r2, r4, lsr #1
        and r4, r9, r1, lsr #2
        mls r1, r4, r10, r1
        and r4, r9, r2, lsr #2
        mls r2, r4, r10, r2
        adds r1, r1, r2
        "
    };
}

/// Two words in r1 and r2 to fields of 4 bits in r1.
macro_rules! pair {
    () => {
        "and r4, r1, #0xAAAAAAAA
        sub r1, r1, r4, lsr #1
        and r4, r2, #0xAAAAAAAA
        sub r2, r2, r4, lsr #1
        and r4, r9, r1, lsr #2
        mls r1, r4, r10, r1
        and r4, r9, r2, lsr #2
        mls r2, r4, r10, r2
        adds r1, r1, r2
        "
    };
}

/// Fields of 4 bits in r1 to bytes.
macro_rules! bytes {
    () => {
        "and r4, r11, r1, lsr #4
        mls r1, r4, r12, r1
        "
    };
}

/// The masks and factors.
macro_rules! constants {
    () => {
        "mov r9, #0x33333333
        mov r10, #3
        mov r11, #0x0F0F0F0F
        mov r12, #15
        "
    };
}

/// `sums[i] = k + BIAS - 2 * popcount(row ^ weights[i])`, 63 instructions each.
///
/// # Safety
/// `count` is at least 1; there are as many sums, and as many rows of weights.
#[unsafe(naked)]
unsafe extern "C" fn one_block(
    weights: *const u32,
    sums: *mut i32,
    count: usize,
    row: &[u32; BLOCK],
    k: i32,
) {
    naked_asm!(
        "push {{r4-r11, lr}}
        ldr lr, [sp, #36]
        mov r7, r1
        mov r8, r2
        ldm r3, {{r1-r6, r9, r10}}
        push {{r1-r6, r9, r10}}",
        constants!(),
        "2:
        ldm r0!, {{r1-r3}}
        ldrd r4, r5, [sp]
        eors r1, r4
        eors r2, r5
        ldrd r4, r5, [sp, #8]
        eors r3, r4",
        triple!(),
        bytes!(),
        "usad8 r6, r1, r9
        ldm r0!, {{r1-r3}}
        eors r1, r5
        ldrd r4, r5, [sp, #16]
        eors r2, r4
        eors r3, r5",
        triple!(),
        bytes!(),
        "usada8 r6, r1, r9, r6
        ldm r0!, {{r1, r2}}
        ldrd r4, r5, [sp, #24]
        eors r1, r4
        eors r2, r5",
        pair!(),
        bytes!(),
        "usada8 r6, r1, r9, r6
        add r1, lr, r6, lsl #1
        stm r7!, {{r1}}
        subs r8, #1
        bne 2b
        add sp, #32
        pop {{r4-r11, pc}}",
    )
}

/// `sums[i] -= 2 * popcount(row ^ weights[i])`, of `words` words, with `stride` bytes from those of
/// a sum to the next ones. A block takes 60 instructions, all blocks of a sum 9 more, a pair of
/// words after them 19, and a word 15.
///
/// # Safety
/// There are as many sums, at least one, and words of weights for each; `words` is not 0.
#[unsafe(naked)]
unsafe extern "C" fn subtract_part(
    weights: *const u32,
    sums: *mut i32,
    sums_end: *mut i32,
    row: *const u32,
    words: usize,
    stride: usize,
) {
    naked_asm!(
        // On the stack, from its end: the next sum; the end of sums; `NONE_DIFFERS` for each group
        // of three or two words, negative; the bytes from a row's blocks to the next; the row, for
        // pairs the next word; the weights, for pairs those of the next; the sums; the end of the
        // row; the stride. r7 is the next word of the row, r8 the end of its blocks, r6 the
        // distances so far; for pairs r3 is the next word, then minus `NONE_DIFFERS`, r7 the next
        // sum, r8 the end of sums.
        "push {{r4-r11, lr}}
        mov r7, r3
        ldrd r4, r9, [sp, #36]
        lsls r4, #2
        bic r6, r4, #31
        add r8, r7, r6
        add r4, r7
        push {{r0, r1, r4, r9}}
        sub r5, r9, r6
        lsrs r6, #3
        movs r3, #153
        muls r3, r6, r3
        negs r3, r3
        push {{r1-r3, r5, r7}}
        mov r6, r3",
        constants!(),
        "cmp r8, r7
        beq 3f
        2:
        ldm r0!, {{r1-r3}}
        ldm r7!, {{r4, r5, lr}}
        eors r1, r4
        eors r2, r5
        eor r3, lr",
        triple!(),
        bytes!(),
        "usada8 r6, r1, r9, r6
        ldm r0!, {{r1-r3}}
        ldm r7!, {{r4, r5, lr}}
        eors r1, r4
        eors r2, r5
        eor r3, lr",
        triple!(),
        bytes!(),
        "usada8 r6, r1, r9, r6
        ldm r0!, {{r1, r2}}
        ldm r7!, {{r4, r5}}
        eors r1, r4
        eors r2, r5",
        pair!(),
        bytes!(),
        "usada8 r6, r1, r9, r6
        cmp r7, r8
        bne 2b
        ldm sp, {{r1-r3, r5, r7}}
        add r0, r5
        ldr r5, [r1]
        add r5, r5, r6, lsl #1
        stm r1!, {{r5}}
        str r1, [sp]
        mov r6, r3
        cmp r1, r2
        bne 2b
        3:
        ldr r0, [sp, #20]
        sub r4, r8, r7
        add r0, r4
        str r0, [sp, #20]
        mov r3, r8
        ldr r8, [sp, #4]
        ldr lr, [sp, #32]
        4:
        ldr r4, [sp, #28]
        subs r4, r3
        beq 6f
        ldrd r0, r7, [sp, #20]
        cmp r4, #4
        beq 7f
        ldm r3!, {{r5, r6}}
        str r3, [sp, #16]
        mvn r3, #203
        5:
        ldrd r1, r2, [r0]
        add r0, lr
        eors r1, r5
        eors r2, r6",
        pair!(),
        bytes!(),
        "usada8 r1, r1, r9, r3
        ldr r4, [r7]
        add r4, r4, r1, lsl #1
        stm r7!, {{r4}}
        cmp r7, r8
        bne 5b
        ldrd r3, r0, [sp, #16]
        adds r0, #8
        str r0, [sp, #20]
        b 4b
        7:
        ldr r5, [r3]
        mvn r3, #203
        8:
        ldr r1, [r0]
        add r0, lr
        eors r1, r5
        and r4, r1, #0xAAAAAAAA
        sub r1, r1, r4, lsr #1
        and r4, r9, r1, lsr #2
        mls r1, r4, r10, r1",
        bytes!(),
        "usada8 r1, r1, r9, r3
        ldr r4, [r7]
        add r4, r4, r1, lsl #1
        stm r7!, {{r4}}
        cmp r7, r8
        bne 8b
        6:
        add sp, #36
        pop {{r4-r11, pc}}",
    )
}
