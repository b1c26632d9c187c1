//! From the result of a reverse pass to the parameters of a model.

use super::Module;
use crate::error::Error;
use crate::real::Real;
use crate::tape::Gradients;

impl<T: Real> Gradients<T> {
    /// Adds each gradient to the parameter of `model` that it belongs to, for an optimizer to use.
    ///
    /// # Errors
    /// [`Error::ParamChanged`] where a parameter was changed after the forward pass, so that the
    /// gradient is that of another value; the parameters visited before have got theirs.
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
