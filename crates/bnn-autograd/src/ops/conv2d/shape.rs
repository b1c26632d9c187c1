//! The sizes of a convolution of a batch.

use bnn_core::conv::{Conv2d, ConvOptions, PadValue};

use crate::context::Context;
use crate::error::Error;
use crate::real::Real;

/// The sizes of a convolution of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConvShape {
    pub(super) conv: Conv2d,
    pub(super) batch: usize,
}

pub(super) const X: usize = 0;
pub(super) const W: usize = 1;

impl ConvShape {
    /// The shape of a convolution of images `[batch, height, width, channels]` with filters
    /// `[outputs, kernel height, kernel width, channels / groups]`.
    pub(super) fn new(x: &[usize], w: &[usize], options: ConvOptions) -> Result<Self, Error> {
        let &[batch, height, width, channels] = x else {
            return Err(Error::Shape {
                what: "images of a convolution",
                expected: "[batch, height, width, channels] (`ops::reshape` makes images of rows)"
                    .to_owned(),
                found: x.to_vec(),
            });
        };
        let &[outputs, kernel_height, kernel_width, _] = w else {
            return Err(Error::Shape {
                what: "filters of a convolution",
                expected: "[outputs, kernel height, kernel width, channels / groups]".to_owned(),
                found: w.to_vec(),
            });
        };
        let kernel = [kernel_height, kernel_width];
        let conv = Conv2d::new([height, width, channels], outputs, kernel, options)?;
        let shape = Self { conv, batch };
        Error::check_shape("filters of a convolution", &shape.filters(), w)?;
        Ok(shape)
    }

    /// The sizes of a function's first two inputs.
    pub(super) fn of<T: Real>(ctx: &Context<T>, options: ConvOptions) -> Result<Self, Error> {
        Self::new(ctx.input_shape(X)?, ctx.input_shape(W)?, options)
    }

    pub(super) fn input(&self) -> Vec<usize> {
        let [height, width] = self.conv.windows().input_size();
        vec![self.batch, height, width, self.conv.channels()]
    }

    pub(super) fn filters(&self) -> Vec<usize> {
        let [height, width] = self.conv.windows().kernel();
        let depth = self.conv.channels() / self.conv.groups();
        vec![self.conv.outputs(), height, width, depth]
    }

    pub(super) fn output(&self) -> Vec<usize> {
        let [height, width] = self.conv.windows().output_size();
        vec![self.batch, height, width, self.conv.outputs()]
    }

    /// Elements of an image.
    pub(super) fn image_len(&self) -> usize {
        let [height, width] = self.conv.windows().input_size();
        height * width * self.conv.channels()
    }
}

/// The value of the padding.
pub(super) fn padding<T: Real>(value: PadValue) -> T {
    match value {
        PadValue::Zero => T::zero(),
        PadValue::MinusOne => -T::one(),
        PadValue::PlusOne => T::one(),
    }
}

/// Products that a convolution adds up, including those with the padding.
pub(super) fn conv_macs(inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> u64 {
    let filter = inputs.get(W).into_iter().flatten().skip(1);
    let sizes = outputs.iter().flatten().chain(filter);
    sizes.map(|&size| size as u64).product()
}
