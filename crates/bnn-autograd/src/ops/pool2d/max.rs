//! The largest element under each window.

use std::ops::Range;

use rayon::prelude::*;

use bnn_core::internal::{Loop, vectorised};

use super::{PoolShape, Window, for_windows};
use crate::buffer::take_buffer;
use crate::context::{Context, Part, SavedState};
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
pub(in crate::ops) struct Winners<I> {
    pub(in crate::ops) taps: Vec<I>,
}

impl<T: Real, I: Index> SavedState<T> for Winners<I> {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        self.taps.parts(visit);
    }
}

/// The index of a tap.
pub(in crate::ops) trait Index:
    Copy + Default + PartialEq + Send + Sync + 'static
{
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
        ctx.save(Winners { taps: winners });
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
        self.shape.by_images(&mut dx, |windows, dx| {
            let elements = windows.start * channels..windows.end * channels;
            self.shape
                .spread(&dy.data()[elements.clone()], &winners[elements], dx);
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
        let dy = self.shape.taken(winners, dx.data());
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
            self.shape.largest(windows, x, y, winners);
        });
        (y, winners)
    }
}

impl PoolShape {
    /// Writes the largest elements under some windows of the images `x`, and their taps.
    pub(in crate::ops) fn largest<T: Real, I: Index>(
        &self,
        windows: Range<usize>,
        x: &[T],
        y: &mut [T],
        winners: &mut [I],
    ) {
        vectorised(Largest {
            pool: self,
            windows,
            x,
            y,
            winners,
        });
    }

    /// Writes the gradient of whole images: that of each output, `dy`, goes to the tap that won.
    pub(in crate::ops) fn spread<T: Real, I: Index>(&self, dy: &[T], winners: &[I], dx: &mut [T]) {
        let tile = self.windows.tile();
        if !tile {
            dx.fill(T::zero());
        }
        vectorised(Spread {
            pool: self,
            tile,
            dy,
            winners,
            dx,
        });
    }

    /// The elements of the images `x` at the taps that won.
    pub(in crate::ops) fn taken<T: Real, I: Index>(&self, winners: &[I], x: &[T]) -> Vec<T> {
        let channels = self.channels();
        let mut y = vec![T::zero(); winners.len()];
        self.by_windows(&mut y, |windows, y| {
            let winners = &winners[windows.start * channels..windows.end * channels];
            self.visit(windows, |window| {
                let image = self.image(x, window.image);
                let (y, winners) = (
                    &mut y[window.elements.clone()],
                    &winners[window.elements.clone()],
                );
                for tap in window.taps() {
                    let (x, tap) = (&image[tap.start..], I::new(tap.tap as i32));
                    for ((y, &x), &winner) in y.iter_mut().zip(x).zip(winners) {
                        *y = if winner == tap { x } else { *y };
                    }
                }
            });
        });
        y
    }
}

/// The loop of [`PoolShape::largest`].
struct Largest<'a, T, I> {
    pool: &'a PoolShape,
    windows: Range<usize>,
    x: &'a [T],
    y: &'a mut [T],
    winners: &'a mut [I],
}

impl<T: Real, I: Index> Loop for Largest<'_, T, I> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self {
            pool,
            windows,
            x,
            y,
            winners,
        } = self;
        for_windows!(pool, windows, |window| {
            let image = pool.image(x, window.image);
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
    }
}

/// The loop of [`PoolShape::spread`].
struct Spread<'a, T, I> {
    pool: &'a PoolShape,
    tile: bool,
    dy: &'a [T],
    winners: &'a [I],
    dx: &'a mut [T],
}

impl<T: Real, I: Index> Loop for Spread<'_, T, I> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (pool, image_len) = (self.pool, self.pool.image_len());
        for_windows!(pool, 0..self.dy.len() / pool.channels(), |window| {
            let dy = &self.dy[window.elements.clone()];
            let winners = &self.winners[window.elements.clone()];
            for tap in window.taps() {
                let (at, tap) = (window.image * image_len + tap.start, I::new(tap.tap as i32));
                let elements = self.dx[at..at + dy.len()].iter_mut().zip(dy).zip(winners);
                if self.tile {
                    for ((dx, &dy), &winner) in elements {
                        *dx = if winner == tap { dy } else { T::zero() };
                    }
                } else {
                    for ((dx, &dy), &winner) in elements {
                        *dx += if winner == tap { dy } else { T::zero() };
                    }
                }
            }
        });
    }
}

/// The largest elements of `N` channels, from `channel` on, under a window, and their taps.
#[inline(always)]
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
