//! The joined operation on signs of images.

use bnn_core::conv::PackedFilters;

use super::{PooledConv, PooledSizes};
use crate::bits::{apply_mask, rows_of, split_rows};
use crate::buffer::{Buffer, take_buffer};
use crate::context::Context;
use crate::error::Error;
use crate::linalg::sign_conv2d;
use crate::ops::conv2d::ConvOptions;
use crate::ops::conv2d::binary::{BinaryConv2dForward, Kept};
use crate::ops::conv2d::passes::{PaddedImages, Passes, added_up};
use crate::ops::conv2d::shape::{W, X};
use crate::ops::masked::Mask;
use crate::ops::quantize::Estimator;
use crate::real::Real;
use crate::tensor::Tensor;

impl<T: Real> PooledConv<T> for BinaryConv2dForward {
    const NAME: &'static str = "binary_conv2d_max_pool2d";

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
        let (shape, conv) = (&sizes.shape, &sizes.shape.conv);
        let rows = x.reshape(&[shape.batch, shape.image_len()])?;
        let x_signs = self.estimator.signs(ctx, X, &rows)?;
        let w_signs = w.signs(conv.outputs(), conv.patch_len())?;
        let pixels = split_rows(x_signs.view(), conv.channels())?;
        let filters = PackedFilters::new(conv, w_signs.view())?;
        let per_image = shape.image_len() / conv.channels();
        let pooled = sizes.pooled(|images, sums| {
            let pixels = rows_of(
                pixels.view(),
                images.start * per_image..images.end * per_image,
            )?;
            Ok(sign_conv2d(pixels, &filters, sums)?)
        })?;
        ctx.save(Kept { x_signs, w_signs });
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
        let Kept { x_signs, w_signs } = ctx.saved_state()?;
        let [needs_x, needs_w] = [X, W].map(|i| ctx.needs_input_grad(i));
        // The usual mask is applied while a piece is in the cache.
        let mask = match self.estimator {
            Estimator::Clipped if needs_x => Some(ctx.saved_state::<Mask>()?.passes.view()),
            _ => None,
        };
        let (image, sums_len) = (shape.image_len(), sizes.pool.image_len());
        let (at_once, pooled_len) = (sizes.at_once(), sizes.pool.output_len());
        let images = self.images::<T>(x_signs);
        let mut dx = needs_x.then(|| take_buffer(shape.batch * image));
        let pieces = sizes.by_pieces(dx.as_deref_mut(), |piece, mut dx| {
            let mut dw = needs_w.then(|| {
                let mut zeros = Buffer::new(take_buffer(conv.outputs() * conv.patch_len()));
                zeros.as_mut_slice().fill(T::zero());
                zeros
            });
            let mut room = Buffer::new(take_buffer(at_once * sums_len));
            for first in piece.clone().step_by(at_once) {
                let some = first..piece.end.min(first + at_once);
                let pooled = some.start * pooled_len..some.end * pooled_len;
                let dsums = &mut room.as_mut_slice()[..some.len() * sums_len];
                sizes
                    .pool
                    .spread(&dy[pooled.clone()], &winners[pooled], dsums);
                let passes = Passes::new(conv, some.len());
                if let Some(dx) = &mut dx {
                    let dx = &mut dx[(first - piece.start) * image..][..some.len() * image];
                    passes.image_gradient_to(dsums, w_signs.view(), dx)?;
                    if let Some(mask) = mask {
                        apply_mask(dx, rows_of(mask, some.clone())?);
                    }
                }
                if let Some(dw) = &mut dw {
                    let images = PaddedImages {
                        pixels: images.pixels.some(some, image)?,
                        ..images
                    };
                    let windows = 0..passes.all_windows();
                    passes.add_filter_gradient(dsums, images, windows, dw.as_mut_slice())?;
                }
            }
            Ok(dw)
        })?;
        if let (Some(dx), None) = (&mut dx, mask) {
            self.estimator.apply(ctx, dx)?;
        }
        let dw: Option<Vec<_>> = pieces.into_iter().collect();
        Ok(vec![
            dx.map(|dx| Tensor::trusted(dx, shape.input())),
            dw.map(|dw| Tensor::trusted(added_up(dw), shape.filters())),
        ])
    }
}
