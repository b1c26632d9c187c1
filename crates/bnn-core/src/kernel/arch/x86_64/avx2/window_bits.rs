//! Windows of bits in place with AVX2, by table lookups over windows.
//!
//! The byte lanes of a vector are 32 windows. The bytes of their groups are brought together once
//! and then meet all weight rows: four bits of *two* weight rows choose a table of 16 bytes, and
//! the nibbles of the windows choose entries, whose halves say in how many bits each weight row
//! differs. This is the kernel for panels the other way round, so that the tables belong to the
//! weights: a nibble of two rows is a byte of the panel
//! ([`PanelOrder::NibblePairs`](crate::kernel::windows::PanelOrder)), and the 256 tables are always
//! in the L1 cache.

use core::arch::x86_64::{
    __m128i, __m256i, _mm_storeu_si128, _mm256_add_epi8, _mm256_add_epi16, _mm256_and_si256,
    _mm256_andnot_si256, _mm256_avg_epu8, _mm256_castsi256_si128, _mm256_cmpgt_epi16,
    _mm256_extracti128_si256, _mm256_or_si256, _mm256_packs_epi16, _mm256_set1_epi8,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_storeu_si256,
    _mm256_sub_epi8, _mm256_unpackhi_epi8, _mm256_unpackhi_epi16, _mm256_unpacklo_epi8,
    _mm256_unpacklo_epi16,
};
use core::hint::black_box;

use bytemuck::cast_slice;

use super::{broadcast, load, times_16};
use crate::kernel::arch::nibble_tables::TABLES;
use crate::kernel::sums::{NR, Sums};
use crate::kernel::windows::{self, BlockWindow, Lanes, MOST_WAYS, WindowBlock};
use crate::shape::positive;

/// Windows in a vector.
const LANES: usize = 32;
/// Vectors of windows that meet a table.
const VECTORS: usize = 2;
/// Groups whose nibbles are laid out at once, in 20 KiB.
const GROUPS: usize = 40;
/// Nibbles before bytes are widened: a nibble adds at most 4 to a byte, `60 * 4 <= 255`. A multiple
/// of 6.
const NIBBLES: usize = 60;

/// The nibbles of a tile of windows, low ones first.
type Nibbles = [[__m256i; VECTORS]; 8 * GROUPS];

/// A group of each window of a vector.
type Slots = [[u32; LANES]; GROUPS];

/// Counts of 16 bits: of the windows whose bytes lie in the low halves of a vector's 128 bits, and
/// of the others.
type Halves = [__m256i; 2];

/// In how many bits a tile's windows differ from each weight row of a panel.
type Counts = [[Halves; VECTORS]; NR];

#[target_feature(enable = "avx2")]
pub(super) fn sums(block: &WindowBlock<'_>, panel: &[Lanes], sums: &mut [Sums]) {
    if !block.is_inside() {
        return;
    }
    let mut tile = Tile::new();
    let places = sums.chunks_mut(VECTORS * LANES);
    for (windows, places) in block.windows.chunks(VECTORS * LANES).zip(places) {
        tile.loaded = None;
        let counts = tile.count(block, windows, panel);
        for (lane, counts) in counts.iter().enumerate() {
            for (counts, places) in counts.iter().zip(places.chunks_mut(LANES)) {
                let [low, high] = [counts[0], counts[1]].map(|half| {
                    let mut numbers = [0_i16; 16];
                    // SAFETY: the array is 32 writable bytes, and the store wants no alignment.
                    unsafe { _mm256_storeu_si256(numbers.as_mut_ptr().cast(), half) };
                    numbers
                });
                let (low, high) = (low.as_chunks::<8>().0, high.as_chunks::<8>().0);
                let numbers = [low[0], high[0], low[1], high[1]];
                for (place, count) in places.iter_mut().zip(numbers.as_flattened()) {
                    place.0[lane] = -i32::from(*count);
                }
            }
        }
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn reached(
    block: &WindowBlock<'_>,
    panels: &[Lanes],
    limits: &[[i32; NR]],
    out: &mut [u32],
    stride: usize,
) {
    if !block.is_inside() {
        return;
    }
    let mut tile = Tile::new();
    let stride = positive(stride);
    let places = out.chunks_mut(VECTORS * LANES * stride);
    for (windows, places) in block.windows.chunks(VECTORS * LANES).zip(places) {
        tile.loaded = None;
        let mut ways = [[0_u8; LANES]; VECTORS];
        for (way, window) in ways.as_flattened_mut().iter_mut().zip(windows) {
            *way = window.way as u8;
        }
        let ways = [load(&ways[0]), load(&ways[1])];
        for (p, (panel, limits)) in windows::panels(block, panels, limits) {
            let (tables, _) = cast_slice::<i32, u8>(limits.as_flattened()).as_chunks::<MOST_WAYS>();
            let (tables, _) = tables.as_chunks::<2>();
            let counts = tile.count(block, windows, panel);
            let vectors = ways.iter().zip(places.chunks_mut(LANES * stride));
            for (v, (ways, places)) in vectors.enumerate() {
                let bits = compare(counts, v, tables, *ways);
                for (place, bits) in places.chunks_mut(stride).zip(bits) {
                    if let Some(place) = place.get_mut(p) {
                        *place = bits;
                    }
                }
            }
        }
    }
}

/// Whether each window of vector `v` of a tile has at most the limit's count: a bit for each weight
/// row. Of each row, `tables` has the low bytes of the limits of all ways and the high ones.
#[target_feature(enable = "avx2")]
fn compare(
    counts: &Counts,
    v: usize,
    tables: &[[[u8; MOST_WAYS]; 2]],
    ways: __m256i,
) -> [u32; LANES] {
    let mut bytes = [_mm256_setzero_si256(); NR / 8];
    for (i, (counts, tables)) in counts.iter().zip(tables).enumerate() {
        let low = _mm256_shuffle_epi8(broadcast(&tables[0]), ways);
        let high = _mm256_shuffle_epi8(broadcast(&tables[1]), ways);
        let [a, b] = counts[v];
        let above = _mm256_packs_epi16(
            _mm256_cmpgt_epi16(a, _mm256_unpacklo_epi8(low, high)),
            _mm256_cmpgt_epi16(b, _mm256_unpackhi_epi8(low, high)),
        );
        let bit = _mm256_set1_epi8((1_u8 << (i % 8)).cast_signed());
        bytes[i / 8] = _mm256_or_si256(bytes[i / 8], _mm256_andnot_si256(above, bit));
    }
    let [a, b, c, d] = bytes;
    let pairs = [
        (_mm256_unpacklo_epi8(a, b), _mm256_unpacklo_epi8(c, d)),
        (_mm256_unpackhi_epi8(a, b), _mm256_unpackhi_epi8(c, d)),
    ];
    let mut out = [0; LANES];
    for (i, (low, high)) in pairs.into_iter().enumerate() {
        let fours = [
            _mm256_unpacklo_epi16(low, high),
            _mm256_unpackhi_epi16(low, high),
        ];
        for (j, four) in fours.into_iter().enumerate() {
            let at = 8 * i + 4 * j;
            store(_mm256_castsi256_si128(four), &mut out, at);
            store(_mm256_extracti128_si256::<1>(four), &mut out, 16 + at);
        }
    }
    out
}

/// A tile of windows against panels.
struct Tile {
    /// The windows' groups, in the order that [`lay_out`] wants.
    slots: Slots,
    nibbles: Nibbles,
    /// The first group of which `nibbles` has the nibbles.
    loaded: Option<usize>,
    counts: Counts,
}

impl Tile {
    #[target_feature(enable = "avx2")]
    fn new() -> Self {
        Self {
            slots: [[0; LANES]; GROUPS],
            nibbles: [[_mm256_setzero_si256(); VECTORS]; 8 * GROUPS],
            loaded: None,
            counts: [[[_mm256_setzero_si256(); 2]; VECTORS]; NR],
        }
    }

    /// Counts the bits in which the windows differ from the weight rows of a panel. Those of
    /// windows that the tile does not have mean nothing.
    #[target_feature(enable = "avx2")]
    fn count(
        &mut self,
        block: &WindowBlock<'_>,
        windows: &[BlockWindow],
        panel: &[Lanes],
    ) -> &Counts {
        let pairs = cast_slice::<u32, u8>(panel.as_flattened());
        let pairs = pairs.chunks_exact(positive(8 * block.groups.len()));
        for (i, groups) in block.groups.chunks(GROUPS).enumerate() {
            if self.loaded != Some(i) {
                lay_out(block, windows, groups, &mut self.slots, &mut self.nibbles);
                self.loaded = Some(i);
            }
            let nibbles = self.nibbles.get(..8 * groups.len()).unwrap_or_default();
            let (twos, _) = self.counts.as_chunks_mut::<2>();
            for (pair, counts) in pairs.clone().zip(twos) {
                let pair = pair.get(8 * i * GROUPS..).unwrap_or_default();
                let pair = pair.get(..nibbles.len()).unwrap_or_default();
                if i == 0 {
                    *counts = [[[_mm256_setzero_si256(); 2]; VECTORS]; 2];
                }
                if windows.len() > LANES {
                    count_pair::<2>(pair, nibbles, counts);
                } else {
                    count_pair::<1>(pair, nibbles, counts);
                }
            }
        }
        &self.counts
    }
}

/// Adds the counts of the first `V` vectors of windows with two weight rows.
#[target_feature(enable = "avx2")]
fn count_pair<const V: usize>(
    pair: &[u8],
    nibbles: &[[__m256i; VECTORS]],
    counts: &mut [[Halves; VECTORS]; 2],
) {
    // If the compiler knew that the operands of the average below are even, it would replace that
    // one instruction by five.
    let high = black_box(_mm256_set1_epi8(0xF0_u8.cast_signed()));
    for (nibbles, pair) in nibbles.chunks(NIBBLES).zip(pair.chunks(NIBBLES)) {
        // `second` gains the counts of the second row, `both` those of the first and 16 times those
        // of the second, modulo 256.
        let mut both = [_mm256_setzero_si256(); V];
        let mut second = [_mm256_setzero_si256(); V];
        let ((sixes, last), (six_bytes, last_bytes)) =
            (nibbles.as_chunks::<6>(), pair.as_chunks::<6>());
        for (nibbles, bytes) in sixes.iter().zip(six_bytes) {
            let a = look_up::<V>(&nibbles[..3], &bytes[..3]);
            let b = look_up::<V>(&nibbles[3..], &bytes[3..]);
            add::<V>(a, b, high, &mut both, &mut second);
        }
        if !last.is_empty() {
            // Two or four.
            let middle = last.len() / 2;
            let (nibbles, bytes) = (last.split_at(middle), last_bytes.split_at(middle));
            let a = look_up::<V>(nibbles.0, bytes.0);
            let b = look_up::<V>(nibbles.1, bytes.1);
            add::<V>(a, b, high, &mut both, &mut second);
        }
        for (v, (both, second)) in both.into_iter().zip(second).enumerate() {
            let first = _mm256_sub_epi8(both, times_16(second));
            for (counts, bytes) in counts.iter_mut().zip([first, second]) {
                let zero = _mm256_setzero_si256();
                let [low, high] = &mut counts[v];
                *low = _mm256_add_epi16(*low, _mm256_unpacklo_epi8(bytes, zero));
                *high = _mm256_add_epi16(*high, _mm256_unpackhi_epi8(bytes, zero));
            }
        }
    }
}

/// The sums of at most three lookups: nibbles of at most 12.
#[inline]
#[target_feature(enable = "avx2")]
fn look_up<const V: usize>(nibbles: &[[__m256i; VECTORS]], bytes: &[u8]) -> [__m256i; V] {
    let mut sums = [_mm256_setzero_si256(); V];
    for (nibbles, byte) in nibbles.iter().zip(bytes) {
        let table = broadcast(&TABLES[usize::from(*byte)]);
        for (sum, nibbles) in sums.iter_mut().zip(nibbles) {
            *sum = _mm256_add_epi8(*sum, _mm256_shuffle_epi8(table, *nibbles));
        }
    }
    sums
}

#[inline]
#[target_feature(enable = "avx2")]
fn add<const V: usize>(
    a: [__m256i; V],
    b: [__m256i; V],
    high: __m256i,
    both: &mut [__m256i; V],
    second: &mut [__m256i; V],
) {
    for v in 0..V {
        both[v] = _mm256_add_epi8(both[v], _mm256_add_epi8(a[v], b[v]));
        // The average of two multiples of 16 is exact, a multiple of 8; so no bit crosses a byte
        // when it is divided by 8.
        let eights = _mm256_avg_epu8(_mm256_and_si256(a[v], high), _mm256_and_si256(b[v], high));
        second[v] = _mm256_add_epi8(second[v], _mm256_srli_epi16::<3>(eights));
    }
}

/// Brings the bytes of a few groups of a tile's windows together, and splits them into nibbles.
#[target_feature(enable = "avx2")]
fn lay_out(
    block: &WindowBlock<'_>,
    windows: &[BlockWindow],
    groups: &[u32],
    slots: &mut Slots,
    nibbles: &mut Nibbles,
) {
    let mask = _mm256_set1_epi8(0x0F);
    for (v, windows) in windows.chunks(LANES).enumerate().take(VECTORS) {
        // All are written before any is read, because loads of what several stores have just
        // written wait for them.
        for (w, window) in windows.iter().enumerate() {
            let slot = 8 * (w / 4 % 4) + 4 * (w / 16) + w % 4;
            for (slots, group) in slots.iter_mut().zip(groups) {
                let at = window.first as usize + *group as usize;
                // SAFETY: the callers have found every group of every window to lie in the memory,
                // and the load wants no alignment.
                slots[slot] =
                    unsafe { block.bytes.as_ptr().add(at).cast::<u32>().read_unaligned() };
            }
        }
        let (places, _) = nibbles.as_chunks_mut::<8>();
        for (places, slots) in places.iter_mut().zip(&*slots).take(groups.len()) {
            let bytes = cast_slice::<u32, u8>(slots).as_chunks::<LANES>().0;
            let [x0, x1, x2, x3] = [
                load(&bytes[0]),
                load(&bytes[1]),
                load(&bytes[2]),
                load(&bytes[3]),
            ];
            // Each step takes a bit of a window's number into the place in the vector, and a bit of
            // the byte's number out of it.
            let ([a0, a1], [b0, b1]) = (zip(x0, x2), zip(x1, x3));
            let ([a0, b0], [a1, b1]) = (zip(a0, b0), zip(a1, b1));
            let ([a0, a1], [b0, b1]) = (zip(a0, a1), zip(b0, b1));
            let ([byte0, byte1], [byte2, byte3]) = (zip(a0, b0), zip(a1, b1));
            for (place, byte) in places
                .as_chunks_mut::<2>()
                .0
                .iter_mut()
                .zip([byte0, byte1, byte2, byte3])
            {
                place[0][v] = _mm256_and_si256(byte, mask);
                place[1][v] = _mm256_and_si256(_mm256_srli_epi16::<4>(byte), mask);
            }
        }
    }
}

/// The bytes of two vectors in turns, in each 128 bits: the low halves, and the high ones.
#[inline]
#[target_feature(enable = "avx2")]
fn zip(a: __m256i, b: __m256i) -> [__m256i; 2] {
    [_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b)]
}

/// Writes four numbers from `at` on.
#[inline]
#[target_feature(enable = "avx2")]
fn store(four: __m128i, out: &mut [u32; LANES], at: usize) {
    if let Some(place) = out.get_mut(at..).and_then(|out| out.first_chunk_mut::<4>()) {
        // SAFETY: the array is 16 writable bytes, and the store wants no alignment.
        unsafe { _mm_storeu_si128(place.as_mut_ptr().cast(), four) };
    }
}
