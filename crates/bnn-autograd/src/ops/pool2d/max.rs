//! The largest element under each window.

use std::ops::Range;

use rayon::prelude::*;

use super::PoolShape;
use crate::buffer::any;
use crate::context::{Context, Saved};
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::ops::Padding;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// The largest element of each channel under windows of `kernel` pixels, `stride` apart, both
/// `[vertical, horizontal]`: images `[batch, height, width, channels]`, output
/// `[batch, output height, output width, channels]`.
///
/// Pixels of the padding never win. NaN counts as the least number, `-inf`, so that the sign of the
/// largest element is the largest of the signs (that of NaN is `-1`, here as everywhere). The gradient
/// goes to the element that won, the first of equal ones.
///
/// Kept for the reverse pass: which tap won, one byte per element of the output (four for windows of
/// more than 256 pixels).
///
/// ```
/// use bnn_autograd::ops::{self, Padding};
/// use bnn_autograd::{Tape, Tensor};
///
/// # fn main() -> Result<(), bnn_autograd::Error> {
/// let tape = Tape::new();
/// let x = tape.leaf(Tensor::new(vec![1.0_f32, 3.0, 3.0, 2.0], &[1, 2, 2, 1])?);
/// let y = ops::max_pool2d(&x, [2, 2], [2, 2], Padding::Valid)?;
/// assert_eq!((y.shape(), y.value().data()), (&[1, 1, 1, 1][..], &[3.0][..]));
/// let gradients = y.backward()?;
/// assert_eq!(gradients.get(&x).map(Tensor::data), Some(&[0.0, 1.0, 0.0, 0.0][..]));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Shape`] for another rank than 4; [`Error::Core`] where kernel, stride and padding do not
/// fit the images.
pub fn max_pool2d<T: Real>(
    x: &Var<T>,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> Result<Var<T>, Error> {
    let shape = PoolShape::new(x.shape(), kernel, stride, padding)?;
    match shape.windows.taps() {
        // No window has more taps than an i32 counts: a convolution of it was found to have sums in i32.
        ..=256 => x.tape().apply(MaxPool2d::<u8>::new(shape), &[x]),
        _ => x.tape().apply(MaxPool2d::<u32>::new(shape), &[x]),
    }
}

/// With the type that counts the taps of a window.
struct MaxPool2d<I> {
    shape: PoolShape,
    index: std::marker::PhantomData<I>,
}

impl<I> MaxPool2d<I> {
    fn new(shape: PoolShape) -> Self {
        Self {
            shape,
            index: std::marker::PhantomData,
        }
    }
}

/// Counts taps.
trait Index: Copy + Default + PartialEq + Send + Sync + 'static {
    fn new(tap: i32) -> Self;
    fn tap(self) -> usize;
}

impl Index for u8 {
    #[inline]
    fn new(tap: i32) -> Self {
        tap as u8
    }
    #[inline]
    fn tap(self) -> usize {
        self.into()
    }
}

impl Index for u32 {
    #[inline]
    fn new(tap: i32) -> Self {
        tap as u32
    }
    #[inline]
    fn tap(self) -> usize {
        self as usize
    }
}

impl<T: Real, I: Index> Function<T> for MaxPool2d<I> {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of max_pool2d", given)?;
        let (y, winners) = self.largest(x.data());
        let bytes = size_of_val(&winners[..]);
        ctx.save(Saved::other(winners, bytes));
        Ok(vec![Tensor::trusted(y, self.shape.output.to_vec())])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let winners = ctx.saved_other::<Vec<I>>(0)?;
        let channels = self.shape.channels();
        let mut dx = any(self.shape.input.iter().product());
        self.shape.by_images(&mut dx, |windows, dx| {
            dx.fill(T::zero());
            let elements = windows.start * channels..windows.end * channels;
            let (dy, winners) = (&dy.data()[elements.clone()], &winners[elements]);
            self.for_winners(windows, winners, |element, _, at| dx[at] += dy[element]);
        });
        Ok(vec![Some(Tensor::trusted(dx, self.shape.input.to_vec()))])
    }

    /// The tangents of the winners.
    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dx = tangents.single()?;
        let winners = ctx.saved_other::<Vec<I>>(0)?;
        let channels = self.shape.channels();
        let mut dy = vec![T::zero(); winners.len()];
        self.shape.by_windows(&mut dy, |windows, dy| {
            let winners = &winners[windows.start * channels..windows.end * channels];
            self.for_winners(windows, winners, |element, image, at| {
                dy[element] = self.shape.image(dx.data(), image)[at];
            });
        });
        Ok(vec![Some(Tensor::trusted(dy, self.shape.output.to_vec()))])
    }
}

impl<I: Index> MaxPool2d<I> {
    /// The largest elements, and the taps under which they lie.
    fn largest<T: Real>(&self, x: &[T]) -> (Vec<T>, Vec<I>) {
        let (count, channels) = (self.shape.output.iter().product(), self.shape.channels());
        let (mut y, mut winners) = (any(count), vec![I::default(); count]);
        let task = self.shape.task_windows() * channels;
        let pieces = y.par_chunks_mut(task).zip(winners.par_chunks_mut(task));
        pieces.enumerate().for_each(|(i, (y, winners))| {
            y.fill(T::neg_infinity());
            let windows = self.shape.windows_of(i, y.len());
            // As wide as the numbers that are compared, so that several are compared at once.
            let mut taps_of_best = vec![0_i32; channels];
            self.shape.visit(windows, |window, image, taps| {
                let image = self.shape.image(x, image);
                let best = &mut y[window.clone()];
                let first = taps.first().map_or(0, |first| first.tap);
                taps_of_best.fill(first as i32);
                for tap in taps {
                    let (x, tap) = (&image[tap.start..], tap.tap as i32);
                    let pairs = best.iter_mut().zip(&mut taps_of_best).zip(x);
                    for ((best, tap_of_best), &x) in pairs {
                        // Of equal ones the first stays, and NaN is never the larger.
                        *tap_of_best = if x > *best { tap } else { *tap_of_best };
                        *best = if x > *best { x } else { *best };
                    }
                }
                for (winner, &tap) in winners[window].iter_mut().zip(&taps_of_best) {
                    *winner = I::new(tap);
                }
            });
        });
        (y, winners)
    }

    /// Visits the elements of some windows: each of them, its image, and the element of the image
    /// that won.
    fn for_winners(
        &self,
        windows: Range<usize>,
        winners: &[I],
        mut visit: impl FnMut(usize, usize, usize),
    ) {
        let mut starts = vec![0; self.shape.windows.taps()];
        self.shape.visit(windows, |window, image, taps| {
            taps.iter().for_each(|tap| starts[tap.tap] = tap.start);
            for (channel, element) in window.enumerate() {
                visit(element, image, starts[winners[element].tap()] + channel);
            }
        });
    }
}
