//! Layouts for the kernels that count by table lookups: byte lanes are neurons, four bits of an
//! activation row choose a table, a nibble of weights the entry.
//!
//! `TABLES[a]` serves *two* rows: the low nibble of an entry counts for the first, the high nibble for
//! the second. A block holds these tables ready-made, to be loaded one after the other.
//!
//! - Block: tiles of up to `PAIRS` pairs of rows, `[3 bytes of k][pair][6 nibbles][16]`.
//! - Panel: `[byte of k][neuron]`.
//!
//! Both are filled up to whole groups of 3 bytes of k with zeros, which do not differ.

use crate::kernel::NR;

/// Bytes of k in a group, which is 6 lookups: a nibble of a table entry counts up to 4, so three of
/// them may be added before the nibbles are parted (`3 * 4 <= 15`), and two such sums make a group.
pub(super) const GROUP: usize = 3;
/// Words of one pair's tables for a group: 6 tables of 16 bytes.
pub(super) const PAIR_WORDS: usize = 2 * GROUP * 2;
/// Words of the weights of a group.
pub(super) const WEIGHT_WORDS: usize = GROUP * NR / 8;
/// Groups before bytes are widened: a byte counter gains at most 24 per group, `10 * 24 <= 255`.
pub(super) const GROUPS_PER_BYTES: usize = 10;
/// Groups before 16-bit counters are widened: `2730 * 24 <= 65535`. A multiple of the above.
pub(super) const GROUPS_PER_U16S: usize = 2730;

/// Groups of a row of `words` words.
pub(super) fn groups(words: usize) -> usize {
    (8 * words).div_ceil(GROUP)
}

/// `TABLES[a][w]`, 16 entries `w` in two words: in how many bits `w` differs from the low nibble of
/// `a`, and in the entry's high nibble from the high nibble of `a`.
static TABLES: [[u64; 2]; 256] = {
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

/// Lays out pairs of rows; the second of the last pair may be missing, which is as zeros.
pub(super) fn fill_pairs<const PAIRS: usize>(rows: &[u64], words: usize, block: &mut [u64]) {
    let tiles = rows.chunks(2 * PAIRS * words);
    let places = block.chunks_mut(PAIRS * groups(words) * PAIR_WORDS);
    for (rows, tile) in tiles.zip(places) {
        let pairs = rows.len().div_ceil(2 * words);
        for (p, pair) in rows.chunks(2 * words).enumerate() {
            let (first, second) = pair.split_at(words);
            let bytes = |w: usize| {
                let of = |row: &[u64]| row.get(w).copied().unwrap_or(0).to_le_bytes();
                (of(first), of(second))
            };
            let (tables, _) = tile.as_chunks_mut::<PAIR_WORDS>();
            let tables = tables.iter_mut().skip(p).step_by(pairs);
            let (mut w, mut at) = (0, 0);
            let (mut a, mut b) = bytes(0);
            for group in tables {
                let (group, _) = group.as_chunks_mut::<4>();
                for nibbles in group {
                    if at == 8 {
                        (w, at) = (w + 1, 0);
                        (a, b) = bytes(w);
                    }
                    let (a, b) = (a[at], b[at]);
                    let low = TABLES[usize::from(a & 15 | b << 4)];
                    let high = TABLES[usize::from(a >> 4 | b & 0xF0)];
                    *nibbles = [low[0], low[1], high[0], high[1]];
                    at += 1;
                }
            }
        }
    }
}

/// Words of a panel.
pub(super) fn panel_words(words: usize) -> usize {
    groups(words) * WEIGHT_WORDS
}

/// Lays out up to [`NR`] rows of weights; those that are missing become zeros.
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
