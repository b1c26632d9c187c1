//! Tiles in scalar code, compiled once per instruction set that has a scalar population count.

/// As [`SignTile`](crate::kernel::SignTile) for exactly `MR` rows and panels of `NR` rows.
#[inline(always)]
pub(super) fn signs<const MR: usize, const NR: usize>(
    rows: &[&[u64]; MR],
    panel: &[u64],
    k: u32,
    sums: &mut [i32],
) {
    weigh_signs(&mismatches::<MR, NR>(rows, panel), k, sums);
}

/// As [`PlaneTile`](crate::kernel::PlaneTile) for panels of `NR` rows.
#[inline(always)]
pub(super) fn planes<const NR: usize>(rows: &[&[u64]], panel: &[u64], sums: &mut [i32]) {
    let mut totals = [0; NR];
    for (r, row) in rows.iter().enumerate() {
        let [counts] = mismatches::<1, NR>(&[row], panel);
        weigh_plane(&mut totals, counts, r, rows.len() - 1);
    }
    store(totals, sums);
}

/// `k - 2 * count`, modulo `2^32`.
#[inline(always)]
pub(super) fn weigh_signs<const MR: usize, const NR: usize>(
    counts: &[[u32; NR]; MR],
    k: u32,
    sums: &mut [i32],
) {
    for (sum, count) in sums.iter_mut().zip(counts.as_flattened()) {
        *sum = k.wrapping_sub(count << 1).cast_signed();
    }
}

/// Adds what row `r` of a sample of bit planes contributes, modulo `2^32`: row 0 is the row of zeros,
/// row `b + 1` is plane `b`.
#[inline(always)]
pub(super) fn weigh_plane<const NR: usize>(
    totals: &mut [u32; NR],
    counts: [u32; NR],
    r: usize,
    depth: usize,
) {
    for (total, count) in totals.iter_mut().zip(counts) {
        *total = match r.checked_sub(1) {
            None => (count << depth).wrapping_sub(count),
            Some(b) => total.wrapping_sub(count << b),
        };
    }
}

/// Writes totals as signed sums.
#[inline(always)]
pub(super) fn store<const NR: usize>(totals: [u32; NR], sums: &mut [i32]) {
    for (sum, total) in sums.iter_mut().zip(totals) {
        *sum = total.cast_signed();
    }
}

/// `popcount(rows[r] ^ weights[j])`: the `MR * NR` counts stay in registers while the words stream
/// by.
#[inline(always)]
fn mismatches<const MR: usize, const NR: usize>(
    rows: &[&[u64]; MR],
    panel: &[u64],
) -> [[u32; NR]; MR] {
    let (panel, _) = panel.as_chunks::<NR>();
    let mut counts = [[0_u32; NR]; MR];
    // Slices of one known length let the compiler drop the bounds checks of the loop.
    let Some(rows) = same_length(rows, panel.len()) else {
        return counts;
    };
    for (w, weights) in panel.iter().enumerate() {
        for (counts, row) in counts.iter_mut().zip(rows) {
            for (count, weight) in counts.iter_mut().zip(weights) {
                *count += (row[w] ^ weight).count_ones();
            }
        }
    }
    counts
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
