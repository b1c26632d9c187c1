//! The mean of the elements under each window.

use super::{PoolShape, images};
use crate::buffer::take_buffer;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::ops::Padding;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The mean of each channel under windows of `kernel` pixels, `stride` apart, both
/// `[vertical, horizontal]`: images `[batch, height, width, channels]`, output
/// `[batch, output height, output width, channels]`. Pixels of the padding are not counted.
///
/// Kept for the reverse pass: nothing.
///
/// # Errors
/// Those of [`max_pool2d`](super::max_pool2d).
pub fn avg_pool2d<T: Real>(
    x: &Var<T>,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> Result<Var<T>, Error> {
    let shape = PoolShape::new(x.shape(), kernel, stride, padding)?;
    let output = shape.output.to_vec();
    x.tape().apply(AvgPool2d { shape, output }, &[x])
}

/// The mean of each channel over its image: images `[batch, height, width, channels]`, output
/// `[batch, channels]`.
///
/// Kept for the reverse pass: nothing.
///
/// # Errors
/// [`Error::Shape`] for another rank than 4.
pub fn global_avg_pool<T: Real>(x: &Var<T>) -> Result<Var<T>, Error> {
    let [batch, height, width, channels] = images(x.shape())?;
    let shape = PoolShape::new(x.shape(), [height, width], [1, 1], Padding::Valid)?;
    let output = vec![batch, channels];
    x.tape().apply(AvgPool2d { shape, output }, &[x])
}

struct AvgPool2d {
    shape: PoolShape,
    /// The shape of the output.
    output: Vec<usize>,
}

impl<T: Real> Function<T> for AvgPool2d {
    fn name(&self) -> &'static str {
        "avg_pool2d"
    }

    fn forward(&self, _: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of avg_pool2d", given)?;
        Ok(vec![self.means(x)])
    }

    fn backward(
        &self,
        _: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let mut dy = grad_outputs.single()?;
        self.divide(dy.data_mut());
        let channels = self.shape.channels();
        let mut dx = take_buffer(self.shape.input.iter().product());
        self.shape.by_images(&mut dx, |windows, dx| {
            dx.fill(T::zero());
            let dy = &dy.data()[windows.start * channels..windows.end * channels];
            self.shape.visit(windows, |window| {
                let dy = &dy[window.elements.clone()];
                let taps = window.taps();
                taps.for_each(|tap| add(&mut dx[tap.start..], dy));
            });
        });
        Ok(vec![Some(Tensor::trusted(dx, self.shape.input.to_vec()))])
    }

    /// A mean is its own derivative.
    fn jvp(
        &self,
        _: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        Ok(vec![Some(self.means(&tangents.single()?))])
    }
}

impl AvgPool2d {
    fn means<T: Real>(&self, x: &Tensor<T>) -> Tensor<T> {
        let mut y = take_buffer(self.output.iter().product());
        self.shape.by_windows(&mut y, |windows, y| {
            y.fill(T::zero());
            self.shape.visit(windows, |window| {
                let image = self.shape.image(x.data(), window.image);
                let y = &mut y[window.elements.clone()];
                let taps = window.taps();
                taps.for_each(|tap| add(y, &image[tap.start..]));
            });
        });
        self.divide(&mut y);
        Tensor::trusted(y, self.output.clone())
    }

    /// Divides what belongs to each window by its taps on the image.
    fn divide<T: Real>(&self, y: &mut [T]) {
        let channels = self.shape.channels();
        self.shape.by_windows(y, |windows, y| {
            for (window, y) in windows.zip(y.chunks_mut(channels)) {
                let taps = T::from_f64(self.shape.windows.taps_inside(window) as f64);
                y.iter_mut().for_each(|y| *y /= taps);
            }
        });
    }
}

/// Adds `x` to `y`.
fn add<T: Real>(y: &mut [T], x: &[T]) {
    y.iter_mut().zip(x).for_each(|(y, &x)| *y += x);
}
