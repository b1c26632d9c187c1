//! x86-64 with AVX-512 VPOPCNTDQ: eight 64-bit counts in one instruction. Lanes are weight rows: a
//! word of activations is broadcast against the same word of eight weight rows, so no sum across
//! lanes is ever needed.

pub(super) mod epilogue;
pub(super) mod f32_signs;
pub(super) mod pack;
pub(super) mod panel;
mod windows;

use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_loadu_si512, _mm512_permutex2var_epi32, _mm512_popcnt_epi64,
    _mm512_reduce_add_epi64, _mm512_set1_epi32, _mm512_set1_epi64, _mm512_setr_epi32,
    _mm512_setzero_si512, _mm512_slli_epi32, _mm512_storeu_si512, _mm512_sub_epi32,
    _mm512_xor_si512,
};

use bytemuck::Pod;

use super::{avx2, cpu_has};
use crate::kernel::arch::portable;
use crate::kernel::arch::scalar::{self, by_tiles};
use crate::kernel::isa::Isa;
use crate::kernel::micro_kernel::{Block, Functions, MicroKernel};
use crate::kernel::sums::Sums;
use crate::kernel::types::Kernel;
use crate::kernel::windows::WindowFunctions;

/// Weight rows in one vector of 64-bit lanes.
const LANES: usize = 8;
const VECTORS: usize = 2;
/// Weight rows in a strip.
pub(super) const W: usize = VECTORS * LANES;

pub(in crate::kernel) static KERNEL: Kernel = Kernel::new(
    Isa::Avx512,
    // AVX2 too: the compiler takes it for granted with AVX-512 F, but it has a bit of its own
    // in CPUID.
    || cpu_has!("avx512f", "avx512vpopcntdq", "avx2", "popcnt"),
    Functions {
        micro_kernel: MicroKernel {
            // 8 x 2 sums, 2 vectors of weights and the temporaries fit the 32 registers.
            mr: 8,
            block_rows: 32,
            block: None,
            panel_words: scalar::panel_words,
            // SAFETY: a `Kernel` is handed out only if `supported` has found these
            // instructions.
            fill_panel: |rows, words, panel| unsafe { panel::fill_panel(rows, words, panel) },
            // SAFETY: a `Kernel` is handed out only if `supported` has found these
            // instructions.
            multiply: |block, panel, sums| unsafe { multiply(block, panel, sums) },
            lay_out_on_the_way: true,
        },
        epilogues: &epilogue::EPILOGUES,
        // SAFETY: a `Kernel` is handed out only if `supported` has found these instructions.
        count: |a, b| unsafe { count(a, b) },
        packing: &pack::PACKING,
        windows,
    },
)
.with_sign_tables(&f32_signs::SIGN_TABLES);

/// The functions for windows: those of VNNI, which all CPUs with VPOPCNTDQ but one (Knights Mill)
/// have, or those of AVX2.
pub(super) fn windows() -> &'static WindowFunctions {
    match cpu_has!("avx512vnni") {
        true => &windows::WINDOWS,
        false => &avx2::windows::WINDOWS,
    }
}

#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn multiply(block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
    by_tiles!(block, panel, sums, [8, W], 1, 2, 3, 4, 5, 6, 7, 8 => tile);
}

#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn tile<const R: usize>(
    rows: [&[u64]; R],
    strip: &[[u64; W]],
    k: u32,
    sums: &mut [Sums],
    at: usize,
) {
    let mut counts = [[_mm512_setzero_si512(); VECTORS]; R];
    for (w, weights) in strip.iter().enumerate() {
        let weights = load(weights);
        for (counts, row) in counts.iter_mut().zip(rows) {
            let word = _mm512_set1_epi64(row[w].cast_signed());
            for (count, weights) in counts.iter_mut().zip(weights) {
                let ones = _mm512_popcnt_epi64(_mm512_xor_si512(word, weights));
                *count = _mm512_add_epi64(*count, ones);
            }
        }
    }
    let k = _mm512_set1_epi32(k.cast_signed());
    // Loops, because a closure passed to another function would be compiled without the vector
    // instructions that it uses.
    for (sums, [a, b]) in sums.iter_mut().zip(counts) {
        // A row has at most i32::MAX bits, so the counts fit into their low halves.
        let counts = _mm512_permutex2var_epi32(a, low_halves(), b);
        let twice = _mm512_slli_epi32::<1>(counts);
        if let Some(sums) = sums.0.get_mut(at..).and_then(|sums| sums.first_chunk_mut()) {
            store(_mm512_sub_epi32(k, twice), sums);
        }
    }
}

/// The low halves of 16 words in two vectors.
#[inline]
#[target_feature(enable = "avx512f")]
fn low_halves() -> __m512i {
    _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
}

/// `popcount(a ^ b)` of two rows, eight words at a time.
#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
pub(super) fn count(a: &[u64], b: &[u64]) -> u32 {
    let mut sum = _mm512_setzero_si512();
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        let ones = _mm512_popcnt_epi64(_mm512_xor_si512(load_vector(a), load_vector(b)));
        sum = _mm512_add_epi64(sum, ones);
    }
    // A row has at most i32::MAX bits.
    _mm512_reduce_add_epi64(sum) as u32 + portable::multiply::count(a_rest, b_rest)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(words: &[u64; W]) -> [__m512i; VECTORS] {
    let (vectors, _) = words.as_chunks::<LANES>();
    [load_vector(&vectors[0]), load_vector(&vectors[1])]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_vector<T: Pod, const N: usize>(numbers: &[T; N]) -> __m512i {
    const { assert!(size_of::<[T; N]>() == size_of::<__m512i>()) };
    // SAFETY: the array is 64 readable bytes, and the load wants no alignment.
    unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(vector: __m512i, sums: &mut [i32; W]) {
    // SAFETY: the array is 64 writable bytes, and the store wants no alignment.
    unsafe { _mm512_storeu_si512(sums.as_mut_ptr().cast(), vector) };
}
