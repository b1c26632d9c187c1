//! Tiles in scalar code, compiled once per instruction set that has a scalar population count.

/// As [`SignTile`](crate::kernel::SignTile) for exactly `MR` rows and panels of `NR` rows.
#[inline(always)]
pub(super) fn signs<const MR: usize, const NR: usize>(
    rows: &[&[u64]; MR],
    panel: &[u64],
    k: u32,
    sums: &mut [i32],
) {
    let counts = mismatches::<MR, NR>(rows, panel);
    for (sum, count) in sums.iter_mut().zip(counts.as_flattened()) {
        *sum = k.wrapping_sub(count << 1).cast_signed();
    }
}

/// As [`PlaneTile`](crate::kernel::PlaneTile) for panels of `NR` rows.
#[inline(always)]
pub(super) fn planes<const NR: usize>(rows: &[&[u64]], panel: &[u64], sums: &mut [i32]) {
    let Some((zero, planes)) = rows.split_first() else {
        return;
    };
    let [zero] = mismatches::<1, NR>(&[zero], panel);
    let mut totals = zero.map(|count| (count << planes.len()).wrapping_sub(count));
    for (b, plane) in planes.iter().enumerate() {
        let [counts] = mismatches::<1, NR>(&[plane], panel);
        for (total, count) in totals.iter_mut().zip(counts) {
            *total = total.wrapping_sub(count << b);
        }
    }
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
