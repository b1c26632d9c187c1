//! Products of integers on Cortex-M4 and M7: `smlad` makes two of them and adds both. Weights of
//! four sums are extended to 16 bits once for all windows, 14 instructions for eight; then 16
//! elements of a window meet them in 45 instructions, 0.7 for a product.

use core::arch::naked_asm;
use core::mem::MaybeUninit;

use crate::kernel::{IntegerWindows, LEN, SUMS};

/// Sums that are computed together, and elements of each that are loaded at once, in four words.
const TOGETHER: usize = 4;
const GROUP: usize = 8;

/// Weights of a group, those of one sum after those of another, on words.
#[derive(Clone, Copy)]
#[repr(C, align(4))]
struct Group([[i16; GROUP]; TOGETHER]);

/// See [`add_products`](crate::kernel::arch::portable::integers::add_products).
pub(crate) fn add_products(
    windows: &IntegerWindows,
    weights: &[i8],
    stride: usize,
    sums: &mut [[i32; SUMS]],
    outputs: usize,
) {
    let (len, count) = (windows.len().min(LEN), windows.count().min(sums.len()));
    let outputs = outputs.min(SUMS);
    // The last of the sums needs no weights after its own.
    let of_others = stride.saturating_mul(outputs.saturating_sub(1));
    if len == 0 || count == 0 || of_others.saturating_add(len) > weights.len() {
        return; // nothing to add, or sums without weights
    }
    // Each group is written before it is read, but for what meets sums beyond the outputs: any bytes.
    let mut groups = [MaybeUninit::<Group>::uninit(); LEN.div_ceil(GROUP)];
    let walk = match windows.step() % 2 {
        0 => add_windows,
        _ => add_windows_between_words,
    };
    let mut weights = weights;
    let mut first = 0;
    while first < outputs {
        let rows = TOGETHER.min(outputs - first);
        // SAFETY: there are `len` weights of each of these sums, as was found above, and room for the
        // groups of `LEN` of them. A load of a word may be unaligned on these cores.
        unsafe {
            extend(
                weights.as_ptr(),
                stride,
                len,
                groups.as_mut_ptr().cast(),
                rows,
            )
        };
        // SAFETY: there are `count` windows, one at least, all groups of which may be read; windows
        // lie on words if their distance is even. Each has four sums from `first` on, because
        // `SUMS` is a multiple of four.
        unsafe {
            walk(
                windows.as_ptr(),
                groups.as_ptr().cast(),
                sums.as_mut_ptr().cast::<i32>().add(first),
                len.div_ceil(GROUP),
                count,
                windows.step(),
            );
        }
        weights = weights.get(TOGETHER * stride..).unwrap_or_default();
        first += TOGETHER;
    }
}

const _: () = assert!(SUMS.is_multiple_of(TOGETHER));

/// Extends `len` weights of each of `rows` sums, of which the next one's lie `stride` bytes further
/// on; zeros follow them up to a whole group.
///
/// # Safety
/// There are so many weights of each, and room for their groups; one weight and one sum at least,
/// and four sums at most.
#[unsafe(naked)]
unsafe extern "C" fn extend(
    weights: *const i8,
    stride: usize,
    len: usize,
    to: *mut Group,
    rows: usize,
) {
    naked_asm!(
        // r12 counts sums; r4 are weights, r5 a place for them, r6 counts the weights that are left.
        "push {{r4-r10, lr}}
        ldr r12, [sp, #32]
        2:
        mov r4, r0
        mov r5, r3
        subs r6, r2, #{group}
        blo 4f
        3:
        ldr r7, [r4], #4
        ldr r8, [r4], #4
        sxtb16 r9, r7
        sxtb16 r7, r7, ror #8
        pkhbt r10, r9, r7, lsl #16
        pkhtb r7, r7, r9, asr #16
        sxtb16 r9, r8
        sxtb16 r8, r8, ror #8
        pkhbt lr, r9, r8, lsl #16
        pkhtb r8, r8, r9, asr #16
        strd r10, r7, [r5]
        strd lr, r8, [r5, #8]
        add r5, #{bytes}
        subs r6, #{group}
        bhs 3b
        4:
        adds r6, #{group}
        beq 6f
        movs r7, #0
        strd r7, r7, [r5]
        strd r7, r7, [r5, #8]
        5:
        ldrsb r7, [r4], #1
        strh r7, [r5], #2
        subs r6, #1
        bne 5b
        6:
        add r0, r1
        add r3, #{bytes} / {together}
        subs r12, #1
        bne 2b
        pop {{r4-r10, pc}}",
        together = const TOGETHER,
        group = const GROUP,
        bytes = const size_of::<Group>(),
    )
}

/// The next words of weights of a sum times the words of the window.
macro_rules! sum {
    ($sum:literal) => {
        concat!(
            "ldm r1!, {{r2, r3, r12, lr}}\n",
            "smlad ",
            $sum,
            ", r2, r8, ",
            $sum,
            "\n",
            "smlad ",
            $sum,
            ", r3, r9, ",
            $sum,
            "\n",
            "smlad ",
            $sum,
            ", r12, r10, ",
            $sum,
            "\n",
            "smlad ",
            $sum,
            ", lr, r11, ",
            $sum,
            "\n",
        )
    };
}

/// Defines a function that adds the products of each of `count` windows, of so many groups, to its
/// four sums; `$load` loads the next four words from r0. A group takes 20 instructions and the load.
macro_rules! walk {
    ($(#[$doc:meta])* $name:ident, $load:literal) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// There is a window with a group; weights of all groups; and four sums of each window.
        #[unsafe(naked)]
        unsafe extern "C" fn $name(
            windows: *const i16,
            weights: *const Group,
            sums: *mut i32,
            groups: usize,
            count: usize,
            step: usize,
        ) {
            naked_asm!(
                // On the stack: weights, sums, windows left, the end of the window, bytes from a
                // window to the next, and from the end of one to the beginning of the next, whether
                // the number of groups is odd.
                "push {{r4-r11, lr}}
                ldrd r4, r6, [sp, #36]
                lsl r6, #1
                add r5, r0, r3, lsl #4
                sub r7, r6, r3, lsl #4
                and r8, r3, #1
                push {{r1, r2, r4-r8}}
                2:
                ldr r3, [sp, #24]
                ldm r2, {{r4-r7}}
                cbnz r3, 4f
                3:",
                concat!($load, sum!("r4"), sum!("r5"), sum!("r6"), sum!("r7")),
                "4:",
                concat!($load, sum!("r4"), sum!("r5"), sum!("r6"), sum!("r7")),
                "ldr r8, [sp, #12]
                cmp r0, r8
                bne 3b
                ldrd r1, r2, [sp]
                stm r2, {{r4-r7}}
                ldrd r9, r10, [sp, #16]
                ldr r3, [sp, #8]
                add r8, r9
                add r0, r10
                add r2, #{sums}
                subs r3, #1
                strd r2, r3, [sp, #4]
                str r8, [sp, #12]
                bne 2b
                add sp, #28
                pop {{r4-r11, pc}}",
                sums = const size_of::<[i32; SUMS]>(),
            )
        }
    };
}

walk!(
    /// Of windows on words.
    add_windows,
    "ldm r0!, {{r8-r11}}\n"
);
walk!(
    /// Of any windows. (A load of several words would have to be aligned.)
    add_windows_between_words,
    "ldr r8, [r0], #4
    ldr r9, [r0], #4
    ldr r10, [r0], #4
    ldr r11, [r0], #4\n"
);
