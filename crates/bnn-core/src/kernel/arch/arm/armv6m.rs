//! Products of one row with many on Cortex-M0 and M0+, in assembly: eight registers, instructions
//! with two operands and no shifter leave the compiler too little room.
//!
//! Seven of the eight words of matches shrink to three by four full adders, of weight 1, 2 and 4:
//! how many of the seven bits at each place are set, in binary. The adders are in a form that
//! copies nothing, though each instruction overwrites an operand. The word of weight 1 is counted
//! with the eighth, that of weight 2 with that of weight 4, in fields of 2, 4 and 8 bits (`pairs`,
//! `fours`, `bytes`). A product with `0x01010101` adds up the four bytes.
//!
//! For a row of one block, the code counts matches with the row's complement instead of mismatches:
//! a sum is then twice their number plus a constant, and only an addition takes an operand from the
//! upper registers.
//!
//! The row and the constants lie on the stack in the order in which they are needed. One `ldm`
//! fetches several, and the last one what r7 has to be for the next output, so that loading takes
//! less than moves from upper registers would.

use core::arch::naked_asm;
use core::ops::Range;

/// Words of 32 bits in a block.
const BLOCK: usize = 8;

/// Twice the bits of a block: what a sum is less before twice the matches are added.
const TWICE: i32 = 512;

/// See [`Kernel::dot_rows`](crate::kernel::Kernel::dot_rows).
pub(in crate::kernel::arch) fn dot_rows(row: &[u64], others: &[u64], k: i32, sums: &mut [i32]) {
    let others: &[u32] = bytemuck::cast_slice(others);
    let row: &[u32] = bytemuck::cast_slice(row);
    if sums.is_empty() || row.len().saturating_mul(sums.len()) > others.len() {
        return;
    }
    if let ([block], []) = row.as_chunks() {
        let (weights, to) = (others.as_ptr(), sums.as_mut_ptr_range());
        let k = k.wrapping_sub(TWICE);
        // SAFETY: `others` has a row of eight words for each of the sums, of which there is one at
        // least.
        unsafe { one_block(weights, to.start, to.end, block, k) };
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
    let stride = row.len();
    if stride.saturating_mul(sums.len()) > others.len() || sums.is_empty() {
        return;
    }
    let sums_end = sums.as_mut_ptr_range().end;
    let mut done = part.start;
    let (blocks, tail) = row.get(part).unwrap_or_default().as_chunks::<BLOCK>();
    for block in blocks {
        if let Some(weights) = others.get(done..) {
            let gap = 4 * stride - size_of_val(block);
            // SAFETY: the block's place in each row lies `stride` further on than in the one
            // before, and `others` has a row for each of the sums, of which there is one at least.
            unsafe { subtract_block(weights.as_ptr(), sums.as_mut_ptr(), sums_end, block, gap) };
        }
        done += BLOCK;
    }
    let (pairs, tail) = tail.as_chunks::<2>();
    for pair in pairs {
        if let Some(weights) = others.get(done..) {
            let gap = 4 * stride - size_of_val(pair);
            // SAFETY: the pair's place in each row lies `stride` further on than in the one before,
            // and `others` has a row for each of the sums, of which there is one at least.
            unsafe { subtract_pair(weights.as_ptr(), sums.as_mut_ptr(), sums_end, pair, gap) };
        }
        done += 2;
    }
    if let [word] = tail
        && let Some(weights) = others.get(done..)
    {
        let gap = 4 * stride - size_of_val(word);
        // SAFETY: the word's place in each row lies `stride` further on than in the one before, and
        // `others` has a row for each of the sums, of which there is one at least.
        unsafe { subtract_word(weights.as_ptr(), sums.as_mut_ptr(), sums_end, word, gap) };
    }
}

/// Instructions as text, of operands that are macros' arguments.
macro_rules! code {
    ($($name:ident $first:tt $(, $next:tt)*;)*) => {
        concat!($(stringify!($name), " ", $first, $(", ", $next,)* "\n",)*)
    };
}

/// A full adder: from `a`, `b`, `c` the carry in `a` and the sum in `c`. `b` is lost.
macro_rules! adder {
    ($a:literal, $b:literal, $c:literal) => {
        concat!(code! { eors $b, $a; }, adder_of_xor!($a, $b, $c))
    };
}

/// `adder` with `x = a ^ b` in the place of `b`. Where that is 0 the carry is `a`, elsewhere `c`,
/// and then `c` is the complement of the sum.
macro_rules! adder_of_xor {
    ($a:literal, $x:literal, $c:literal) => {
        code! {
            eors $c, $x;
            bics $a, $x;
            bics $x, $c;
            orrs $a, $x;
        }
    };
}

/// The first of two full adders, of `a`, `b`, `c`: the sum in `c`, and in `a` the exclusive or of
/// sum and carry. `b` is lost.
///
/// Both together make the exclusive or of their carries instead of the second one, which saves the
/// adder of the carries an instruction. (The "MDFA" of E. Demenkov, A. Kojevnikov, A. Kulikov and
/// G. Yaroslavtsev, "New upper bounds on the Boolean circuit complexity of symmetric functions",
/// 2010.)
macro_rules! first_of_two_adders {
    ($a:literal, $b:literal, $c:literal) => {
        code! {
            eors $b, $a;
            eors $a, $c;
            orrs $a, $b;
            eors $c, $b;
        }
    };
}

/// The second, of `c`, `d`, `e`, with the first's `a`: the first carry in `a`, its exclusive or
/// with the second in `d`, the sum in `e`. `c` is lost.
macro_rules! second_of_two_adders {
    ($a:literal, $c:literal, $d:literal, $e:literal) => {
        code! {
            eors $e, $d;
            eors $d, $c;
            bics $d, $e;
            eors $e, $c;
            eors $d, $a;
            eors $a, $c;
        }
    };
}

/// Bits in `x` to the sums of two in fields of 2 bits. `mask` is `0x55..`, `t` is lost.
macro_rules! pairs {
    ($x:literal, $t:literal, $mask:literal) => {
        code! {
            lsrs $t, $x, "#1";
            ands $t, $mask;
            subs $x, $t;
        }
    };
}

/// Fields of 2 bits in `x` and `y` to the sums of four, two of each, in fields of 4 bits in `x`:
/// the fields of `x + y`, read as `4 p + q`, less `3 p`. `mask` is `0x33..`, `three` is 3; `y` and
/// `t` are lost.
macro_rules! fours {
    ($x:literal, $y:literal, $t:literal, $mask:literal, $three:literal) => {
        code! {
            lsrs $t, $x, "#2";
            ands $t, $mask;
            adds $x, $y;
            lsrs $y, "#2";
            ands $y, $mask;
            adds $t, $y;
            muls $t, $three, $t;
            subs $x, $t;
        }
    };
}

/// Fields of 4 bits in `x` to the sums of two in bytes. `mask` is `0x0F..`, `t` is lost.
macro_rules! bytes {
    ($x:literal, $t:literal, $mask:literal) => {
        code! {
            lsrs $t, $x, "#4";
            ands $t, $mask;
            ands $x, $mask;
            adds $x, $t;
        }
    };
}

/// Saves registers and begins the `$words` words that the loops read, which are to be the last on
/// the stack: the row, which is still missing; the masks of `pairs` and `fours`; where the next sum
/// lies; the mask of `bytes`; the factor; the address of the first of these words. The fifth
/// argument comes to lr, where sums end to r12. r0 and r3 are left as they are.
macro_rules! enter {
    ($words:literal) => {
        concat!(
            "push {{r4-r7, lr}}
            mov r12, r2
            ldr r2, [sp, #20]
            mov lr, r2
            adr r2, 5f
            ldm r2!, {{r5, r6}}
            mov r7, sp
            subs r7, #4 * ",
            $words,
            "
            push {{r1, r5-r7}}
            ldm r2!, {{r5, r6}}
            push {{r5, r6}}
            "
        )
    };
}

/// Takes the `$words` words from the stack, restores registers and returns. `enter` finds masks and
/// factor here.
macro_rules! leave {
    ($words:literal, $factor:literal) => {
        concat!(
            "add sp, #4 * ",
            $words,
            "
            pop {{r4-r7, pc}}
            .p2align 2
            5: .word 0x0F0F0F0F, ",
            $factor,
            ", 0x55555555, 0x33333333
            "
        )
    };
}

/// Puts the block at r3, after `$change`, in front of the words of `enter`, whose address comes to
/// r7.
macro_rules! push_row {
    ($change:expr) => {
        concat!(
            "adds r3, #16
            ldm r3!, {{r4-r7}}
            ",
            $change,
            "push {{r4-r7}}
            subs r3, #32
            ldm r3!, {{r4-r7}}
            ",
            $change,
            "push {{r4-r7}}
            mov r7, sp
            "
        )
    };
}

/// Replaces four words by their complement.
macro_rules! complement {
    () => {
        "mvns r4, r4
        mvns r5, r5
        mvns r6, r6
        mvns r7, r7
        "
    };
}

/// Twice the matches of the eight words from r0 on in r4, where their sum lies in r2. r7 is the
/// row's address, before and after. 80 instructions.
macro_rules! block {
    () => {
        concat!(
            "ldm r0!, {{r1-r3}}
            ldm r7!, {{r4-r6}}
            eors r1, r4
            eors r2, r5
            eors r3, r6
            ",
            first_of_two_adders!("r1", "r2", "r3"),
            "ldm r0!, {{r2, r4}}
            ldm r7!, {{r5, r6}}
            eors r2, r5
            eors r4, r6
            ",
            second_of_two_adders!("r1", "r3", "r2", "r4"),
            "ldm r0!, {{r3, r5}}
            ldm r7, {{r6, r7}}
            eors r3, r6
            eors r5, r7
            ",
            adder!("r3", "r5", "r4"),
            // The adder of the carries.
            adder_of_xor!("r1", "r2", "r3"),
            "add r7, sp, #28
            ldm r7, {{r5-r7}}
            ldm r0!, {{r2}}
            eors r2, r5
            ",
            // Weight 1: r2 and r4; weight 2: r3; weight 4: r1. Two bits `p`, `q` of r1 count twice
            // beside those of r3: `2 p + q`, as which they can be read already, and `q`, which
            // finds room in the field of r3.
            pairs!("r2", "r5", "r6"),
            pairs!("r4", "r5", "r6"),
            pairs!("r3", "r5", "r6"),
            "ands r6, r1
            adds r3, r6
            movs r6, #3
            ",
            fours!("r4", "r2", "r5", "r7", "r6"),
            fours!("r3", "r1", "r5", "r7", "r6"),
            "add r7, sp, #40
            ldm r7, {{r2, r5-r7}}
            ",
            bytes!("r4", "r1", "r5"),
            bytes!("r3", "r1", "r5"),
            // A product's top byte is the sum of the four bytes, at most 64 in r4 and 96 in r3.
            // Halved, the first is added to the second with a bit after the binary point; below
            // that the parts in the third byte are at most 24 + 72, so nothing carries.
            "muls r4, r6, r4
            muls r3, r6, r3
            lsrs r4, #1
            adds r4, r3
            lsrs r4, #23
            lsls r4, #1
            ",
        )
    };
}

/// `sums[i] = k + 2 * matches(row, weights[i])`, 85 instructions each.
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
        enter!(14),
        push_row!(complement!()),
        "2:",
        block!(),
        "add r4, lr
        stm r2!, {{r4}}
        str r2, [sp, #40]
        cmp r2, r12
        bne 2b",
        leave!(14, "0x01010101"),
    )
}

/// `sums[i] -= 2 * popcount(row ^ weights[i])`, with `gap` bytes between blocks of weights, 87
/// instructions each.
///
/// # Safety
/// There are as many rows of weights as sums, at least one.
#[unsafe(naked)]
unsafe extern "C" fn subtract_block(
    weights: *const u32,
    sums: *mut i32,
    sums_end: *mut i32,
    row: &[u32; BLOCK],
    gap: usize,
) {
    naked_asm!(
        enter!(14),
        push_row!(""),
        "2:",
        block!(),
        "add r0, lr
        ldr r3, [r2]
        subs r3, r4
        stm r2!, {{r3}}
        str r2, [sp, #40]
        cmp r2, r12
        bne 2b",
        leave!(14, "0x01010101"),
    )
}

/// `sums[i] -= 2 * popcount(pair ^ weights[i])`, with `gap` bytes between pairs of weights, 33
/// instructions each.
///
/// # Safety
/// There are as many rows of weights as sums, at least one.
#[unsafe(naked)]
unsafe extern "C" fn subtract_pair(
    weights: *const u32,
    sums: *mut i32,
    sums_end: *mut i32,
    pair: &[u32; 2],
    gap: usize,
) {
    naked_asm!(
        enter!(8),
        "ldm r3!, {{r5, r6}}
        push {{r5, r6}}
        mov r7, sp
        2:
        ldm r0!, {{r1, r2}}
        add r0, lr
        ldm r7!, {{r3-r6}}
        eors r1, r3
        eors r2, r4
        ",
        pairs!("r1", "r3", "r5"),
        pairs!("r2", "r3", "r5"),
        "movs r5, #3
        ",
        fours!("r1", "r2", "r3", "r6", "r5"),
        "ldm r7, {{r2, r5-r7}}
        ",
        bytes!("r1", "r3", "r5"),
        "muls r1, r6, r1
        lsrs r1, #24
        ldr r3, [r2]
        subs r3, r1
        stm r2!, {{r3}}
        str r2, [sp, #16]
        cmp r2, r12
        bne 2b",
        // The factor is that for twice the number.
        leave!(8, "0x02020202"),
    )
}

/// `sums[i] -= 2 * popcount(word ^ weights[i])`, with `gap` bytes between words of weights, 24
/// instructions each.
///
/// # Safety
/// There are as many rows of weights as sums, at least one.
#[unsafe(naked)]
unsafe extern "C" fn subtract_word(
    weights: *const u32,
    sums: *mut i32,
    sums_end: *mut i32,
    word: &u32,
    gap: usize,
) {
    naked_asm!(
        enter!(7),
        "ldm r3!, {{r5}}
        push {{r5}}
        mov r7, sp
        2:
        ldm r0!, {{r1}}
        add r0, lr
        ldm r7!, {{r3, r5, r6}}
        eors r1, r3
        ",
        pairs!("r1", "r3", "r5"),
        "lsrs r3, r1, #2
        ands r3, r6
        ands r1, r6
        adds r1, r3
        ldm r7, {{r2, r5-r7}}
        ",
        bytes!("r1", "r3", "r5"),
        "muls r1, r6, r1
        lsrs r1, #24
        ldr r3, [r2]
        subs r3, r1
        stm r2!, {{r3}}
        str r2, [sp, #12]
        cmp r2, r12
        bne 2b",
        // The factor is that for twice the number.
        leave!(7, "0x02020202"),
    )
}
