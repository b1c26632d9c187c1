//! All that can be asked of a product or a convolution, against the sums that are expected.

use bnn_core::{BitMatrixView, BitMatrixViewMut, Error, Thresholds, matrix_words, pack_where};

use crate::{Numbers, guarded};

const GUARD: i32 = 0x5EED;

/// What can be computed with each epilogue, again and again.
pub trait Product {
    /// # Errors
    /// As `gemm_i32`.
    fn i32(&mut self, c: &mut [i32], c_stride: usize) -> Result<(), Error>;
    /// # Errors
    /// As `gemm_f32`.
    fn f32(
        &mut self,
        scale: &[f32],
        bias: &[f32],
        c: &mut [f32],
        c_stride: usize,
    ) -> Result<(), Error>;
    /// # Errors
    /// As `gemm_bits`.
    fn bits(
        &mut self,
        thresholds: Thresholds<'_>,
        out: &mut BitMatrixViewMut<'_>,
    ) -> Result<(), Error>;
}

/// Checks every epilogue, bit for bit; `expected` is `[m, n]`, rows of outputs are `gap` elements
/// apart.
pub fn check_epilogues(
    product: &mut impl Product,
    n: usize,
    gap: usize,
    expected: &[i32],
    numbers: &mut Numbers<'_>,
) {
    let stride = n + gap;
    // The last row ends with its last element.
    let len = (expected.len() / n - 1) * stride + n;
    let c = guarded(len, GUARD, |c| done(product.i32(c, stride)));
    for (row, expected) in c.chunks(stride).zip(expected.chunks(n)) {
        assert_eq!(&row[..n], expected);
        assert!(row[n..].iter().all(|&c| c == GUARD), "wrote past a row");
    }

    let scale: Vec<f32> = (0..n).map(|_| numbers.f32()).collect();
    let bias: Vec<f32> = (0..n).map(|_| numbers.f32()).collect();
    let c = guarded(len, GUARD as f32, |c| {
        done(product.f32(&scale, &bias, c, stride));
    });
    for (row, expected) in c.chunks(stride).zip(expected.chunks(n)) {
        for (j, (&c, &sum)) in row.iter().zip(expected).enumerate() {
            let affine = scale[j] * sum as f32 + bias[j];
            // Which NaN comes out of two is not said.
            assert!(c.to_bits() == affine.to_bits() || c.is_nan() && affine.is_nan());
        }
        assert!(
            row[n..].iter().all(|&c| c == GUARD as f32),
            "wrote past a row"
        );
    }

    // At, just below and just above sums that occur, and anywhere.
    let thresholds: Vec<i32> = (0..n)
        .map(|j| match numbers.byte() % 8 {
            0 => numbers.i32(),
            1 => i32::MIN,
            2 => i32::MAX,
            step => expected[j].saturating_add(i32::from(step) - 5),
        })
        .collect();
    check_bits(product, thresholds.as_slice().into(), &thresholds, expected);
    let narrow: Vec<i16> = thresholds
        .iter()
        .map(|&t| t.clamp(i16::MIN.into(), i16::MAX.into()) as i16)
        .collect();
    let thresholds: Vec<i32> = narrow.iter().map(|&t| t.into()).collect();
    check_bits(product, narrow.as_slice().into(), &thresholds, expected);
}

fn check_bits(
    product: &mut impl Product,
    given: Thresholds<'_>,
    thresholds: &[i32],
    expected: &[i32],
) {
    let n = thresholds.len();
    let m = expected.len() / n;
    let words = guarded(done(matrix_words(m, n)), u64::MAX, |words| {
        let mut out = done(BitMatrixViewMut::cleared(words, m, n));
        // What was there before must not show through.
        done(pack_where(&vec![0_u8; m * n], n, &mut out, |_| true));
        done(product.bits(given, &mut out));
    });
    // Refuses tail bits.
    let out = done(BitMatrixView::new(&words, m, n));
    for (i, &sum) in expected.iter().enumerate() {
        assert_eq!(out.get(i / n, i % n), Some(sum >= thresholds[i % n]));
    }
}

/// What a call that must succeed gave.
fn done<T>(result: Result<T, Error>) -> T {
    result.expect("arguments that fit each other are accepted")
}
