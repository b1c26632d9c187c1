//! Products of `f32` matrices with signs, which the backward pass of binary layers needs, on CPUs that
//! have something faster for them than multiplying floats with floats.

use crate::error::Error;
use crate::kernel::Kernel;
use crate::kernel::f32_operands::{F32Multiply, F32Right, F32Rows};
use crate::shape::equal;

/// This CPU's way to multiply `f32` with signs or with [`Bf16Exact`](crate::internal::Bf16Exact) numbers
/// that is faster than a product of floats. If there is none, expand the signs and call a float GEMM.
///
/// Every `f32` is cut into three numbers of 8 significant bits (bfloat16), which add up to it exactly;
/// their products with the right side are summed in `f32`. So the error is that of a sum in `f32` of three
/// times as many terms, in an order that depends on the shape alone: which rows are multiplied together
/// changes no bit of the result. Finite numbers below 2^-110 lose bits below 2^-126, and sums below that
/// are 0. NaN and infinity propagate.
#[derive(Clone, Copy, Debug)]
pub struct F32Product {
    multiply: F32Multiply,
}

impl F32Product {
    /// `None` if the kernel in use has no such way.
    ///
    /// # Errors
    /// As [`Kernel::active`].
    pub fn active() -> Result<Option<Self>, Error> {
        let multiply = Kernel::active()?.f32_multiply();
        Ok(multiply.map(|multiply| Self { multiply }))
    }

    /// Writes `a · b` to `out`, row-major `[a.rows, b.cols]` without gaps. Runs on the calling thread.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the sizes do not fit each other. Nothing is written then.
    pub fn multiply(&self, a: F32Rows<'_>, b: F32Right<'_>, out: &mut [f32]) -> Result<(), Error> {
        let (depth, cols) = b.shape();
        equal("terms of the two sides of a product", depth, a.depth)?;
        let outputs = a.rows.saturating_mul(cols);
        equal("elements of a product", outputs, out.len())?;
        (self.multiply)(a, b, out);
        Ok(())
    }
}

#[cfg(test)]
mod laws;
