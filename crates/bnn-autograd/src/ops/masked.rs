//! Derivatives that pass where a saved mask is set.

use crate::bits::apply_mask;
use crate::context::Context;
use crate::error::Error;
use crate::function::Derivatives;
use crate::real::Real;
use crate::tensor::Tensor;

/// The derivative where the mask in slot 0 is set, zeros elsewhere.
pub(super) fn masked<T: Real>(
    ctx: &Context<T>,
    derivatives: Derivatives<T>,
) -> Result<Vec<Option<Tensor<T>>>, Error> {
    let mut d = derivatives.single()?;
    apply_mask(d.data_mut(), ctx.saved_bits(0)?.view());
    Ok(vec![Some(d)])
}
