//! The tile in scalar code, compiled once per instruction set that has a scalar population count.

/// As [`Tile`](crate::kernel::Tile) for exactly `MR` rows and panels of `NR` rows: the `MR * NR`
/// counts stay in registers while the words stream by.
#[inline(always)]
pub(super) fn tile<const MR: usize, const NR: usize>(
    rows: &[&[u64]; MR],
    panel: &[u64],
    counts: &mut [u32],
) {
    let (panel, _) = panel.as_chunks::<NR>();
    let words = panel.len();
    let mut sums = [[0_u32; NR]; MR];
    // Slices of one known length let the compiler drop the bounds checks of the loop.
    let Some(rows) = same_length(rows, words) else {
        return;
    };
    for (w, weights) in panel.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += (row[w] ^ weight).count_ones();
            }
        }
    }
    for (counts, sums) in counts.chunks_exact_mut(NR).zip(sums) {
        counts.copy_from_slice(&sums);
    }
}

/// `popcount(a ^ b)` over rows of equal length.
#[inline(always)]
pub(super) fn count(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// The rows, each cut to `words` words; `None` where one is shorter.
#[inline(always)]
pub(super) fn same_length<'a, const MR: usize>(
    rows: &[&'a [u64]; MR],
    words: usize,
) -> Option<[&'a [u64]; MR]> {
    let mut cut = *rows;
    for row in &mut cut {
        *row = row.get(..words)?;
    }
    Some(cut)
}
