//! Products of `f32` matrices with signs, which the backward pass of binary layers needs, on CPUs
//! that have something faster for them than multiplying floats with floats.

use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::kernel::Kernel;
use crate::kernel::f32_operands::{F32Multiply, F32Right, F32Rows};
use crate::kernel::sign_tables::SignTables;
use crate::shape::equal;

/// This CPU's way to multiply `f32` with signs or with [`Bf16Exact`](crate::internal::Bf16Exact)
/// numbers that is faster than a product of floats. If there is none, expand the signs and call a
/// float GEMM.
///
/// The error is that of a sum in `f32`, in an order that depends on the number of terms alone:
/// which rows and columns are multiplied together changes no bit of the result. NaN and infinity
/// propagate.
///
/// On the tiles of AMX-BF16 every `f32` is cut into three numbers of 8 significant bits (bfloat16),
/// which add up to it exactly; the sum has three times as many terms. Finite numbers below 2^-110
/// lose bits below 2^-126 there, and sums below that are 0.
#[derive(Clone, Copy, Debug)]
pub struct F32Product<'b> {
    right: F32Right<'b>,
    method: Method<'b>,
}

#[derive(Clone, Copy, Debug)]
enum Method<'b> {
    Tiles(F32Multiply),
    Tables(&'static SignTables, BitMatrixView<'b>),
}

impl<'b> F32Product<'b> {
    /// Products with the right side `b`. `None` if the kernel in use has no such way.
    ///
    /// # Errors
    /// Those of [`Kernel::active`].
    pub fn new(right: F32Right<'b>) -> Result<Option<Self>, Error> {
        Ok(Self::of(Kernel::active()?, right))
    }

    fn of(kernel: &Kernel, right: F32Right<'b>) -> Option<Self> {
        let method = match (kernel.f32_multiply(), right) {
            (Some(multiply), _) => Some(Method::Tiles(multiply)),
            (None, F32Right::Signs(signs)) => {
                let tables = kernel.sign_tables();
                tables.map(|tables| Method::Tables(tables, signs))
            }
            (None, F32Right::Bf16Exact(_)) => None,
        };
        method.map(|method| Self { right, method })
    }

    /// Writes `a · b` to `out`, row-major `[a.rows, b.cols]` without gaps. Runs on the calling
    /// thread.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the sizes do not fit each other. Nothing is written then.
    pub fn multiply(&self, a: F32Rows<'_>, out: &mut [f32]) -> Result<(), Error> {
        let (depth, cols) = self.right.shape();
        equal("terms of the two sides of a product", depth, a.depth)?;
        let outputs = a.rows.saturating_mul(cols);
        equal("elements of a product", outputs, out.len())?;
        match self.method {
            Method::Tiles(multiply) => multiply(a, self.right, out),
            Method::Tables(tables, signs) => tables::multiply(tables, a, signs, out),
        }
        Ok(())
    }
}

mod tables;

#[cfg(test)]
mod laws;
