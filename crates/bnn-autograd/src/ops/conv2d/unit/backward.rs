//! The reverse pass of a unit.

use std::ops::Range;

use bnn_core::BitMatrixView;
use bnn_core::conv::PackedFilters;
use bnn_core::internal::vectorised;
use rayon::prelude::*;

use super::forward::sums_of;
use super::loops::{AddThroughSigns, Deactivate, Denormalise, NormTotals, ThroughSigns};
use super::{KeptNorm, UnitSizes, total};
use crate::bits::rows_of;
use crate::buffer::{Buffer, take_buffer};
use crate::error::Error;
use crate::ops::batch_norm::input_slopes;
use crate::ops::conv2d::passes::{PaddedImages, Passes, Pixels, added_up};
use crate::ops::conv2d::shape::padding;
use crate::real::Real;
use crate::tensor::Tensor;

/// What the pass works with.
pub(super) struct Backward<'a, T: Real> {
    pub(super) sizes: &'a UnitSizes,
    pub(super) rectified: bool,
    /// Whether the sums also affect the output through their statistics.
    pub(super) own_statistics: bool,
    /// Whether the images themselves are the shortcut.
    pub(super) adds_images: bool,
    /// The images.
    pub(super) x: &'a Tensor<T>,
    /// Their signs after the shift, a row per image.
    pub(super) x_signs: BitMatrixView<'a>,
    pub(super) w_signs: BitMatrixView<'a>,
    pub(super) shift: Option<&'a Tensor<T>>,
    pub(super) norm: &'a KeptNorm<T>,
    pub(super) activation: Option<Activation<'a, T>>,
}

/// What the input of the activation is computed from again.
#[derive(Clone, Copy)]
pub(super) struct Activation<'a, T> {
    pub(super) shortcut: &'a [T],
    pub(super) bias: &'a [T],
    pub(super) before: &'a [T],
    pub(super) slope: &'a [T],
}

/// The gradients of the inputs.
pub(super) struct UnitGradients<T: Real> {
    pub(super) x: Option<Tensor<T>>,
    pub(super) filters: Option<Tensor<T>>,
    pub(super) shift: Option<Tensor<T>>,
    pub(super) gamma: Tensor<T>,
    /// The gradient of `beta`, which is also that of the summand before the activation.
    pub(super) beta: Tensor<T>,
    pub(super) shortcut: Option<Tensor<T>>,
    /// The gradients of the slopes, and of the summand after them.
    pub(super) activation: Option<[Tensor<T>; 2]>,
}

/// `dx = scale * d + slope * (sum - mean) + offset`, by channel.
struct Slopes<'a, T> {
    scale: &'a [T],
    mean: &'a [T],
    slope: Vec<T>,
    offset: Vec<T>,
}

/// Where the gradient of the images of a piece of the batch goes.
enum Target<'a, T> {
    /// It is added to that of the shortcut.
    Shortcut(&'a mut [T]),
    /// The gradient of the shortcut stays as it is; that of the images may not be needed.
    Apart(&'a [T], Option<&'a mut [T]>),
}

impl<T: Real> Backward<'_, T> {
    /// The gradients by that of the output, `d`; of images and filters if they are needed.
    pub(super) fn gradients(
        &self,
        mut d: Tensor<T>,
        needs: [bool; 2],
    ) -> Result<UnitGradients<T>, Error> {
        let (sums, totals) = self.before_activation(&mut d)?;
        let n = self.sizes.shape.conv.outputs();
        let [beta, gamma] = [&totals[..n], &totals[n..2 * n]];
        let deviations = gamma.iter().zip(self.norm.inverse_std.data());
        let gamma: Vec<f64> = deviations
            .map(|(x, inverse)| x * inverse.as_f64())
            .collect();
        let slopes = self.slopes(beta, &gamma);
        let activation = self.activation.map(|_| {
            let totals = [&totals[2 * n..3 * n], &totals[3 * n..]];
            totals.map(|totals| Tensor::from_f64s(totals.iter().copied()))
        });

        let shape = &self.sizes.shape;
        let (sums_len, image) = (self.sizes.sums_len(), self.sizes.image_len());
        let piece = self.sizes.piece();
        let [needs_x, needs_w] = needs;
        let mut apart = None;
        let targets: Vec<_> = if needs_x && self.adds_images {
            let all = d.data_mut().chunks_mut(piece * sums_len);
            all.map(Target::Shortcut).collect()
        } else if needs_x {
            let dx = apart.insert(take_buffer(shape.batch * image));
            let dx = dx.chunks_mut(piece * image).map(Some);
            let all = d.data().chunks(piece * sums_len).zip(dx);
            all.map(|(d, dx)| Target::Apart(d, dx)).collect()
        } else {
            let all = d.data().chunks(piece * sums_len);
            all.map(|d| Target::Apart(d, None)).collect()
        };
        let pieces = targets.into_par_iter().enumerate();
        let pieces = pieces.map(|(i, target)| {
            let images = i * piece..shape.batch.min((i + 1) * piece);
            self.piece(images, target, needs_w, &sums, &slopes)
        });
        let (filters, shifts): (Vec<_>, Vec<_>) = pieces
            .collect::<Result<Vec<_>, Error>>()?
            .into_iter()
            .unzip();
        let filters: Option<Vec<_>> = filters.into_iter().collect();
        let (x, shortcut) = match apart {
            Some(dx) => (Some(Tensor::trusted(dx, shape.input())), Some(d)),
            None if self.adds_images => (Some(d), None),
            None => (None, Some(d)),
        };
        Ok(UnitGradients {
            x,
            filters: filters.map(|pieces| Tensor::trusted(added_up(pieces), shape.filters())),
            shift: needs_x.then(|| Tensor::from_f64s(total(shifts))),
            gamma: Tensor::from_f64s(gamma),
            beta: Tensor::from_f64s(beta.iter().copied()),
            shortcut,
            activation,
        })
    }

    /// Makes of the gradient of the output that of the sum with the shortcut. Returns the sums of
    /// the convolution, and what [`Deactivate`] adds up.
    fn before_activation(&self, d: &mut Tensor<T>) -> Result<(Buffer<i16>, Vec<f64>), Error> {
        let (sums_len, at_once) = (self.sizes.sums_len(), self.sizes.at_once());
        let conv = &self.sizes.shape.conv;
        let filters = PackedFilters::new(conv, self.w_signs)?;
        let mut sums = Buffer::new(take_buffer(self.sizes.all_sums()));
        let (scale, mean) = (self.norm.scale.data(), self.norm.mean.data());
        // Only an activation changes the gradient; without one it may be shared.
        let pieces: Vec<_> = match self.activation {
            Some(_) => {
                let all = d.data_mut().chunks_mut(at_once * sums_len);
                all.map(Ok).collect()
            }
            None => d.data().chunks(at_once * sums_len).map(Err).collect(),
        };
        let room = || Buffer::<i32>::new(take_buffer(at_once * sums_len));
        let totals = pieces
            .into_par_iter()
            .zip(sums.as_mut_slice().par_chunks_mut(at_once * sums_len))
            .enumerate()
            .map_init(room, |room, (i, (d, sums))| {
                let first = i * at_once;
                let images = first..first + sums.len() / sums_len;
                let some = first * sums_len..images.end * sums_len;
                let signs = rows_of(self.x_signs, images)?;
                sums_of(&filters, signs, self.rectified, room.as_mut_slice(), sums)?;
                Ok(match (d, self.activation) {
                    (Ok(d), Some(activation)) => vectorised(Deactivate {
                        d,
                        sums,
                        shortcut: &activation.shortcut[some],
                        scale,
                        bias: activation.bias,
                        before: activation.before,
                        slope: activation.slope,
                        mean,
                    }),
                    (Ok(d), None) => vectorised(NormTotals { d, sums, mean }),
                    (Err(d), _) => vectorised(NormTotals { d, sums, mean }),
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok((sums, total(totals)))
    }

    fn slopes(&self, beta: &[f64], gamma: &[f64]) -> Slopes<'_, T> {
        let norm = self.norm;
        let (scale, mean) = (norm.scale.data(), norm.mean.data());
        let (slope, offset) = match self.own_statistics {
            true => {
                let rows = self.sizes.all_sums() / scale.len();
                let inverse_std = norm.inverse_std.data();
                let slopes = input_slopes(rows, scale, inverse_std, beta, gamma);
                slopes.into_iter().unzip()
            }
            false => [scale, scale].map(|x| vec![T::zero(); x.len()]).into(),
        };
        Slopes {
            scale,
            mean,
            slope,
            offset,
        }
    }

    /// The gradient of the filters by a piece of the batch, if it is needed, and that of the
    /// shifts. Writes the gradient of the images.
    fn piece(
        &self,
        images: Range<usize>,
        mut target: Target<'_, T>,
        needs_w: bool,
        sums: &[i16],
        slopes: &Slopes<'_, T>,
    ) -> Result<(Option<Buffer<T>>, Vec<f64>), Error> {
        let conv = &self.sizes.shape.conv;
        let (sums_len, image) = (self.sizes.sums_len(), self.sizes.image_len());
        let at_once = self.sizes.at_once();
        let zeros;
        let shift = match self.shift {
            Some(shift) => shift.data(),
            None => {
                zeros = vec![T::zero(); conv.channels()];
                &zeros
            }
        };
        let mut filters = needs_w.then(|| {
            let mut zeros = Buffer::new(take_buffer(conv.outputs() * conv.patch_len()));
            zeros.as_mut_slice().fill(T::zero());
            zeros
        });
        let mut shifts = Vec::new();
        let mut room = Buffer::new(take_buffer(at_once * sums_len));
        let spare = match target {
            Target::Shortcut(_) => at_once * image,
            Target::Apart(..) => 0,
        };
        let mut spare = Buffer::new(take_buffer(spare));
        for first in images.clone().step_by(at_once) {
            let some = first..images.end.min(first + at_once);
            let here = first - images.start..some.end - images.start;
            let of_sums = here.start * sums_len..here.end * sums_len;
            let of_images = here.start * image..here.end * image;
            let dsums = &mut room.as_mut_slice()[..of_sums.len()];
            vectorised(Denormalise {
                d: match &target {
                    Target::Shortcut(d) => &d[of_sums.clone()],
                    Target::Apart(d, _) => &d[of_sums.clone()],
                },
                sums: &sums[some.start * sums_len..some.end * sums_len],
                scale: slopes.scale,
                mean: slopes.mean,
                slope: &slopes.slope,
                offset: &slopes.offset,
                rectified: self.rectified,
                dsums: &mut *dsums,
            });
            let passes = Passes::new(conv, some.len());
            match &mut target {
                Target::Shortcut(d) => {
                    let dx = &mut spare.as_mut_slice()[..of_images.len()];
                    passes.image_gradient_to(dsums, self.w_signs, dx)?;
                    shifts.push(vectorised(AddThroughSigns {
                        d: dx,
                        x: &self.x.data()[some.start * image..some.end * image],
                        shift,
                        y: &mut d[of_sums],
                    }));
                }
                Target::Apart(_, Some(dx)) => {
                    let dx = &mut dx[of_images];
                    passes.image_gradient_to(dsums, self.w_signs, dx)?;
                    shifts.push(vectorised(ThroughSigns {
                        d: dx,
                        x: &self.x.data()[some.start * image..some.end * image],
                        shift,
                    }));
                }
                Target::Apart(_, None) => {}
            }
            if let Some(filters) = &mut filters {
                let images = PaddedImages {
                    pixels: Pixels::Signs(rows_of(self.x_signs, some)?),
                    padding: padding(conv.pad_value()),
                };
                let windows = 0..passes.all_windows();
                passes.add_filter_gradient(dsums, images, windows, filters.as_mut_slice())?;
            }
        }
        Ok((filters, total(shifts)))
    }
}
