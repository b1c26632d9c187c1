//! The largest element under each window.

use rayon::prelude::*;

use super::{PoolShape, Window};
use crate::buffer::take_buffer;
use crate::context::{Context, Part, Saved, SavedState};
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
/// Pixels of the padding are ignored. NaN counts as `-inf`, so that the sign of the largest element
/// is the largest of the signs (the sign of NaN is `-1`). The gradient goes to the largest element,
/// the first one among equals.
///
/// Kept for the reverse pass: the tap of the largest element, one byte per element of the output
/// (four bytes for windows of more than 256 pixels).
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
/// [`Error::Shape`] for another rank than 4; [`Error::Core`] if kernel, stride and padding do not
/// fit the images.
pub fn max_pool2d<T: Real>(
    x: &Var<T>,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> Result<Var<T>, Error> {
    let shape = PoolShape::new(x.shape(), kernel, stride, padding)?;
    match shape.windows.taps() {
        // No window has more than `i32::MAX` taps, because a convolution checked that its sums fit.
        ..=256 => x.tape().apply(MaxPool2d::<u8>::new(shape), &[x]),
        _ => x.tape().apply(MaxPool2d::<u32>::new(shape), &[x]),
    }
}

/// `I` is the type of tap indices.
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

/// The tap that won, for each element of the output.
struct Winners<I> {
    taps: Vec<I>,
}

impl<T: Real, I: Index> SavedState<T> for Winners<I> {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        self.taps.parts(visit);
    }
}

/// The index of a tap.
trait Index: Copy + Default + PartialEq + Send + Sync + 'static {
    fn new(tap: i32) -> Self;
}

impl Index for u8 {
    #[inline]
    fn new(tap: i32) -> Self {
        tap as u8
    }
}

impl Index for u32 {
    #[inline]
    fn new(tap: i32) -> Self {
        tap as u32
    }
}

/// Channels that are compared at once, in registers.
const BLOCK: usize = 16;

impl<T: Real, I: Index> Function<T> for MaxPool2d<I> {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of max_pool2d", given)?;
        let (y, winners) = self.largest(x.data());
        ctx.save(Saved::state(Winners { taps: winners }));
        Ok(vec![Tensor::trusted(y, self.shape.output.to_vec())])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let Winners { taps: winners } = ctx.saved_state::<Winners<I>>()?;
        let channels = self.shape.channels();
        let mut dx = take_buffer(self.shape.input.iter().product());
        let tile = self.shape.windows.tile();
        self.shape.by_images(&mut dx, |windows, dx| {
            if !tile {
                dx.fill(T::zero());
            }
            let elements = windows.start * channels..windows.end * channels;
            let (dy, winners) = (&dy.data()[elements.clone()], &winners[elements]);
            self.shape.visit(windows, |window| {
                let (dy, winners) = (
                    &dy[window.elements.clone()],
                    &winners[window.elements.clone()],
                );
                for tap in window.taps() {
                    let (dx, tap) = (&mut dx[tap.start..], I::new(tap.tap as i32));
                    let elements = dx.iter_mut().zip(dy).zip(winners);
                    let part = |dy: T, winner| if winner == tap { dy } else { T::zero() };
                    if tile {
                        elements.for_each(|((dx, &dy), &winner)| *dx = part(dy, winner));
                    } else {
                        elements.for_each(|((dx, &dy), &winner)| *dx += part(dy, winner));
                    }
                }
            });
        });
        Ok(vec![Some(Tensor::trusted(dx, self.shape.input.to_vec()))])
    }

    /// The tangents of the largest elements.
    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dx = tangents.single()?;
        let Winners { taps: winners } = ctx.saved_state::<Winners<I>>()?;
        let channels = self.shape.channels();
        let mut dy = vec![T::zero(); winners.len()];
        self.shape.by_windows(&mut dy, |windows, dy| {
            let winners = &winners[windows.start * channels..windows.end * channels];
            self.shape.visit(windows, |window| {
                let image = self.shape.image(dx.data(), window.image);
                let (dy, winners) = (
                    &mut dy[window.elements.clone()],
                    &winners[window.elements.clone()],
                );
                for tap in window.taps() {
                    let (dx, tap) = (&image[tap.start..], I::new(tap.tap as i32));
                    for ((dy, &dx), &winner) in dy.iter_mut().zip(dx).zip(winners) {
                        *dy = if winner == tap { dx } else { *dy };
                    }
                }
            });
        });
        Ok(vec![Some(Tensor::trusted(dy, self.shape.output.to_vec()))])
    }
}

impl<I: Index> MaxPool2d<I> {
    /// The largest elements, and their taps.
    fn largest<T: Real>(&self, x: &[T]) -> (Vec<T>, Vec<I>) {
        let (count, channels) = (self.shape.output.iter().product(), self.shape.channels());
        let (mut y, mut winners) = (take_buffer(count), vec![I::default(); count]);
        let task = self.shape.task_windows() * channels;
        let pieces = y.par_chunks_mut(task).zip(winners.par_chunks_mut(task));
        pieces.enumerate().for_each(|(i, (y, winners))| {
            let windows = self.shape.windows_of(i, y.len());
            self.shape.visit(windows, |window| {
                let image = self.shape.image(x, window.image);
                let (blocks, rest) = y[window.elements.clone()].as_chunks_mut::<BLOCK>();
                let (winner_blocks, winner_rest) =
                    winners[window.elements.clone()].as_chunks_mut::<BLOCK>();
                let rest_at = blocks.len() * BLOCK;
                for (i, (y, winners)) in blocks.iter_mut().zip(winner_blocks).enumerate() {
                    (*y, *winners) = largest_of_block(&window, i * BLOCK, image);
                }
                for (i, (y, winner)) in rest.iter_mut().zip(winner_rest).enumerate() {
                    let ([largest], [tap]) = largest_of_block(&window, rest_at + i, image);
                    (*y, *winner) = (largest, tap);
                }
            });
        });
        (y, winners)
    }
}

/// The largest elements of `N` channels, from `channel` on, under a window, and their taps.
#[inline]
fn largest_of_block<T: Real, I: Index, const N: usize>(
    window: &Window<'_>,
    channel: usize,
    image: &[T],
) -> ([T; N], [I; N]) {
    let mut largest = [T::neg_infinity(); N];
    // As wide as the numbers that are compared, so that the loop vectorises.
    let mut taps = [window.taps.first().map_or(0, |first| first.tap as i32); N];
    for tap in window.taps() {
        let x = image
            .get(tap.start + channel..)
            .and_then(<[T]>::first_chunk::<N>);
        let Some(x) = x else {
            unreachable!("a tap on the image has all channels")
        };
        for j in 0..N {
            // The first of equal elements stays, and NaN is never larger.
            taps[j] = if x[j] > largest[j] {
                tap.tap as i32
            } else {
                taps[j]
            };
            largest[j] = if x[j] > largest[j] { x[j] } else { largest[j] };
        }
    }
    (largest, taps.map(I::new))
}
