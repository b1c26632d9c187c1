//! How large a ready-made network may be.

use crate::error::Error;
use crate::memory::available;

/// The most weights of a network. To train one takes some 20 bytes, so that a network that was
/// asked for by a slip of the finger is an error, and does not take all memory.
pub const MOST_WEIGHTS: usize = 1 << 28;

/// A weight, its gradient, two numbers of the optimizer, and one in the making.
const BYTES_OF_WEIGHT: usize = 5 * size_of::<f32>();
/// A layer's input and output, and the gradients of both.
const BYTES_OF_ELEMENT: usize = 4 * size_of::<f32>();

/// The elements of a tensor of a sample, `usize::MAX` if there are more.
pub(super) fn elements(shape: [usize; 3]) -> usize {
    shape.into_iter().fold(1, usize::saturating_mul)
}

/// Counts the weights of a network before they are made.
#[derive(Debug, Default)]
pub(super) struct WeightCount(usize);

impl WeightCount {
    /// Adds a layer of `outputs`, each a sum of as many inputs as the product says: of channels and
    /// pixels.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if there are more than [`MOST_WEIGHTS`] by now.
    pub(super) fn add(&mut self, outputs: usize, inputs: [usize; 2]) -> Result<(), Error> {
        let [channels, pixels] = inputs;
        let of_layer = outputs
            .checked_mul(channels)
            .and_then(|weights| weights.checked_mul(pixels));
        let total = of_layer.and_then(|weights| self.0.checked_add(weights));
        let fits = total.is_some_and(|total| total <= MOST_WEIGHTS);
        let found = self.0 as f64 + outputs as f64 * channels as f64 * pixels as f64;
        Error::check_range("number of weights", "at most 268435456", found, fits)?;
        self.0 = total.unwrap_or_default();
        Ok(())
    }

    /// Checks that there is memory to train the weights, and for a sample whose largest tensor
    /// between two layers has `largest` elements.
    ///
    /// # Errors
    /// [`bnn_core::Error::OutOfMemory`].
    pub(super) fn check_memory(&self, largest: usize) -> Result<(), Error> {
        let weights = self.0.saturating_mul(BYTES_OF_WEIGHT);
        let sample = largest.saturating_mul(BYTES_OF_ELEMENT);
        Ok(available(weights.saturating_add(sample))?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod laws;
