//! Outputs between guards: memory that inline assembly writes is not seen by the address sanitizer.

use core::fmt::Debug;

/// Elements on each side.
const SIDE: usize = 64;

/// What `write` makes of `len` elements, all `guard` before and with more of them on both sides,
/// which it must leave as they are.
pub fn guarded<T: Copy + PartialEq + Debug>(
    len: usize,
    guard: T,
    write: impl FnOnce(&mut [T]),
) -> Vec<T> {
    let mut all = vec![guard; len + 2 * SIDE];
    write(&mut all[SIDE..SIDE + len]);
    let outside = all[..SIDE].iter().chain(&all[SIDE + len..]);
    assert!(outside.into_iter().all(|x| *x == guard), "written outside");
    all[SIDE..SIDE + len].to_vec()
}
