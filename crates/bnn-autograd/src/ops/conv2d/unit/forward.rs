//! The sums of the convolution with their statistics, and what is computed from them.

use bnn_core::conv::{PackedFilters, conv2d_i32};
use bnn_core::internal::vectorised;
use bnn_core::{BitMatrix, BitMatrixView, BitMatrixViewMut, row_words};
use rayon::prelude::*;

use super::loops::{Finish, Moments, Narrow, Shifted};
use super::{UnitSizes, total};
use crate::bits::split_rows;
use crate::buffer::{Buffer, take_buffer};
use crate::error::Error;
use crate::ops::batch_norm::{Affine, ColumnStats, stats_of_distances};
use crate::parallel::task_rows;
use crate::real::Real;

/// The sums of a convolution of signs.
pub(super) struct Counted {
    /// The signs of the shifted images, a row per image.
    pub(super) signs: BitMatrix,
    pub(super) sums: Buffer<i16>,
    /// The totals of the sums of each channel, and of their squares.
    totals: Vec<f64>,
}

/// Counts the sums of the images `x`; with `rectified`, negative ones are 0.
pub(super) fn count<T: Real>(
    sizes: &UnitSizes,
    x: &[T],
    shift: Option<&[T]>,
    w_signs: &BitMatrix,
    rectified: bool,
) -> Result<Counted, Error> {
    let (batch, image, sums_len) = (sizes.shape.batch, sizes.image_len(), sizes.sums_len());
    let (at_once, per_row) = (sizes.at_once(), row_words(image));
    let filters = PackedFilters::new(&sizes.shape.conv, w_signs.view())?;
    let mut words = vec![0; batch * per_row];
    let mut sums = Buffer::new(take_buffer(sizes.all_sums()));
    let room = || {
        let shifted = if shift.is_some() { at_once * image } else { 0 };
        let sums: Buffer<i32> = Buffer::new(take_buffer(at_once * sums_len));
        (Buffer::new(take_buffer(shifted)), sums)
    };
    let totals = words
        .par_chunks_mut(at_once * per_row)
        .zip(sums.as_mut_slice().par_chunks_mut(at_once * sums_len))
        .zip(x.par_chunks(at_once * image))
        .map_init(room, |(shifted, room), ((words, sums), x)| {
            let images = x.len() / image;
            let x = match shift {
                None => x,
                Some(by) => {
                    let y = &mut shifted.as_mut_slice()[..x.len()];
                    vectorised(Shifted { x, by, y: &mut *y });
                    y
                }
            };
            let mut bits = BitMatrixViewMut::cleared(words, images, image)?;
            bnn_core::pack(x, image, &mut bits)?;
            let signs = BitMatrixView::new(words, images, image)?;
            sums_of(&filters, signs, rectified, room.as_mut_slice(), sums)?;
            Ok(vectorised(Moments {
                sums,
                cols: sizes.shape.conv.outputs(),
                most: sizes.shape.conv.patch_len(),
            }))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    Ok(Counted {
        signs: BitMatrix::from_words(words, batch, image)?,
        sums,
        totals: total(totals),
    })
}

/// Writes the sums of some images to `sums`; there is `room` for them in 32 bits.
pub(super) fn sums_of(
    filters: &PackedFilters,
    signs: BitMatrixView<'_>,
    rectified: bool,
    room: &mut [i32],
    sums: &mut [i16],
) -> Result<(), Error> {
    let pixels = split_rows(signs, filters.conv().channels())?;
    let room = &mut room[..sums.len()];
    conv2d_i32(pixels.view(), filters, room, filters.conv().outputs())?;
    vectorised(Narrow {
        x: room,
        least: if rectified { 0 } else { i16::MIN.into() },
        y: sums,
    });
    Ok(())
}

impl Counted {
    /// The statistics of the sums, with the bits that a pass over them as numbers finds.
    pub(super) fn stats<T: Real>(&self, sizes: &UnitSizes) -> ColumnStats<T> {
        let n = sizes.shape.conv.outputs();
        let rows = sizes.all_sums() / n;
        let first: Vec<f64> = self.sums[..n].iter().map(|&sum| sum.into()).collect();
        let (sums, squares) = self.totals.split_at(n);
        // All of these are integers, and exact.
        let count = rows as f64;
        let squares = squares.iter().zip(sums).zip(&first);
        let squares: Vec<f64> = squares
            .map(|((square, sum), first)| square - 2.0 * first * sum + count * first * first)
            .collect();
        let sums = sums.iter().zip(&first);
        let sums: Vec<f64> = sums.map(|(sum, first)| sum - count * first).collect();
        stats_of_distances(rows, &first, &sums, &squares)
    }
}

/// Everything after the sums: normalised, with the shortcut added, and activated.
pub(super) fn finish<T: Real>(
    sums: &[i16],
    shortcut: &[T],
    affine: &Affine<T>,
    activation: Option<[&[T]; 3]>,
) -> Vec<T> {
    let mut y = take_buffer(sums.len());
    let cols = affine.scale.len();
    let task = task_rows(cols) * cols;
    y.par_chunks_mut(task)
        .zip(sums.par_chunks(task))
        .zip(shortcut.par_chunks(task))
        .for_each(|((y, sums), shortcut)| {
            vectorised(Finish {
                sums,
                shortcut,
                scale: &affine.scale,
                bias: &affine.bias,
                activation,
                y,
            });
        });
    y
}
