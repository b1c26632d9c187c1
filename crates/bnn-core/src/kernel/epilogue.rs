//! Vectorised epilogues for one panel.

use super::sums::{NR, Sums};
use crate::bits::gather;

/// The epilogues of one instruction set.
pub(crate) struct Epilogues {
    /// Bit `j`: whether `sums[j] >= thresholds[j]`.
    pub(crate) reached: fn(sums: &Sums, thresholds: &[i32; NR]) -> u32,
    /// `scale[j] * sums[j] + bias[j]`, product and sum each rounded.
    pub(crate) affine: fn(sums: &Sums, factors: &Factors, out: &mut [f32; NR]),
}

/// The factors of an affine epilogue for one panel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factors {
    pub(crate) scale: [f32; NR],
    pub(crate) bias: [f32; NR],
}

/// Epilogues in plain Rust.
pub(super) static PORTABLE: Epilogues = Epilogues { reached, affine };

fn reached(sums: &Sums, thresholds: &[i32; NR]) -> u32 {
    let mut bytes = [0_u8; NR.next_multiple_of(8)];
    for ((byte, sum), threshold) in bytes.iter_mut().zip(&sums.0).zip(thresholds) {
        *byte = u8::from(sum >= threshold);
    }
    gather(&bytes) as u32
}

#[inline(always)]
pub(super) fn affine(sums: &Sums, factors: &Factors, out: &mut [f32; NR]) {
    let factors = factors.scale.iter().zip(&factors.bias);
    for ((out, sum), (scale, bias)) in out.iter_mut().zip(&sums.0).zip(factors) {
        *out = scale * *sum as f32 + bias;
    }
}
