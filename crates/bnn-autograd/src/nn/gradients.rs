//! From the result of a reverse pass to the parameters of a model.

use super::Module;
use crate::error::Error;
use crate::real::Real;
use crate::tape::Gradients;

impl<T: Real> Gradients<T> {
    /// Adds each gradient to the parameter of `model` that it belongs to, for an optimizer to use.
    ///
    /// # Errors
    /// [`Error::Shape`] where a parameter changed its shape since the forward pass.
    pub fn add_to(mut self, model: &mut (impl Module<T> + ?Sized)) -> Result<(), Error> {
        let mut result = Ok(());
        model.params_mut(&mut |_, param| {
            if let Some(grad) = self.take_param(param)
                && let Err(error) = param.add_grad(grad)
            {
                result = Err(error);
            }
        });
        result
    }
}
