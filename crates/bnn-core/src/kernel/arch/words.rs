//! Loops over the words of a row. They are macros because a closure passed to another function
//! would be compiled without the vector instructions that it uses.

use crate::shape::WORD;

/// Runs `$body` for every 64 elements of the row `$row`, as an array `$x` and the number `$w` of
/// their word; the last, partial array is padded with zeros.
macro_rules! for_words {
    ($row:expr, |$w:ident, $x:ident| $body:expr) => {{
        let (blocks, rest) = $row.as_chunks::<{ $crate::shape::WORD }>();
        for ($w, $x) in blocks.iter().enumerate() {
            $body
        }
        if !rest.is_empty() {
            let $w = blocks.len();
            let $x = &$crate::kernel::arch::words::padded(rest);
            $body
        }
    }};
}
pub(super) use for_words;

/// Packs the row `$row` to `$bits`: the word of 64 elements `$x` is `$word`.
macro_rules! by_words {
    ($row:expr, $bits:expr, |$x:ident| $word:expr) => {{
        $crate::kernel::arch::words::for_words!(
            $row,
            |w, $x| if let Some(bits) = $bits.get_mut(w) {
                *bits = $word
            }
        );
        if let Some(last) = $bits.last_mut() {
            *last &= $crate::shape::last_word_mask($row.len());
        }
    }};
}
pub(super) use by_words;

/// Unpacks `$bits` to the row `$row`: `$body` writes the 64 elements `$x` of each word `$word`.
macro_rules! from_words {
    ($bits:expr, $row:expr, |$word:ident, $x:ident| $body:expr) => {{
        let (blocks, rest) = $row.as_chunks_mut::<{ $crate::shape::WORD }>();
        let last = $bits.get(blocks.len());
        for ($x, $word) in blocks.iter_mut().zip($bits) {
            $body
        }
        if let Some($word) = last {
            let mut padded = $crate::kernel::arch::words::padded(rest);
            let $x = &mut padded;
            $body
            for (x, padded) in rest.iter_mut().zip(padded) {
                *x = padded;
            }
        }
    }};
}
pub(super) use from_words;

/// Up to 64 elements, and zeros after them.
#[inline(always)]
pub(super) fn padded<T: Copy + Default>(x: &[T]) -> [T; WORD] {
    let mut padded = [T::default(); WORD];
    for (padded, x) in padded.iter_mut().zip(x) {
        *padded = *x;
    }
    padded
}
