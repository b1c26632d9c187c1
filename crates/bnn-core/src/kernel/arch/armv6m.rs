//! Products of a row with many on Cortex-M0 and M0+, in assembly: eight registers, instructions with two operands
//! and no shifter besides leave the compiler too little room.
//!
//! Eight words of matches shrink to five by three full adders, of six instructions here (`adder`), as in
//! `carry_save.rs`; the two of weight 1 and the three of weight 2 become fields of 2, 4 and 8 bits (`pairs`,
//! `fields`). A product with `0x01010101` adds up the four bytes.
//!
//! Matches rather than mismatches, of the row's complement, because a sum is then twice their number and a
//! constant, and only an addition takes an operand from the upper registers.

use core::arch::naked_asm;

/// Words of 32 bits in a block.
const BLOCK: usize = 8;

/// Twice the bits of a block: what a sum is less before twice the matches are added.
const TWICE: i32 = 512;

/// See [`Kernel::dot_rows`](crate::kernel::Kernel::dot_rows).
pub(in crate::kernel) fn dot_rows(row: &[u64], others: &[u64], k: i32, sums: &mut [i32]) {
    let row: &[u32] = bytemuck::cast_slice(row);
    let others: &[u32] = bytemuck::cast_slice(others);
    if sums.is_empty() || row.len().saturating_mul(sums.len()) > others.len() {
        return;
    }
    let (blocks, tail) = row.as_chunks::<BLOCK>();
    let sums_end = sums.as_mut_ptr_range().end;
    if let ([block], []) = (blocks, tail) {
        let k = k.wrapping_sub(TWICE);
        // SAFETY: `others` has a row of eight words for each of the sums, of which there is one at least.
        unsafe { one_block(others.as_ptr(), sums.as_mut_ptr(), sums_end, block, k) };
        return;
    }
    sums.fill(k.wrapping_sub(TWICE.wrapping_mul(blocks.len() as i32)));
    let mut done = 0;
    for block in blocks {
        if let Some(weights) = others.get(done..) {
            let gap = size_of_val(row) - size_of_val(block);
            // SAFETY: the block's place in each row lies `row` further on than in the one before, and `others`
            // has a row for each of the sums, of which there is one at least.
            unsafe { add_block(weights.as_ptr(), sums.as_mut_ptr(), sums_end, block, gap) };
        }
        done += BLOCK;
    }
    for pair in tail.as_chunks::<2>().0 {
        if let Some(weights) = others.get(done..) {
            let gap = size_of_val(row) - size_of_val(pair);
            // SAFETY: as above.
            unsafe { add_pair(weights.as_ptr(), sums.as_mut_ptr(), sums_end, pair, gap) };
        }
        done += 2;
    }
}

/// A full adder: from `a`, `b`, `c` the carry in `a` and the sum in `c`. `b` and `t` are lost.
macro_rules! adder {
    ($a:literal, $b:literal, $c:literal, $t:literal) => {
        concat!(
            "eors ", $b, ", ", $a, "\n", "movs ", $t, ", ", $c, "\n", "eors ", $t, ", ", $a, "\n",
            "ands ", $t, ", ", $b, "\n", "eors ", $a, ", ", $t, "\n", "eors ", $c, ", ", $b, "\n",
        )
    };
}

/// Bits in `x` to the sums of two in fields of 2 bits. r7 is `0x55..`, r2 is lost.
macro_rules! pairs {
    ($x:literal) => {
        concat!(
            "lsrs r2, ",
            $x,
            ", #1\n",
            "ands r2, r7\n",
            "subs ",
            $x,
            ", r2\n",
        )
    };
}

/// Fields of 2 or 4 bits in `x`, `$shift`, to the sums of two in fields twice as wide. r7 is the mask, r2 is lost.
macro_rules! fields {
    ($x:literal, $shift:literal) => {
        concat!(
            "lsrs r2, ",
            $x,
            ", #",
            $shift,
            "\n",
            "ands r2, r7\n",
            "ands ",
            $x,
            ", r7\n",
            "adds ",
            $x,
            ", r2\n",
        )
    };
}

/// Saves registers. The fifth argument comes to r10 and r11, where sums end to r12, where they begin to lr, the masks of
/// `pairs` and of the first `fields` to r8 and r9. The other mask and the factor are at the end of the stack, in r6
/// and r7 too. r0 and r3 are left as they are.
macro_rules! enter {
    () => {
        "push {{r4-r7, lr}}
        mov r4, r8
        mov r5, r9
        mov r6, r10
        mov r7, r11
        push {{r4-r7}}
        mov lr, r1
        mov r12, r2
        ldr r1, [sp, #36]
        mov r10, r1
        mov r11, r1
        adr r1, 5f
        ldm r1!, {{r4-r7}}
        mov r8, r4
        mov r9, r5
        push {{r6, r7}}
        "
    };
}

/// Takes `$words` words from the stack, restores registers and returns. `enter` finds the masks here.
macro_rules! leave {
    ($words:literal) => {
        concat!(
            "add sp, #4 * ",
            $words,
            "\n",
            "pop {{r4-r7}}
            mov r8, r4
            mov r9, r5
            mov r10, r6
            mov r11, r7
            pop {{r4-r7, pc}}
            .p2align 2
            5: .word 0x55555555, 0x33333333, 0x0F0F0F0F, 0x01010101
            "
        )
    };
}

/// Puts the complement of the block at r3 on the stack.
macro_rules! push_row {
    () => {
        "adds r3, #16
        ldm r3!, {{r4-r7}}
        mvns r4, r4
        mvns r5, r5
        mvns r6, r6
        mvns r7, r7
        push {{r4-r7}}
        subs r3, #32
        ldm r3!, {{r4-r7}}
        mvns r4, r4
        mvns r5, r5
        mvns r6, r6
        mvns r7, r7
        push {{r4-r7}}
        "
    };
}

/// Twice the matches of the eight words from r0 on, in r1. 87 instructions.
macro_rules! block {
    () => {
        concat!(
            "ldm r0!, {{r1-r3}}
            mov r4, sp
            ldm r4, {{r4-r7}}
            eors r1, r4
            eors r2, r5
            eors r3, r6
            ",
            adder!("r1", "r2", "r3", "r4"),
            "ldm r0!, {{r2, r4, r5}}
            eors r2, r7
            add r6, sp, #16
            ldm r6, {{r6, r7}}
            eors r4, r6
            eors r5, r7
            ",
            adder!("r3", "r2", "r4", "r6"),
            "ldm r0!, {{r2, r6}}
            ldr r7, [sp, #24]
            eors r2, r7
            ldr r7, [sp, #28]
            eors r6, r7
            ",
            adder!("r4", "r2", "r5", "r7"),
            // Weight 1: r5 and r6; weight 2: r1, r3 and r4, whose bits find room beside pairs of the others.
            "mov r7, r8\n",
            pairs!("r5"),
            pairs!("r6"),
            pairs!("r1"),
            pairs!("r3"),
            "lsrs r2, r4, #1
            ands r2, r7
            adds r1, r2
            ands r4, r7
            adds r3, r4
            mov r7, r9
            ",
            fields!("r5", 2),
            fields!("r6", 2),
            fields!("r1", 2),
            fields!("r3", 2),
            "adds r5, r6
            adds r1, r3
            ldr r7, [sp, #32]
            ",
            fields!("r5", 4),
            fields!("r1", 4),
            // A product's top byte is the sum of the four bytes, at most 64 in r5 and 96 in r1. Halved, the first is
            // added to the second with a bit behind the point; below that the parts in the third byte are at most
            // 24 + 72, so that nothing is carried.
            "ldr r7, [sp, #36]
            muls r1, r7, r1
            muls r5, r7, r5
            lsrs r5, #1
            adds r1, r5
            lsrs r1, #23
            lsls r1, #1
            ",
        )
    };
}

/// `sums[i] = k + 2 * matches(row, weights[i])`, 94 instructions each.
///
/// # Safety
/// There are as many rows of weights as sums, at least one.
#[unsafe(naked)]
unsafe extern "C" fn one_block(
    weights: *const u32,
    sums: *mut i32,
    sums_end: *mut i32,
    row: &[u32; BLOCK],
    k: i32,
) {
    naked_asm!(
        enter!(),
        push_row!(),
        "2:",
        block!(),
        "add r1, r11
        mov r2, lr
        stm r2!, {{r1}}
        mov lr, r2
        cmp r2, r12
        bne 2b",
        leave!(10),
    )
}

/// `sums[i] += 2 * matches(row, weights[i])`, with `gap` bytes between blocks of weights.
///
/// # Safety
/// As [`one_block`].
#[unsafe(naked)]
unsafe extern "C" fn add_block(
    weights: *const u32,
    sums: *mut i32,
    sums_end: *mut i32,
    row: &[u32; BLOCK],
    gap: usize,
) {
    naked_asm!(
        enter!(),
        push_row!(),
        "2:",
        block!(),
        "add r0, r10
        mov r2, lr
        ldr r3, [r2]
        adds r1, r3
        stm r2!, {{r1}}
        mov lr, r2
        cmp r2, r12
        bne 2b",
        leave!(10),
    )
}

/// `sums[i] -= 2 * popcount(pair ^ weights[i])`, with `gap` bytes between pairs of weights.
///
/// # Safety
/// As [`one_block`].
#[unsafe(naked)]
unsafe extern "C" fn add_pair(
    weights: *const u32,
    sums: *mut i32,
    sums_end: *mut i32,
    pair: &[u32; 2],
    gap: usize,
) {
    naked_asm!(
        enter!(),
        // r11 is the mask of bytes; r4 the sums; lr the factor, doubled.
        "mov r11, r6
        mov r4, lr
        adds r7, r7
        mov lr, r7
        ldm r3!, {{r5, r6}}
        2:
        ldm r0!, {{r1, r3}}
        add r0, r10
        eors r1, r5
        eors r3, r6
        mov r7, r8
        ",
        pairs!("r1"),
        pairs!("r3"),
        "mov r7, r9\n",
        fields!("r1", 2),
        fields!("r3", 2),
        "adds r1, r3
        mov r7, r11
        ",
        fields!("r1", 4),
        "mov r7, lr
        muls r1, r7, r1
        lsrs r1, #24
        ldr r3, [r4]
        subs r3, r1
        stm r4!, {{r3}}
        cmp r4, r12
        bne 2b",
        leave!(2),
    )
}
