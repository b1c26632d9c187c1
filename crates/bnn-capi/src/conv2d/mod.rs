//! The binary 2-D convolution: a handle with packed filters, its forward pass and its gradients.

pub mod options;

pub mod new;

pub mod run;

use bnn_core::conv::{Conv2d, Images, PackedFilters, conv2d_f32};
use bnn_core::{BitMatrix, row_words};

use crate::boundary::{Handle, Input, Readable};
use crate::error::Error;
use crate::layer::Epilogue;
use crate::threads::pool;

pub use options::bnn_conv2d_options_t;

/// A binary convolution: packed filters, a scale and a bias. It never changes, and any number of
/// threads may use it at once. Needs a build with `std`.
#[derive(Debug)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_conv2d_t {
    /// `[outputs, patch]`, as rows, for the backward pass.
    bits: BitMatrix,
    /// The filters in the kernel's layout.
    packed: PackedFilters,
    epilogue: Epilogue,
}

impl Handle for bnn_conv2d_t {}

impl Readable for bnn_conv2d_t {
    type Seen<'call> = &'call Self;

    fn seen(input: Input<'_, Self>) -> &Self {
        input.handle()
    }
}

impl bnn_conv2d_t {
    fn new(conv: &Conv2d, bits: BitMatrix, epilogue: Epilogue) -> Result<Self, Error> {
        let packed = PackedFilters::new(conv, bits.view())?;
        Ok(Self {
            bits,
            packed,
            epilogue,
        })
    }

    fn conv(&self) -> &Conv2d {
        self.packed.conv()
    }

    /// Elements of an image.
    fn image(&self) -> usize {
        let [height, width] = self.conv().windows().input_size();
        height * width * self.conv().channels()
    }

    /// Elements of an output image.
    fn output(&self) -> usize {
        let [height, width] = self.conv().windows().output_size();
        height * width * self.conv().outputs()
    }

    /// Elements of `batch` images of `image` elements.
    fn elements(batch: usize, image: usize) -> Result<usize, Error> {
        let what = "elements of the batch";
        Ok(batch
            .checked_mul(image)
            .ok_or(bnn_core::Error::Overflow { what })?)
    }

    /// The outputs of images, of floats or of bits.
    fn forward<'x>(
        &self,
        images: impl Into<Images<'x>> + Send,
        batch: usize,
        y: &mut [f32],
    ) -> Result<(), Error> {
        let Epilogue { scale, bias, .. } = &self.epilogue;
        let outputs = self.conv().outputs();
        let convolve = || conv2d_f32(images, &self.packed, scale, bias, y, outputs);
        let words = batch.saturating_mul(self.output());
        let words = words.saturating_mul(row_words(self.conv().patch_len()));
        pool::run_products(words, convolve)
    }
}

#[cfg(test)]
mod laws;
