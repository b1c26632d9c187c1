//! Layouts for the kernels that count by table lookups: byte lanes are neurons, four bits of an
//! activation row choose a table, a nibble of weights the entry.
//!
//! `TABLES[a]` serves *two* rows: the low nibble of an entry counts for the first, the high nibble
//! for the second. A block holds these tables ready-made, to be loaded one after the other. In the
//! tables of a row without a partner the high nibbles are 0.
//!
//! - Block: tiles of up to `PAIRS` pairs of rows, `[3 bytes of k][pair][6 nibbles][16]`.
//! - Panel: `[byte of k][neuron]`.
//!
//! Both are filled up with zeros to whole groups of 3 bytes of k; zeros do not differ.

use crate::kernel::sums::{NR, Sums};

/// Bytes of k in a group, which is 6 lookups: a nibble of a table entry counts up to 4, so three of
/// them may be added before the nibbles are separated (`3 * 4 <= 15`), and two such sums make a
/// group.
pub(super) const GROUP: usize = 3;
/// Words of one pair's tables for a group: 6 tables of 16 bytes.
pub(super) const PAIR_WORDS: usize = 2 * GROUP * 2;
/// Words of the weights of a group.
pub(super) const WEIGHT_WORDS: usize = GROUP * NR / 8;
/// Groups before bytes are widened: a byte counter gains at most 24 per group, `10 * 24 <= 255`.
pub(super) const GROUPS_PER_BYTES: usize = 10;
/// Groups before 16-bit counters are widened: `2730 * 24 <= 65535`. A multiple of
/// [`GROUPS_PER_BYTES`].
pub(super) const GROUPS_PER_U16S: usize = 2730;

/// Groups of a row of `words` words.
pub(super) fn groups(words: usize) -> usize {
    (8 * words).div_ceil(GROUP)
}

/// `TABLES[a][w]`, 16 entries `w` in two words: in how many bits `w` differs from the low nibble of
/// `a`, and in the entry's high nibble from the high nibble of `a`.
pub(super) static TABLES: [[u64; 2]; 256] = {
    let mut tables = [[0; 2]; 256];
    let mut i = 0_usize;
    while i < 256 * 16 {
        let (a, w) = (i / 16, i % 16);
        let entry = ((a & 15) ^ w).count_ones() | ((a >> 4) ^ w).count_ones() << 4;
        tables[a][w / 8] |= (entry as u64) << (8 * (w % 8));
        i += 1;
    }
    tables
};

/// The low nibble of each byte.
const LOW: u64 = 0x0F0F_0F0F_0F0F_0F0F;

/// Lays out rows by pairs.
pub(super) fn fill_pairs<const PAIRS: usize>(rows: &[u64], words: usize, block: &mut [u64]) {
    let tiles = rows.chunks(2 * PAIRS * words);
    let places = block.chunks_mut(PAIRS * groups(words) * PAIR_WORDS);
    for (rows, tile) in tiles.zip(places) {
        let (tables, _) = tile.as_chunks_mut::<PAIR_WORDS>();
        let pairs = rows.len().div_ceil(2 * words);
        for (p, pair) in rows.chunks(2 * words).enumerate() {
            let (first, second) = pair.split_at(words);
            let counted = if second.is_empty() { LOW } else { u64::MAX };
            // Three words are eight groups of three bytes.
            for (w, groups) in tables.chunks_mut(8 * pairs).enumerate() {
                let (low, high) = nibble_pairs(first, second, 3 * w);
                let nibbles = low.as_flattened().chunks_exact(GROUP);
                let nibbles = nibbles.zip(high.as_flattened().chunks_exact(GROUP));
                for (group, (low, high)) in groups.iter_mut().skip(p).step_by(pairs).zip(nibbles) {
                    let (places, _) = group.as_chunks_mut::<4>();
                    for ((place, low), high) in places.iter_mut().zip(low).zip(high) {
                        let [[a, b], [c, d]] = [low, high].map(|n| TABLES[usize::from(*n)]);
                        *place = [a & counted, b & counted, c & counted, d & counted];
                    }
                }
            }
        }
    }
}

/// The low nibbles of three words' bytes, and the high ones: of `first` in the low half of a byte,
/// of `second`, if there is one, in its high half.
fn nibble_pairs(first: &[u64], second: &[u64], at: usize) -> ([[u8; 8]; 3], [[u8; 8]; 3]) {
    let word = |row: &[u64], w| row.get(w).copied().unwrap_or(0);
    let mut pairs = [([0; 8], [0; 8]); 3];
    for (i, (low, high)) in pairs.iter_mut().enumerate() {
        let (a, b) = (word(first, at + i), word(second, at + i));
        *low = (a & LOW | (b & LOW) << 4).to_le_bytes();
        *high = (a >> 4 & LOW | b & !LOW).to_le_bytes();
    }
    (pairs.map(|(low, _)| low), pairs.map(|(_, high)| high))
}

/// Words of a panel.
pub(super) fn panel_words(words: usize) -> usize {
    groups(words) * WEIGHT_WORDS
}

/// Lays out up to [`NR`] rows of weights; missing rows become zeros.
pub(super) fn fill_panel(rows: &[u64], words: usize, panel: &mut [u64]) {
    let (bytes_of_k, _) = panel.as_chunks_mut::<{ NR / 8 }>();
    for (b, lanes) in bytes_of_k.iter_mut().enumerate() {
        let mut neurons = [0_u8; NR];
        for (byte, row) in neurons.iter_mut().zip(rows.chunks_exact(words)) {
            *byte = row
                .get(b / 8)
                .map_or(0, |word| (word >> (8 * (b % 8))) as u8);
        }
        let (eights, _) = neurons.as_chunks::<8>();
        for (lane, eight) in lanes.iter_mut().zip(eights) {
            *lane = u64::from_le_bytes(*eight);
        }
    }
}

/// Adds 16-bit counters to those of 32 bits at the same places.
#[inline(always)]
pub(super) fn widen(halves: &[u16], counts: &mut [u32]) {
    for (count, half) in counts.iter_mut().zip(halves) {
        *count += u32::from(*half);
    }
}

/// `k - 2 * count`, modulo `2^32`.
#[inline(always)]
pub(super) fn finish(counts: &[u32; NR], k: u32, sums: &mut Sums) {
    for (sum, count) in sums.0.iter_mut().zip(counts) {
        *sum = k.wrapping_sub(count << 1).cast_signed();
    }
}
