//! Model files from arrays instead of modules, for the C interface.

use bnn_core::model::InputType;

use crate::error::Error;
use crate::export::{ExportError, Lowering};
use crate::nn::Module;

/// A model file that is put together step by step. It is compared with nothing: there is no
/// network.
#[derive(Debug)]
pub struct FileBuilder(Lowering);

impl FileBuilder {
    /// A model file without layers, for samples of the type `input`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for bits per input outside 1 to 8.
    pub fn new(input: InputType) -> Result<Self, Error> {
        Lowering::new("model", input).map(Self)
    }

    /// Adds what `lower` says; `name` and `kind` are what errors call it.
    ///
    /// # Errors
    /// Those of `lower`.
    pub fn step(
        &mut self,
        name: &str,
        kind: &'static str,
        lower: impl FnOnce(&mut Lowering) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        self.0.step(name, kind, lower)
    }

    /// Adds a layer.
    ///
    /// # Errors
    /// Those of the layer.
    pub fn layer(&mut self, name: &str, layer: &dyn Module) -> Result<(), ExportError> {
        self.0.layer(name, layer)
    }

    /// `[height, width, channels]` of the images at hand; `None` where values lie in rows.
    #[must_use]
    pub fn images(&self) -> Option<[usize; 3]> {
        self.0.images()
    }

    /// Replaces the text kept in the file.
    pub fn set_meta(&mut self, text: String) {
        self.0.set_meta(text);
    }

    /// Sets [`ExportConfig::tolerance`](crate::export::ExportConfig::tolerance), 0 as built.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless it is from 0 to 1.
    pub fn set_tolerance(&mut self, tolerance: f64) -> Result<(), ExportError> {
        self.0.set_tolerance(tolerance)
    }

    /// The whole file.
    ///
    /// # Errors
    /// [`ExportError::Layer`] where there is no product, or numbers were clipped or pooled of which
    /// no sign was taken; [`ExportError::Rounding`] where several affine steps do not become one
    /// exactly; [`ExportError::Model`] for a file of 4 GiB or more.
    pub fn finish(&self) -> Result<Vec<u8>, ExportError> {
        Ok(self.0.lowered()?.file)
    }
}
