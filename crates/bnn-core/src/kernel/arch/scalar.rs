//! The kernel in scalar code, compiled once per instruction set that has a scalar population count,
//! and the layout of panels that it shares with the vector kernels that broadcast words of
//! activations: strips of `W` weight rows interleaved by word, `[NR / W][word][W]`. A block is the
//! canonical rows.

use crate::kernel::sums::{NR, Sums};

pub(super) fn panel_words(words: usize) -> usize {
    NR * words
}

/// Interleaves up to `NR` rows in strips of `W`; missing rows become zeros.
pub(super) fn fill_panel<const W: usize>(rows: &[u64], words: usize, panel: &mut [u64]) {
    if rows.len() < NR * words {
        panel.fill(0);
    }
    let strips = panel.chunks_mut(W * words);
    for (rows, strip) in rows.chunks(W * words).zip(strips) {
        interleave(rows, words, W, strip);
    }
}

fn interleave(rows: &[u64], words: usize, width: usize, to: &mut [u64]) {
    for (r, row) in rows.chunks_exact(words).enumerate() {
        for (group, word) in to.chunks_exact_mut(width).zip(row) {
            if let Some(place) = group.get_mut(r) {
                *place = *word;
            }
        }
    }
}

/// Sums of `R` rows against a strip of `W` weight rows: the `R * W` counts stay in registers while
/// the words stream by.
#[inline(always)]
pub(super) fn tile<const R: usize, const W: usize>(
    rows: [&[u64]; R],
    strip: &[[u64; W]],
    k: u32,
    sums: &mut [Sums],
    at: usize,
) {
    let mut counts = [[0_u32; W]; R];
    for (w, weights) in strip.iter().enumerate() {
        for (counts, row) in counts.iter_mut().zip(rows) {
            for (count, weight) in counts.iter_mut().zip(weights) {
                *count += (row[w] ^ weight).count_ones();
            }
        }
    }
    for (sums, counts) in sums.iter_mut().zip(&counts) {
        for (sum, count) in sums.0.iter_mut().skip(at).zip(counts) {
            *sum = k.wrapping_sub(count << 1).cast_signed();
        }
    }
}

/// The `R` rows of a tile, each with as many words as the strip. The compiler knows that the
/// lengths are equal, so it drops the bounds checks of the loop.
#[inline(always)]
pub(super) fn rows_of<'a, const R: usize, const W: usize>(
    mut tile: &'a [u64],
    strip: &[[u64; W]],
) -> Option<[&'a [u64]; R]> {
    let mut rows: [&[u64]; R] = [&[]; R];
    for row in &mut rows {
        (*row, tile) = tile.split_at_checked(strip.len())?;
    }
    Some(rows)
}

/// Calls `$tile::<R>`, generic over its row count, for each `$mr` rows of a block and each strip of
/// `$width` weight rows. The last rows may be fewer; the literals are all row counts from 1 to
/// `$mr`.
macro_rules! by_tiles {
    ($block:expr, $panel:expr, $sums:expr, [$mr:literal, $width:expr], $($rows:literal),+ => $tile:ident) => {{
        let tiles = $block.layout.chunks($mr * $block.words);
        for (tile, sums) in tiles.zip($sums.chunks_mut($mr)) {
            for (s, strip) in $panel.chunks_exact($width * $block.words).enumerate() {
                let (strip, _) = strip.as_chunks::<{ $width }>();
                match sums.len() {
                    $($rows => if let Some(rows) = scalar::rows_of(tile, strip) {
                        $tile::<$rows>(rows, strip, $block.k, sums, s * $width)
                    },)+
                    _ => {}
                }
            }
        }
    }};
}
pub(super) use by_tiles;
