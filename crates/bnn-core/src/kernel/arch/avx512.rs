//! x86-64 with AVX-512 VPOPCNTDQ: eight 64-bit counts in one instruction. Lanes are weight rows: a
//! word of activations is broadcast against the same word of eight weight rows, so that no sum across
//! lanes is ever needed.

use core::arch::x86_64::{
    __m512i, _mm_cvtsi64_si128, _mm256_storeu_si256, _mm512_add_epi64, _mm512_cvtepi64_epi32,
    _mm512_loadu_si512, _mm512_popcnt_epi64, _mm512_reduce_add_epi64, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_sll_epi64, _mm512_sub_epi64, _mm512_xor_si512,
};

use super::{by_rows, cpu_has, portable, scalar};
use crate::kernel::{Isa, Kernel};

/// Weight rows in one vector of 64-bit lanes.
const LANES: usize = 8;
const VECTORS: usize = 2;
const NR: usize = VECTORS * LANES;

pub(crate) static KERNEL: Kernel = Kernel {
    isa: Isa::Avx512,
    supported: || cpu_has!("avx512f", "avx512vpopcntdq", "popcnt"),
    // 8 x 2 sums, 2 vectors of weights and the temporaries fit the 32 registers.
    mr: 8,
    nr: NR,
    arrange: |_| (),
    // SAFETY: a `Kernel` is handed out only after `supported`.
    signs: |rows, panel, k, sums| unsafe { signs(rows, panel, k, sums) },
    // SAFETY: as above.
    planes: |rows, panel, sums| unsafe { planes(rows, panel, sums) },
    // SAFETY: as above.
    count: |a, b| unsafe { count(a, b) },
    packing: &super::pack_avx512::PACKING,
};

#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn signs(rows: &[&[u64]], panel: &[u64], k: u32, sums: &mut [i32]) {
    by_rows!(rows, 1, 2, 3, 4, 5, 6, 7, 8 => signs_of(panel, k, sums));
}

#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn signs_of<const MR: usize>(rows: &[&[u64]; MR], panel: &[u64], k: u32, sums: &mut [i32]) {
    let counts = mismatches(rows, panel);
    let k = _mm512_set1_epi64(k.into());
    let (sums, _) = sums.as_chunks_mut::<NR>();
    // Loops, because a closure handed to another function would be compiled without the vector
    // instructions that it uses.
    for (sums, mut counts) in sums.iter_mut().zip(counts) {
        for count in &mut counts {
            *count = _mm512_sub_epi64(k, _mm512_add_epi64(*count, *count));
        }
        store(counts, sums);
    }
}

#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn planes(rows: &[&[u64]], panel: &[u64], sums: &mut [i32]) {
    let (Some((zero, planes)), Some(sums)) = (rows.split_first(), sums.first_chunk_mut::<NR>())
    else {
        return;
    };
    let [mut totals] = mismatches(&[zero], panel);
    let depth = _mm_cvtsi64_si128(planes.len() as i64);
    for total in &mut totals {
        *total = _mm512_sub_epi64(_mm512_sll_epi64(*total, depth), *total);
    }
    for (b, plane) in planes.iter().enumerate() {
        let [counts] = mismatches(&[plane], panel);
        let b = _mm_cvtsi64_si128(b as i64);
        for (total, count) in totals.iter_mut().zip(counts) {
            *total = _mm512_sub_epi64(*total, _mm512_sll_epi64(count, b));
        }
    }
    store(totals, sums);
}

/// `popcount(rows[r] ^ weights[j])`, a 64-bit lane each.
#[inline]
#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn mismatches<const MR: usize>(rows: &[&[u64]; MR], panel: &[u64]) -> [[__m512i; VECTORS]; MR] {
    let (panel, _) = panel.as_chunks::<NR>();
    let Some(rows) = scalar::same_length(rows, panel.len()) else {
        return [[_mm512_setzero_si512(); VECTORS]; MR];
    };
    let mut sums = [[_mm512_setzero_si512(); VECTORS]; MR];
    for (w, weights) in panel.iter().enumerate() {
        let weights = load(weights);
        for (sums, row) in sums.iter_mut().zip(rows) {
            let word = _mm512_set1_epi64(row[w].cast_signed());
            for (sum, weights) in sums.iter_mut().zip(weights) {
                let ones = _mm512_popcnt_epi64(_mm512_xor_si512(word, weights));
                *sum = _mm512_add_epi64(*sum, ones);
            }
        }
    }
    sums
}

/// `popcount(a ^ b)` of two rows, eight words at a time.
#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn count(a: &[u64], b: &[u64]) -> u32 {
    let mut sum = _mm512_setzero_si512();
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        let ones = _mm512_popcnt_epi64(_mm512_xor_si512(load_lanes(a), load_lanes(b)));
        sum = _mm512_add_epi64(sum, ones);
    }
    // A row has at most i32::MAX bits.
    _mm512_reduce_add_epi64(sum) as u32 + portable::count(a_rest, b_rest)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(words: &[u64; NR]) -> [__m512i; VECTORS] {
    let (vectors, _) = words.as_chunks::<LANES>();
    [load_lanes(&vectors[0]), load_lanes(&vectors[1])]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_lanes(words: &[u64; LANES]) -> __m512i {
    // SAFETY: the array is 64 readable bytes, and the load wants no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

/// Stores the low 32 bits of all lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn store(vectors: [__m512i; VECTORS], sums: &mut [i32; NR]) {
    let (sums, _) = sums.as_chunks_mut::<LANES>();
    for (sums, vector) in sums.iter_mut().zip(vectors) {
        // SAFETY: the array is 32 writable bytes, and the store wants no alignment.
        unsafe {
            _mm256_storeu_si256(sums.as_mut_ptr().cast(), _mm512_cvtepi64_epi32(vector));
        }
    }
}
