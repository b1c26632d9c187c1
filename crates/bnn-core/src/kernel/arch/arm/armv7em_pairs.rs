//! Rows of integers with rows of integers on Cortex-M4 and M7, two elements by an instruction: for
//! eight of them 9 instructions to add, 13 for the greater ones, 20 for their products.

use core::arch::naked_asm;

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
pub(crate) fn add_each_product(sums: &mut [i32], x: &[i16], w: &[i16]) {
    let len = w.len().min(x.len()).min(sums.len());
    let whole = len - len % 4;
    let (Some((sums, rest_of_sums)), Some((x, rest_of_x)), Some((w, rest_of_w))) = (
        sums.split_at_mut_checked(whole),
        x.split_at_checked(whole),
        w.split_at_checked(whole),
    ) else {
        return; // none is shorter
    };
    match (
        bytemuck::try_cast_slice::<_, [u32; 2]>(x),
        bytemuck::try_cast_slice::<_, [u32; 2]>(w),
    ) {
        (Ok(x), Ok(w)) if whole > 0 => {
            // SAFETY: there are four elements at least, and as many on all sides.
            unsafe { product_steps(sums.as_mut_ptr(), x.as_ptr(), w.as_ptr(), x.len()) }
        }
        _ => pairs::add_each_product(sums, x, w),
    }
    pairs::add_each_product(rest_of_sums, rest_of_x, rest_of_w);
}

/// Adds `count` times four products.
///
/// # Safety
/// There are so many elements, four at least, and as many sums.
#[unsafe(naked)]
unsafe extern "C" fn product_steps(
    sums: *mut i32,
    x: *const [u32; 2],
    w: *const [u32; 2],
    count: usize,
) {
    naked_asm!(
        "push {{r4-r11, lr}}
        2:
        ldrd r4, r5, [r1], #8
        ldrd r6, r7, [r2], #8
        ldm r0, {{r8-r11}}
        smlabb r8, r4, r6, r8
        smlatt r9, r4, r6, r9
        smlabb r10, r5, r7, r10
        smlatt r11, r5, r7, r11
        stm r0!, {{r8-r11}}
        subs r3, #1
        bne 2b
        pop {{r4-r11, pc}}",
    )
}
