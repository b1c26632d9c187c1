//! [Loops](crate::kernel::loops) for the vectors of x86-64.

use super::cpu_has;
use crate::kernel::isa::Isa;
use crate::kernel::loops::Loop;
use crate::kernel::types::Kernel;

/// Runs a loop with the vectors of the kernel's instruction set.
#[inline]
pub(in crate::kernel) fn run<L: Loop>(kernel: &'static Kernel, work: L) -> L::Output {
    match kernel.isa() {
        // SAFETY: the CPU was asked for these features.
        Isa::Avx512 | Isa::Amx if has_all() => unsafe { with_512_bits(work) },
        // SAFETY: a `Kernel` is handed out only if `supported` has found AVX2, which those of
        // AVX-512 ask for as well.
        Isa::Avx2 | Isa::Avx512 | Isa::Amx => unsafe { with_256_bits(work) },
        // The targets' own vectors. Every instruction set is named, so that a new one gets its
        // line.
        Isa::Portable | Isa::Popcnt | Isa::Neon | Isa::Simd128 => work.run(),
    }
}

/// Whether the CPU has what the compiler wants besides AVX-512 F for bytes, masks and integers.
fn has_all() -> bool {
    cpu_has!("avx512f", "avx512bw", "avx512dq", "avx512vl")
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn with_512_bits<L: Loop>(work: L) -> L::Output {
    work.run()
}

#[target_feature(enable = "avx2")]
fn with_256_bits<L: Loop>(work: L) -> L::Output {
    work.run()
}
