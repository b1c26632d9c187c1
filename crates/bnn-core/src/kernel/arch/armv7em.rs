//! Products of a row with many on Cortex-M4 and M7: Thumb-2 with the DSP extension, in assembly, because the
//! compiler does not keep the masks in registers and does not use the last operand's shifter.
//!
//! Three words of mismatches are counted together (C. Lauradoux, "Hamming weight computation on uncommon
//! architectures", 2009: *merging*). Two of them become fields of 2 bits, each the sum of two bits, which leave
//! room for the bits of the third; then fields of 4 bits, at most `3 * 4`, and bytes, at most `3 * 8`:
//!
//! ```text
//! a -= (a & 0xAA..) >> 1;  a += c & 0x55..           a field is 3 at most
//! b -= (b & 0xAA..) >> 1;  b += (c & 0xAA..) >> 1
//! x  = a - 3 * (a >> 2 & 0x33..)                     (4 p + q) - 3 p = p + q, so `mls` adds two fields
//! y  = b - 3 * (b >> 2 & 0x33..);  x += y
//! x -= 15 * (x >> 4 & 0x0F..)                        (16 p + q) - 15 p
//! ```
//!
//! `usada8` adds up the distances of the four bytes from 0x33, the mask at hand: `204 - count`, as no byte is
//! more than 24. Triples take 16 instructions, pairs 12; full adders, of 5 instructions here, would gain one of
//! the 44 for eight words, but their results do not fit the 14 registers.

use core::arch::naked_asm;

/// Words of 32 bits in a block.
const BLOCK: usize = 8;

/// What three times `usada8` in a block adds to the sum, which is counted twice: `2 * 3 * 4 * 0x33`.
const BIAS: i32 = 1224;

/// See [`Kernel::dot_rows`](crate::kernel::Kernel::dot_rows).
pub(in crate::kernel) fn dot_rows(row: &[u64], others: &[u64], k: i32, sums: &mut [i32]) {
    let row: &[u32] = bytemuck::cast_slice(row);
    let others: &[u32] = bytemuck::cast_slice(others);
    if sums.is_empty() || row.len().saturating_mul(sums.len()) > others.len() {
        return;
    }
    let (blocks, tail) = row.as_chunks::<BLOCK>();
    match blocks {
        // SAFETY: `others` has a row of eight words for each of the sums, of which there is one at least.
        [block] if tail.is_empty() => unsafe {
            one_block(others.as_ptr(), sums.as_mut_ptr(), sums.len(), block, k);
        },
        [] => sums.fill(k),
        _ => {
            let job = Job {
                skip: size_of_val(tail),
                start: k.wrapping_sub(BIAS * blocks.len() as i32),
                sums_end: sums.as_mut_ptr_range().end,
                sums: sums.as_mut_ptr(),
                row: row.as_ptr(),
                row_end: blocks.as_ptr_range().end.cast(),
            };
            // SAFETY: `others` has a row for each of the sums, of which there is one at least, as the row
            // itself is `blocks` and `skip` bytes, and there is a block.
            unsafe { many_blocks(others.as_ptr(), &job) };
        }
    }
    let mut done = row.len() - tail.len();
    for pair in tail.as_chunks::<2>().0 {
        // The pair's place in the first row.
        if let Some(weights) = others.get(done..) {
            // SAFETY: the pair's place in each row lies `row` further on than in the one before, and `others`
            // has a row for each of the sums, of which there is one at least.
            unsafe {
                one_pair(
                    weights.as_ptr(),
                    sums.as_mut_ptr(),
                    sums.len(),
                    pair,
                    size_of_val(row),
                );
            };
        }
        done += 2;
    }
}

/// What [`many_blocks`] is to do. `row` up to `row_end` are whole blocks, at least one.
#[repr(C)]
struct Job {
    /// Bytes of a weight row behind its blocks.
    skip: usize,
    /// What a sum is before twice the total of `usada8` is added.
    start: i32,
    sums_end: *mut i32,
    sums: *mut i32,
    row: *const u32,
    row_end: *const u32,
}

/// Two words in r1, r2 and one in r3, of which the first are the row's already, to fields of 4 bits in r1.
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

/// The same of the words in r1 and r2.
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

/// `sums[i] = k - 2 * popcount(row ^ weights[i])`, 63 instructions each.
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
        push {{r1-r6, r9, r10}}
        sub lr, lr, #{bias}",
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
        str r1, [r7], #4
        subs r8, #1
        bne 2b
        add sp, #32
        pop {{r4-r11, pc}}",
        bias = const BIAS,
    )
}

/// The same for rows of one block or more and `skip` bytes, of which only the blocks count.
///
/// # Safety
/// There are as many rows of weights as sums, at least one.
#[unsafe(naked)]
unsafe extern "C" fn many_blocks(weights: *const u32, job: &Job) {
    naked_asm!(
        "push {{r4-r11, lr}}
        ldm r1, {{r3-r8}}
        push {{r3-r7}}
        movs r6, #0",
        constants!(),
        "2:
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
        ldm sp, {{r1-r4, r7}}
        add r0, r1
        add r2, r2, r6, lsl #1
        stm r4!, {{r2}}
        str r4, [sp, #12]
        movs r6, #0
        cmp r4, r3
        bne 2b
        add sp, #20
        pop {{r4-r11, pc}}",
    )
}

/// `sums[i] -= 2 * popcount(pair ^ weights[i])` for pairs of words that are `stride` bytes apart.
///
/// # Safety
/// `count` is at least 1; there are as many sums, and as many pairs.
#[unsafe(naked)]
unsafe extern "C" fn one_pair(
    weights: *const u32,
    sums: *mut i32,
    count: usize,
    pair: &[u32; 2],
    stride: usize,
) {
    naked_asm!(
        "push {{r4-r11, lr}}
        ldr lr, [sp, #36]
        mov r7, r1
        mov r8, r2
        ldrd r5, r6, [r3]
        movs r3, #0",
        constants!(),
        "2:
        ldrd r1, r2, [r0]
        add r0, lr
        eors r1, r5
        eors r2, r6",
        pair!(),
        bytes!(),
        "usad8 r1, r1, r3
        ldr r4, [r7]
        sub r4, r4, r1, lsl #1
        stm r7!, {{r4}}
        subs r8, #1
        bne 2b
        pop {{r4-r11, pc}}",
    )
}
