//! The kernel in scalar code, compiled once per instruction set that has a scalar population count,
//! and the layout that it shares with the vector kernels that broadcast words of activations.
//!
//! A block is tiles of `MR` rows interleaved by word, `[word][MR]`; the last tile has as many rows as
//! are left. A panel is strips of `W` weight rows interleaved likewise, `[NR / W][word][W]`.

use crate::kernel::{NR, Sums};

/// Words of a block; `rows` rows interleaved take as much as they did.
pub(super) fn block_words(rows: usize, words: usize) -> usize {
    rows * words
}

/// Interleaves rows in tiles of `MR`.
pub(super) fn fill_block<const MR: usize>(rows: &[u64], words: usize, block: &mut [u64]) {
    let tiles = rows.chunks(MR * words).zip(block.chunks_mut(MR * words));
    for (rows, tile) in tiles {
        interleave(rows, words, rows.len() / words, tile);
    }
}

pub(super) fn panel_words(words: usize) -> usize {
    NR * words
}

/// Interleaves up to `NR` rows in strips of `W`; those that are missing become zeros.
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

/// Sums of `R` rows against a strip of `W` weight rows: the `R * W` counts stay in registers while the
/// words stream by.
#[inline(always)]
pub(super) fn tile<const R: usize, const W: usize>(
    rows: &[[u64; R]],
    strip: &[[u64; W]],
    k: u32,
    sums: &mut [Sums],
    at: usize,
) {
    let mut counts = [[0_u32; W]; R];
    for (words, weights) in rows.iter().zip(strip) {
        for (counts, word) in counts.iter_mut().zip(words) {
            for (count, weight) in counts.iter_mut().zip(weights) {
                *count += (word ^ weight).count_ones();
            }
        }
    }
    for (sums, counts) in sums.iter_mut().zip(&counts) {
        for (sum, count) in sums.0.iter_mut().skip(at).zip(counts) {
            *sum = k.wrapping_sub(count << 1).cast_signed();
        }
    }
}

/// Calls `$tile::<R>` for each tile of an interleaved block and each strip of `$width` weight rows,
/// with as many rows as the tile has: for tiles generic over their row count. The literals are the row
/// counts there are, up to `$mr`.
macro_rules! by_tiles {
    ($block:expr, $panel:expr, $sums:expr, [$mr:literal, $width:expr], $($rows:literal),+ => $tile:ident) => {{
        let tiles = $block.layout.chunks($mr * $block.words);
        for (tile, sums) in tiles.zip($sums.chunks_mut($mr)) {
            for (s, strip) in $panel.chunks_exact($width * $block.words).enumerate() {
                let (strip, _) = strip.as_chunks::<{ $width }>();
                match sums.len() {
                    $($rows => $tile::<$rows>(tile.as_chunks().0, strip, $block.k, sums, s * $width),)+
                    _ => {}
                }
            }
        }
    }};
}
pub(super) use by_tiles;
