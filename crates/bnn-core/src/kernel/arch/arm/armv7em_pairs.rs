//! Rows of integers with rows of integers on Cortex-M4 and M7, two elements by an instruction: for
//! eight of them 9 instructions to add, 13 for the greater ones, 20 for their products.

use core::arch::naked_asm;

use crate::kernel::SUMS;
use crate::kernel::arch::portable::pairs;

/// Elements that a step takes, in four words.
const STEP: usize = 8;

/// A step of a function below.
type Words = [u32; STEP / 2];

/// See [`add_to_each`](pairs::add_to_each).
pub(crate) fn add_to_each(to: &mut [i16], x: &[i16]) {
    each(to, x, add_steps, pairs::add_to_each);
}

/// See [`most_of_each`](pairs::most_of_each).
pub(crate) fn most_of_each(to: &mut [i16], x: &[i16]) {
    each(to, x, most_steps, pairs::most_of_each);
}

/// Takes whole steps by one function, if both sides lie on words, and the rest by another.
#[inline(always)]
fn each(
    to: &mut [i16],
    x: &[i16],
    steps: unsafe extern "C" fn(*mut Words, *const Words, usize),
    rest: impl Fn(&mut [i16], &[i16]),
) {
    let len = to.len().min(x.len());
    let whole = len - len % STEP;
    let (Some((to, rest_of_to)), Some((x, rest_of_x))) =
        (to.split_at_mut_checked(whole), x.split_at_checked(whole))
    else {
        return; // neither is shorter
    };
    match (
        bytemuck::try_cast_slice_mut(to),
        bytemuck::try_cast_slice(x),
    ) {
        (Ok(to), Ok(x)) if whole > 0 => {
            let _: (&mut [Words], &[Words]) = (&mut *to, x);
            // SAFETY: there is a step at least, and the same number of them on both sides.
            unsafe { steps(to.as_mut_ptr(), x.as_ptr(), to.len()) }
        }
        _ => rest(to, x),
    }
    rest(rest_of_to, rest_of_x);
}

/// Defines a function over `count` steps, at least one, of both sides: `$first` to `$fourth` make
/// of r4 to r7 and r8 to r11 what is written.
macro_rules! steps {
    ($(#[$doc:meta])* $name:ident, $first:literal, $second:literal, $third:literal, $fourth:literal) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// There are `count` steps on both sides, at least one.
        #[unsafe(naked)]
        unsafe extern "C" fn $name(to: *mut Words, x: *const Words, count: usize) {
            naked_asm!(
                "push {{r4-r11}}
                2:
                ldm r0, {{r4-r7}}
                ldm r1!, {{r8-r11}}",
                $first,
                $second,
                $third,
                $fourth,
                "stm r0!, {{r4-r7}}
                subs r2, #1
                bne 2b
                pop {{r4-r11}}
                bx lr",
            )
        }
    };
}

steps!(
    /// Saturated sums.
    add_steps,
    "qadd16 r4, r4, r8",
    "qadd16 r5, r5, r9",
    "qadd16 r6, r6, r10",
    "qadd16 r7, r7, r11"
);

steps!(
    /// The greater ones: the flags of each half say whether a difference is negative.
    most_steps,
    "ssub16 r3, r4, r8
    sel r4, r4, r8",
    "ssub16 r3, r5, r9
    sel r5, r5, r9",
    "ssub16 r3, r6, r10
    sel r6, r6, r10",
    "ssub16 r3, r7, r11
    sel r7, r7, r11"
);

/// See [`add_each_product`](pairs::add_each_product).
pub(crate) fn add_each_product(sums: &mut [[i32; SUMS]], x: &[i16], step: usize, w: &[i16]) {
    let fours = w.len() / 4;
    let all_there =
        (sums.len().saturating_sub(1).saturating_mul(step)).saturating_add(w.len()) <= x.len();
    let on_words = x.as_ptr().addr().is_multiple_of(4)
        && w.as_ptr().addr().is_multiple_of(4)
        && step.is_multiple_of(2);
    if sums.is_empty()
        || w.len() > SUMS
        || !w.len().is_multiple_of(4)
        || fours == 0
        || !all_there
        || !on_words
    {
        return pairs::add_each_product(sums, x, step, w);
    }
    // SAFETY: there are pixels, each with four elements at least, on words, `all_there`; and as many
    // sums of each.
    unsafe {
        product_steps(
            sums.as_mut_ptr().cast(),
            x.as_ptr(),
            step,
            w.as_ptr(),
            fours,
            sums.len(),
        );
    }
}

/// Adds the products of `fours` times four elements of each of `pixels` pixels, `step` elements apart.
///
/// # Safety
/// There are so many, at least one of each, on words, and sums for all.
#[unsafe(naked)]
unsafe extern "C" fn product_steps(
    sums: *mut i32,
    x: *const i16,
    step: usize,
    w: *const i16,
    fours: usize,
    pixels: usize,
) {
    naked_asm!(
        // r12 are fours left, lr the next elements; on the stack: w, fours, pixels left, bytes from the
        // end of a pixel's elements to the next pixel, bytes from the end of its sums to the next.
        "push {{r4-r11, lr}}
        ldrd r4, r5, [sp, #36]
        lsl r6, r2, #1
        sub r6, r6, r4, lsl #3
        rsb r7, r4, #{sums} / 16
        lsl r7, #4
        push {{r3-r7}}
        mov lr, r1
        2:
        ldrd r1, r12, [sp]
        3:
        ldrd r4, r5, [lr], #8
        ldrd r6, r7, [r1], #8
        ldm r0, {{r8-r11}}
        smlabb r8, r4, r6, r8
        smlatt r9, r4, r6, r9
        smlabb r10, r5, r7, r10
        smlatt r11, r5, r7, r11
        stm r0!, {{r8-r11}}
        subs r12, #1
        bne 3b
        ldr r4, [sp, #8]
        ldrd r5, r6, [sp, #12]
        add lr, r5
        add r0, r6
        subs r4, #1
        str r4, [sp, #8]
        bne 2b
        add sp, #20
        pop {{r4-r11, pc}}",
        sums = const size_of::<[i32; SUMS]>(),
    )
}
