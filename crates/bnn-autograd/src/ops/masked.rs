//! Derivatives that pass where a saved mask is set.

use bnn_core::BitMatrix;

use crate::bits::apply_mask;
use crate::context::Context;
use crate::error::Error;
use crate::function::Derivatives;
use crate::real::Real;
use crate::saved_state;
use crate::tensor::Tensor;

/// One bit per element: whether the derivative passes.
pub(super) struct Mask {
    pub(super) passes: BitMatrix,
}

saved_state!(Mask { passes });

/// The derivative where the saved [`Mask`] is set, zeros elsewhere.
pub(super) fn masked<T: Real>(
    ctx: &Context<T>,
    derivatives: Derivatives<T>,
) -> Result<Vec<Option<Tensor<T>>>, Error> {
    let mut d = derivatives.single()?;
    let mask: &Mask = ctx.saved_state()?;
    apply_mask(d.data_mut(), mask.passes.view());
    Ok(vec![Some(d)])
}
