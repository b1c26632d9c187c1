//! x86-64 with AVX2. The population count of a byte is the sum of two 16-entry table lookups, one
//! per nibble (`vpshufb`; Muła, Kurz, Lemire, "Faster population counts using AVX2 instructions",
//! arXiv 1611.07612). Lanes are weight rows: a word of activations is broadcast against the same
//! word of four weight rows, so that no sum across lanes is ever needed.

use core::arch::x86_64::{
    __m256i, _mm256_add_epi8, _mm256_add_epi64, _mm256_and_si256, _mm256_castps_si256,
    _mm256_castsi256_ps, _mm256_loadu_si256, _mm256_permute4x64_epi64, _mm256_sad_epu8,
    _mm256_set1_epi8, _mm256_set1_epi64x, _mm256_setr_epi8, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_shuffle_ps, _mm256_sll_epi64, _mm256_srli_epi16,
    _mm256_storeu_si256, _mm256_sub_epi64, _mm256_xor_si256,
};

use super::{cpu_has, portable, scalar, vector_tiles};
use crate::kernel::{Isa, Kernel};

/// Weight rows in one vector of 64-bit lanes.
const LANES: usize = 4;
const VECTORS: usize = 2;
const NR: usize = VECTORS * LANES;

/// A byte lane gains at most 8 per word, and `31 * 8 <= 255`.
const WORDS_PER_FLUSH: usize = 31;

pub(crate) static KERNEL: Kernel = Kernel {
    isa: Isa::Avx2,
    supported: || cpu_has!("avx2", "popcnt"),
    mr: 4,
    nr: NR,
    // SAFETY: a `Kernel` is handed out only after `supported`.
    signs: |rows, panel, k, sums| unsafe { signs(rows, panel, k, sums) },
    // SAFETY: as above.
    planes: |rows, panel, sums| unsafe { planes(rows, panel, sums) },
    // SAFETY: as above.
    count: |a, b| unsafe { count(a, b) },
};

vector_tiles! {
    features: "avx2,popcnt",
    rows: 1, 2, 3, 4,
    set1: _mm256_set1_epi64x,
    add: _mm256_add_epi64,
    sub: _mm256_sub_epi64,
    shift_left: _mm256_sll_epi64,
}

/// `popcount(rows[r] ^ weights[j])`, a 64-bit lane each.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn mismatches<const MR: usize>(rows: &[&[u64]; MR], panel: &[u64]) -> [[__m256i; VECTORS]; MR] {
    let (panel, _) = panel.as_chunks::<NR>();
    let Some(rows) = scalar::same_length(rows, panel.len()) else {
        return [[_mm256_setzero_si256(); VECTORS]; MR];
    };
    let zero = _mm256_setzero_si256();
    let mut sums = [[zero; VECTORS]; MR];
    for (block, weights) in panel.chunks(WORDS_PER_FLUSH).enumerate() {
        let first = block * WORDS_PER_FLUSH;
        let mut bytes = [[zero; VECTORS]; MR];
        for (w, weights) in weights.iter().enumerate() {
            let weights = load(weights);
            for (bytes, row) in bytes.iter_mut().zip(rows) {
                let word = _mm256_set1_epi64x(row[first + w].cast_signed());
                for (bytes, weights) in bytes.iter_mut().zip(weights) {
                    let ones = count_bytes(_mm256_xor_si256(word, weights));
                    *bytes = _mm256_add_epi8(*bytes, ones);
                }
            }
        }
        for (sum, bytes) in sums.as_flattened_mut().iter_mut().zip(bytes.as_flattened()) {
            *sum = _mm256_add_epi64(*sum, _mm256_sad_epu8(*bytes, zero));
        }
    }
    sums
}

/// `popcount(a ^ b)` of two rows, four words at a time.
#[target_feature(enable = "avx2,popcnt")]
fn count(a: &[u64], b: &[u64]) -> u32 {
    let zero = _mm256_setzero_si256();
    let mut sum = zero;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.chunks(WORDS_PER_FLUSH).zip(b.chunks(WORDS_PER_FLUSH)) {
        let mut bytes = zero;
        for (a, b) in a.iter().zip(b) {
            let ones = count_bytes(_mm256_xor_si256(load_lanes(a), load_lanes(b)));
            bytes = _mm256_add_epi8(bytes, ones);
        }
        sum = _mm256_add_epi64(sum, _mm256_sad_epu8(bytes, zero));
    }
    let mut lanes = [0_i32; NR];
    store([sum, zero], &mut lanes);
    let vectors: i32 = lanes.iter().sum(); // a row has at most i32::MAX bits
    vectors.cast_unsigned() + portable::count(a_rest, b_rest)
}

/// The number of ones in each byte.
#[inline]
#[target_feature(enable = "avx2")]
fn count_bytes(x: __m256i) -> __m256i {
    #[rustfmt::skip]
    let table = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    );
    let nibble = _mm256_set1_epi8(0x0F);
    let low = _mm256_and_si256(x, nibble);
    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(x), nibble);
    _mm256_add_epi8(
        _mm256_shuffle_epi8(table, low),
        _mm256_shuffle_epi8(table, high),
    )
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(words: &[u64; NR]) -> [__m256i; VECTORS] {
    let (vectors, _) = words.as_chunks::<LANES>();
    [load_lanes(&vectors[0]), load_lanes(&vectors[1])]
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_lanes(words: &[u64; LANES]) -> __m256i {
    // SAFETY: the array is 32 readable bytes, and the load wants no alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

/// Stores the low 32 bits of all lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn store([low, high]: [__m256i; VECTORS], sums: &mut [i32; NR]) {
    // The low halves of all eight lanes, then their 128-bit quarters in order (0, 2, 1, 3).
    let (low, high) = (_mm256_castsi256_ps(low), _mm256_castsi256_ps(high));
    let mixed = _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(low, high));
    let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(mixed);
    // SAFETY: the array is 32 writable bytes, and the store wants no alignment.
    unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), ordered) };
}
