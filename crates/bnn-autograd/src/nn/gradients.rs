//! From the result of a reverse pass to the parameters of a model.

use super::Module;
use crate::error::Error;
use crate::real::Real;
use crate::tape::Gradients;

impl<T: Real> Gradients<T> {
    /// Adds each gradient to its parameter in `model`, for an optimizer.
    ///
    /// # Errors
    /// [`Error::ParamChanged`] if a parameter was changed after the forward pass, so that the
    /// gradient belongs to another value; the parameters visited before it have their gradients.
    pub fn add_to(mut self, model: &mut (impl Module<T> + ?Sized)) -> Result<(), Error> {
        let mut result = Ok(());
        model.params_mut(&mut |name, param| {
            if result.is_err() {
                return;
            }
            result = match self.take_param(name, param) {
                Ok(Some(grad)) => param.add_grad(grad),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
        });
        result
    }
}
