//! A convolution with signs and a max pool of its sums, joined: a few images go through both while
//! their sums are in the cache, and so do their gradients on the way back. The sums of a batch,
//! which are several times as large as everything else in a step, never exist.
//!
//! Results are the same bits as those of the two operations one after the other, forward, and for
//! any number of threads: the pieces depend only on the shape.

mod pixels;
mod signs;

use std::ops::Range;

use rayon::prelude::*;

use super::binary::BinaryConv2dForward;
use super::passes::PIECES;
use super::real::RealConv2d;
use super::shape::ConvShape;
use super::{ConvOptions, Padding};
use crate::buffer::{Buffer, take_buffer};
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, Macs, inputs};
use crate::ops::pool2d::{PoolShape, Winners, max_pool2d};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// A max pool, as [`max_pool2d`] takes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaxPool {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: Padding,
}

/// [`max_pool2d`] of a binary convolution, with its value, gradients, and what both keep.
///
/// # Errors
/// Those of the two operations.
pub(crate) fn binary_conv2d_max_pool2d<T: Real>(
    x: &Var<T>,
    w: &Var<T>,
    conv: BinaryConv2dForward,
    pool: MaxPool,
) -> Result<Var<T>, Error> {
    apply(x, w, ConvThenPool { conv, pool })
}

/// [`max_pool2d`] of [`sign_weight_conv2d`](super::sign_weight_conv2d), with its value, gradients,
/// and what both keep.
///
/// # Errors
/// Those of the two operations.
pub(crate) fn sign_weight_conv2d_max_pool2d<T: Real>(
    x: &Var<T>,
    w: &Var<T>,
    options: ConvOptions,
    pool: MaxPool,
) -> Result<Var<T>, Error> {
    let conv = RealConv2d::of_signs(options);
    apply(x, w, ConvThenPool { conv, pool })
}

fn apply<T: Real, C: PooledConv<T>>(
    x: &Var<T>,
    w: &Var<T>,
    pooled: ConvThenPool<C>,
) -> Result<Var<T>, Error> {
    let ConvThenPool { conv, pool } = pooled;
    let shape = ConvShape::new(x.shape(), w.shape(), conv.options())?;
    let [height, width] = pool.kernel;
    // Indices of taps are bytes; the products of groups are too narrow to gain.
    if shape.conv.groups() > 1 || height.saturating_mul(width) > 256 {
        let sums = x.tape().apply(conv, &[x, w])?;
        return max_pool2d(&sums, pool.kernel, pool.stride, pool.padding);
    }
    x.tape().apply(ConvThenPool { conv, pool }, &[x, w])
}

/// What the joined operation asks of a convolution. Its state is kept as the convolution alone
/// keeps it, for the same passes.
trait PooledConv<T: Real>: Function<T> + 'static {
    /// The name of the joined operation.
    const NAME: &'static str;

    fn options(&self) -> ConvOptions;

    /// The pooled sums, and the taps that won. Saves what the passes of the convolution need.
    fn pooled(
        &self,
        ctx: &mut Context<T>,
        sizes: &PooledSizes,
        x: &Tensor<T>,
        w: &Tensor<T>,
    ) -> Result<(Vec<T>, Vec<u8>), Error>;

    /// The gradients of images and filters by that of the pooled sums.
    fn gradients(
        &self,
        ctx: &Context<T>,
        sizes: &PooledSizes,
        winners: &[u8],
        dy: &[T],
    ) -> Result<Vec<Option<Tensor<T>>>, Error>;
}

struct ConvThenPool<C> {
    conv: C,
    pool: MaxPool,
}

impl<C> ConvThenPool<C> {
    fn sizes<T: Real>(&self, x: &[usize], w: &[usize]) -> Result<PooledSizes, Error>
    where
        C: PooledConv<T>,
    {
        let shape = ConvShape::new(x, w, self.conv.options())?;
        let MaxPool {
            kernel,
            stride,
            padding,
        } = self.pool;
        let pool = PoolShape::new(&shape.output(), kernel, stride, padding)?;
        Ok(PooledSizes { shape, pool })
    }
}

impl<T: Real, C: PooledConv<T>> Function<T> for ConvThenPool<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn takes_affine(&self, i: usize) -> bool {
        self.conv.takes_affine(i)
    }

    fn macs(&self, inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> Macs {
        let [x, w, ..] = inputs else {
            return Macs::default();
        };
        // The operations of all windows, not of the pooled ones alone.
        match self.sizes(x, w) {
            Ok(sizes) => self.conv.macs(inputs, &[sizes.shape.output()]),
            Err(_) => self.conv.macs(inputs, outputs),
        }
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x, w] = inputs("inputs of a convolution", given)?;
        let sizes = self.sizes(x.shape(), w.shape())?;
        let (y, taps) = self.conv.pooled(ctx, &sizes, x, w)?;
        ctx.save(Winners { taps });
        Ok(vec![Tensor::trusted(y, sizes.pool.output.to_vec())])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let sizes = self.sizes(ctx.input_shape(0)?, ctx.input_shape(1)?)?;
        let winners = ctx.saved_state::<Winners<u8>>()?;
        self.conv.gradients(ctx, &sizes, &winners.taps, dy.data())
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let sizes = self.sizes(ctx.input_shape(0)?, ctx.input_shape(1)?)?;
        let winners = ctx.saved_state::<Winners<u8>>()?;
        let of_sums = self.conv.jvp(ctx, tangents)?;
        let pooled = of_sums.into_iter().map(|dy| {
            let dy = sizes.pool.taken(&winners.taps, dy?.data());
            Some(Tensor::trusted(dy, sizes.pool.output.to_vec()))
        });
        Ok(pooled.collect())
    }
}

/// The sizes of both operations.
struct PooledSizes {
    shape: ConvShape,
    pool: PoolShape,
}

/// Sums that are in the cache at a time: 256 KiB of `f32`.
const SUMS: usize = 1 << 16;

impl PooledSizes {
    /// Images of a piece: a thread takes whole pieces, and adds up each in order.
    fn piece(&self) -> usize {
        self.shape.batch.div_ceil(PIECES)
    }

    /// Images whose sums exist at a time.
    fn at_once(&self) -> usize {
        (SUMS / self.pool.image_len()).clamp(1, self.piece())
    }

    /// The pooled sums of the batch, and the taps that won; `sums` writes those of some images.
    fn pooled<T: Real>(
        &self,
        sums: impl Fn(Range<usize>, &mut [T]) -> Result<(), Error> + Sync,
    ) -> Result<(Vec<T>, Vec<u8>), Error> {
        let (at_once, len) = (self.at_once(), self.pool.output_len());
        let count = self.shape.batch * len;
        let (mut y, mut winners) = (take_buffer(count), vec![0; count]);
        let room = || Buffer::new(take_buffer(at_once * self.pool.image_len()));
        y.par_chunks_mut(at_once * len)
            .zip(winners.par_chunks_mut(at_once * len))
            .enumerate()
            .try_for_each_init(room, |room, (i, (y, winners))| {
                let images = i * at_once..i * at_once + y.len() / len;
                let room = &mut room.as_mut_slice()[..images.len() * self.pool.image_len()];
                let windows = 0..winners.len() / self.shape.conv.outputs();
                sums(images, room)?;
                self.pool.largest(windows, room, y, winners);
                Ok(())
            })
            .map(|()| (y, winners))
    }

    /// Runs `body` on pieces of the batch, with their part of the gradient of the images if there
    /// is one.
    fn by_pieces<T: Real, R: Send>(
        &self,
        dx: Option<&mut [T]>,
        body: impl Fn(Range<usize>, Option<&mut [T]>) -> Result<R, Error> + Sync,
    ) -> Result<Vec<R>, Error> {
        let (batch, piece) = (self.shape.batch, self.piece());
        let images = (0..batch)
            .step_by(piece)
            .map(|first| first..batch.min(first + piece));
        let pieces: Vec<_> = match dx {
            Some(dx) => {
                let dx = dx.chunks_mut(piece * self.shape.image_len()).map(Some);
                images.zip(dx).collect()
            }
            None => images.map(|images| (images, None)).collect(),
        };
        let pieces = pieces.into_par_iter();
        pieces.map(|(images, dx)| body(images, dx)).collect()
    }
}
