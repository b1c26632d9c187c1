//! The joined operation on real images, for a first layer.

use bnn_core::conv::Conv2d;
use bnn_core::internal::{Loop, vectorised};

use super::{PooledConv, PooledSizes};
use crate::buffer::{Buffer, take_buffer};
use crate::context::Context;
use crate::error::Error;
use crate::ops::conv2d::ConvOptions;
use crate::ops::conv2d::byte_images::ByteImages;
use crate::ops::conv2d::passes::{Filters, PaddedImages, Passes, added_up};
use crate::ops::conv2d::real::{Kept, KeptFilters, RealConv2d};
use crate::ops::conv2d::shape::{W, X};
use crate::real::Real;
use crate::tensor::Tensor;

impl<T: Real> PooledConv<T> for RealConv2d {
    const NAME: &'static str = "sign_weight_conv2d_max_pool2d";

    fn options(&self) -> ConvOptions {
        self.options
    }

    fn pooled(
        &self,
        ctx: &mut Context<T>,
        sizes: &PooledSizes,
        x: &Tensor<T>,
        w: &Tensor<T>,
    ) -> Result<(Vec<T>, Vec<u8>), Error> {
        let (conv, image) = (&sizes.shape.conv, sizes.shape.image_len());
        let signs = w.signs(conv.outputs(), conv.patch_len())?;
        let filters = Filters::Signs(signs.view());
        let pooled = match ByteImages::new(conv, x.data(), filters)? {
            Some(bytes) => sizes.pooled(|images, sums| bytes.sums(images, sums))?,
            None => {
                let all = self.images(x);
                sizes.pooled(|some, sums| {
                    let passes = Passes::new(conv, some.len());
                    let pixels = all.pixels.some(some, image)?;
                    passes.output_to(PaddedImages { pixels, ..all }, filters, sums)
                })?
            }
        };
        self.keep(ctx, x, KeptFilters::Signs(signs.into()))?;
        Ok(pooled)
    }

    fn gradients(
        &self,
        ctx: &Context<T>,
        sizes: &PooledSizes,
        winners: &[u8],
        dy: &[T],
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let (shape, conv) = (&sizes.shape, &sizes.shape.conv);
        let Kept { x, filters } = ctx.saved_state::<Kept<T>>()?;
        let mut grads = vec![None; ctx.num_inputs()];
        if let Some(filters) = filters {
            let mut dsums = Buffer::new(take_buffer(shape.batch * sizes.pool.image_len()));
            sizes.pool.spread(dy, winners, dsums.as_mut_slice());
            let passes = Passes::new(conv, shape.batch);
            let dx = passes.image_gradient(&dsums, filters.view())?;
            grads[X] = Some(Tensor::trusted(dx, shape.input()));
        }
        if let Some(x) = x {
            let images = self.images(x);
            let steps = steps(sizes);
            let pieces = sizes.by_pieces(None::<&mut [T]>, |piece, _| {
                let mut sums = FilterSums::new(conv, &steps);
                let (image, pooled) = (shape.image_len(), sizes.pool.output_len());
                for i in piece {
                    let pixels = images.pixels.some(i..i + 1, image)?;
                    let pooled = i * pooled..(i + 1) * pooled;
                    let (dy, winners) = (&dy[pooled.clone()], &winners[pooled]);
                    sums.add(PaddedImages { pixels, ..images }, dy, winners);
                }
                Ok(sums.into_filters())
            })?;
            grads[W] = Some(Tensor::trusted(added_up(pieces), shape.filters()));
        }
        Ok(grads)
    }
}

/// Taps of a pool whose windows are added together.
const TAPS: usize = 4;

/// The gradient of filters, straight from that of the pooled sums: a pooled sum passes its gradient
/// to the window that won, and this window to its pixels. The gradient of all sums, in which most
/// are zero, would take as many times the work as a pool has taps, and memory.
struct FilterSums<'c, T> {
    conv: &'c Conv2d,
    steps: &'c [WindowStep],
    /// `[element of a filter][output]`.
    sums: Vec<T>,
    /// The patches of an image.
    patches: Vec<T>,
    /// The gradients of a step, `[tap][output]`.
    of_taps: Vec<T>,
}

/// Some taps of one window of the pool.
struct WindowStep {
    /// The first element of the window's output, in the output of an image.
    first: usize,
    /// Their numbers, and where the patches of the windows under them begin. Where there are fewer
    /// taps, the first one again: what it adds a second time is zero.
    taps: [(Option<u8>, usize); TAPS],
}

/// The steps of an image.
fn steps(sizes: &PooledSizes) -> Vec<WindowStep> {
    let (outputs, patch) = (sizes.shape.conv.outputs(), sizes.shape.conv.patch_len());
    let mut steps = Vec::new();
    sizes
        .pool
        .visit(0..sizes.pool.output_len() / outputs, |window| {
            // A tap of the pool lies on the sums of one window.
            let taps: Vec<_> = window
                .taps()
                .map(|tap| (Some(tap.tap as u8), tap.start / outputs * patch))
                .collect();
            for some in taps.chunks(TAPS) {
                let mut taps = [(None, some[0].1); TAPS];
                taps[..some.len()].copy_from_slice(some);
                let first = window.elements.start;
                steps.push(WindowStep { first, taps });
            }
        });
    steps
}

impl<'c, T: Real> FilterSums<'c, T> {
    fn new(conv: &'c Conv2d, steps: &'c [WindowStep]) -> Self {
        let windows = Passes::new(conv, 1).all_windows();
        Self {
            conv,
            steps,
            sums: vec![T::zero(); conv.outputs() * conv.patch_len()],
            patches: vec![T::zero(); windows * conv.patch_len()],
            of_taps: vec![T::zero(); TAPS * conv.outputs()],
        }
    }

    /// Adds the part of one image.
    fn add(&mut self, image: PaddedImages<'_, T>, dy: &[T], winners: &[u8]) {
        let passes = Passes::new(self.conv, 1);
        passes.gather(image, 0, 0..passes.all_windows(), &mut self.patches);
        vectorised(AddImage {
            steps: self.steps,
            outputs: self.conv.outputs(),
            patch: self.conv.patch_len(),
            patches: &self.patches,
            dy,
            winners,
            sums: &mut self.sums,
            of_taps: &mut self.of_taps,
        });
    }

    /// The sums as filters `[outputs, patch]`.
    fn into_filters(self) -> Buffer<T> {
        let (patch, outputs) = (self.conv.patch_len(), self.conv.outputs());
        let mut filters = Buffer::new(take_buffer(outputs * patch));
        for (output, filter) in filters.as_mut_slice().chunks_mut(patch).enumerate() {
            let sums = self.sums[output..].iter().step_by(outputs);
            filter.iter_mut().zip(sums).for_each(|(w, &sum)| *w = sum);
        }
        filters
    }
}

/// The loop of [`FilterSums::add`].
struct AddImage<'a, T> {
    steps: &'a [WindowStep],
    outputs: usize,
    patch: usize,
    patches: &'a [T],
    dy: &'a [T],
    winners: &'a [u8],
    sums: &'a mut [T],
    of_taps: &'a mut [T],
}

impl<T: Real> Loop for AddImage<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let n = self.outputs;
        for step in self.steps {
            let (dy, winners) = (
                &self.dy[step.first..][..n],
                &self.winners[step.first..][..n],
            );
            for (of_tap, (tap, _)) in self.of_taps.chunks_mut(n).zip(step.taps) {
                for ((to, &dy), &winner) in of_tap.iter_mut().zip(dy).zip(winners) {
                    *to = if Some(winner) == tap { dy } else { T::zero() };
                }
            }
            // Over slices of any length: the compiler unrolls loops over arrays, and then makes
            // vectors across the elements of filters.
            let rows = step.taps.map(|(_, at)| &self.patches[at..at + self.patch]);
            let (first, second) = self.of_taps.split_at(2 * n);
            let [(p, q), (r, s)] = [first.split_at(n), second.split_at(n)];
            for (k, sums) in self.sums.chunks_mut(n).enumerate() {
                let [a, b, c, d] = rows.map(|row| row[k]);
                let of_taps = p.iter().zip(q).zip(r.iter().zip(s));
                for (sum, ((&p, &q), (&r, &s))) in sums.iter_mut().zip(of_taps) {
                    *sum += (p * a + q * b) + (r * c + s * d);
                }
            }
        }
    }
}
