//! A shortcut around a network.

use super::Module;
use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::ops;
use crate::real::Real;
use crate::tape::Var;

/// `x + inner(x)`, where the inner network preserves the shape (He et al. 2016, arXiv 1512.03385;
/// around binary layers: Liu et al. 2018, arXiv 1808.00278). Child: `inner`.
///
/// Where the inner network makes fewer rows of images, because its convolutions are not padded
/// above and below, the last rows of `x` are added: in a series whose rows are steps, the newest
/// ones, so that the network is causal (as in Bai et al. 2018, arXiv 1803.01271), and
/// [`bnn_core::model::Stream`] slides. Which rows the inner network lost is not looked at: these are
/// the right ones for convolutions whose vertical strides are 1.
#[derive(Clone, Debug)]
pub struct Residual<M>(
    /// The inner network.
    pub M,
);

impl<T: Real, M: Module<T>> Module<T> for Residual<M> {
    fn forward(&mut self, x: &Var<T>) -> Result<Var<T>, Error> {
        let inner = self.0.forward(x).map_err(|e| e.in_layer("inner"))?;
        let lost = match (x.shape(), inner.shape()) {
            ([_, before, _, _], [_, after, _, _]) => before.saturating_sub(*after),
            _ => 0,
        };
        match lost {
            0 => ops::add(x, &inner),
            _ => ops::add(&ops::crop(x, [lost, 0, 0, 0])?, &inner),
        }
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        let x = to.branch();
        to.layer("inner", &self.0)?;
        to.add_last_rows(&x)
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module<T>)) {
        visit("inner", &self.0);
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module<T>)) {
        visit("inner", &mut self.0);
    }
}
