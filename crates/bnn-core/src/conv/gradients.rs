//! The gradient of the images of a binary convolution by [tables](crate::kernel::sign_tables),
//! without a matrix of patches.
//!
//! The tables of up to [`TABLE_ROWS`] neighbouring windows are made once and multiplied with the
//! filters tap by tap; the products are added to the pixels under the tap, which are a stride apart
//! as well. Windows come in their order and taps from the last to the first, so that every pixel is
//! added up in the order of the windows that see it.

use alloc::vec::Vec;
use core::ops::Range;

use super::geometry::Conv2d;
use crate::bits::{BitMatrixView, bits_at};
use crate::error::Error;
use crate::kernel::Kernel;
use crate::kernel::f32_operands::F32Rows;
use crate::kernel::sign_tables::{CacheLine, PANEL_COLS, SignTables, SumsMut, TABLE_ROWS, Tables};
use crate::memory;
use crate::shape::{equal, nonzero};

/// The least channels of a group: with fewer, most of a vector would be empty.
const LEAST_CHANNELS: usize = 16;

/// The gradient of the images of a convolution with the signs of filters, computed as products of
/// `f32` and signs without a matrix of patches. If [`ImageGradient::new`] returns `None`, multiply
/// with the filters and add the patches to the images.
///
/// The error is that of a sum in `f32` in the order of the windows that see a pixel, which no
/// thread and no other image changes. Infinite and NaN gradients of the output reach the pixels
/// that their windows see.
///
/// ```
/// use bnn_core::BitMatrix;
/// use bnn_core::conv::{Conv2d, ConvOptions, Padding};
/// use bnn_core::internal::ImageGradient;
///
/// # fn main() -> Result<(), bnn_core::Error> {
/// let options = ConvOptions { padding: Padding::Same, ..ConvOptions::default() };
/// let conv = Conv2d::new([5, 5, 16], 32, [3, 3], options)?;
/// if let Some(gradient) = ImageGradient::new(&conv)? {
///     let dy = [1.0; 5 * 5 * 32];
///     let filters = BitMatrix::pack(&[1.0_f32; 32 * 9 * 16], 32, conv.patch_len())?;
///     let mut dx = [0.0; 5 * 5 * 16];
///     gradient.compute(&dy, filters.view(), &mut dx)?;
///     assert_eq!(dx[0], 4.0 * 32.0); // four windows see the corner
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ImageGradient<'c> {
    conv: &'c Conv2d,
    with: &'static SignTables,
}

impl<'c> ImageGradient<'c> {
    /// `None` if the active kernel has no such way, or if it is not fast for this convolution: it
    /// requires at least 16 channels in a group.
    ///
    /// # Errors
    /// Those of [`Kernel::active`].
    pub fn new(conv: &'c Conv2d) -> Result<Option<Self>, Error> {
        Ok(Self::of(Kernel::active()?, conv))
    }

    fn of(kernel: &Kernel, conv: &'c Conv2d) -> Option<Self> {
        let with = kernel.sign_tables();
        let with = with.filter(|_| conv.group_channels() >= LEAST_CHANNELS)?;
        Some(Self { conv, with })
    }

    /// Writes the gradient of some images, `[images, height, width, channels]`, to `dx`, out of
    /// that of their outputs, `dy`, `[images, output height, output width, outputs]`, and the
    /// filters, rows of bits `[outputs, patch_len]`. Runs on the calling thread.
    ///
    /// # Errors
    /// [`Error::Zero`] for no images; [`Error::Mismatch`] where sizes do not fit;
    /// [`Error::OutOfMemory`]. Nothing is written then.
    pub fn compute(
        &self,
        dy: &[f32],
        filters: BitMatrixView<'_>,
        dx: &mut [f32],
    ) -> Result<(), Error> {
        let Self { conv, with } = *self;
        let windows = conv.windows();
        let outputs = windows.output_pixels() * conv.outputs();
        let images = nonzero("images", dy.len() / outputs)?;
        equal(
            "elements of the gradient of the outputs",
            images * outputs,
            dy.len(),
        )?;
        equal("filters", conv.outputs(), filters.rows())?;
        equal("elements of a filter", conv.patch_len(), filters.cols())?;
        let elements = images.saturating_mul(windows.pixels() * conv.channels());
        equal("elements of the images", elements, dx.len())?;
        image_gradient(with, conv, dy, filters, dx)
    }
}

/// Writes the gradient of images. The sizes fit each other.
fn image_gradient(
    with: &SignTables,
    conv: &Conv2d,
    dy: &[f32],
    filters: BitMatrixView<'_>,
    dx: &mut [f32],
) -> Result<(), Error> {
    let windows = conv.windows();
    let panels = FilterSigns::new(with, conv, filters)?;
    let mut tables = memory::zeros(with.table_lines(conv.group_outputs()))?;
    let row = windows.x.output * conv.outputs();
    let images = dx.chunks_exact_mut(windows.pixels() * conv.channels());
    for (dx, dy) in images.zip(dy.chunks_exact(windows.y.output * row)) {
        dx.fill(0.0);
        for (y, dy) in dy.chunks_exact(row).enumerate() {
            for (i, dy) in dy.chunks(TABLE_ROWS * conv.outputs()).enumerate() {
                let first = i * TABLE_ROWS;
                let stops = first..first + dy.len() / conv.outputs();
                for group in 0..conv.groups() {
                    let rows = rows_of(conv, dy, group);
                    with.fill(&rows, &mut tables);
                    panels.add(&tables, group, y, stops.clone(), dx);
                }
            }
        }
    }
    Ok(())
}

/// The gradients of the outputs of a group, a row for each window.
fn rows_of<'a>(conv: &Conv2d, dy: &'a [f32], group: usize) -> F32Rows<'a> {
    F32Rows {
        data: dy.get(group * conv.group_outputs()..).unwrap_or_default(),
        rows: dy.len() / conv.outputs(),
        depth: conv.group_outputs(),
        stride: conv.outputs(),
        across: false,
    }
}

/// The signs of filters, `[group][tap][block of channels]`.
struct FilterSigns<'c> {
    with: &'c SignTables,
    conv: &'c Conv2d,
    lines: Vec<CacheLine<u32>>,
    panel_lines: usize,
    /// Panels of a tap.
    blocks: usize,
}

impl<'c> FilterSigns<'c> {
    fn new(
        with: &'c SignTables,
        conv: &'c Conv2d,
        filters: BitMatrixView<'_>,
    ) -> Result<Self, Error> {
        let (channels, outputs) = (conv.group_channels(), conv.group_outputs());
        let (panel_lines, taps) = (with.panel_lines(outputs), conv.windows().taps());
        let blocks = channels.div_ceil(PANEL_COLS);
        let count = conv.groups() * taps * blocks;
        let mut lines = memory::zeros(count.saturating_mul(panel_lines))?;
        for (i, panel) in lines.chunks_exact_mut(panel_lines).enumerate() {
            let (group, tap, block) = (i / blocks / taps, i / blocks % taps, i % blocks);
            let first = block * PANEL_COLS;
            let (at, count) = (tap * channels + first, PANEL_COLS.min(channels - first));
            let signs = |output| bits_at(filters.row(output), at, count);
            with.fill_panel(group * outputs..(group + 1) * outputs, signs, panel);
        }
        Ok(Self {
            with,
            conv,
            lines,
            panel_lines,
            blocks,
        })
    }

    /// Adds the products of the windows at the stops `stops` of row `y` to the pixels under their
    /// taps.
    fn add(
        &self,
        tables: &[CacheLine<f32>],
        group: usize,
        y: usize,
        stops: Range<usize>,
        dx: &mut [f32],
    ) {
        let (windows, channels) = (self.conv.windows(), self.conv.group_channels());
        let taps = self.panel_lines * self.blocks;
        let panels = self.lines.chunks_exact(taps * windows.taps()).nth(group);
        let mut panels = panels.unwrap_or_default().chunks_exact(taps).rev();
        let rows_inside = windows.y.inside(y);
        for tap_y in (0..windows.y.kernel).rev() {
            for tap_x in (0..windows.x.kernel).rev() {
                let panels = panels.next().unwrap_or_default();
                let inside = windows.x.stops(tap_x);
                let inside = inside.start.max(stops.start)..inside.end.min(stops.end);
                if !rows_inside.contains(&tap_y) || inside.is_empty() {
                    continue;
                }
                let row = windows.y.pixel(y, tap_y) * windows.x.input;
                let pixel = row + windows.x.pixel(inside.start, tap_x);
                let at = pixel * self.conv.channels() + group * channels;
                for (i, panel) in panels.chunks_exact(self.panel_lines).enumerate() {
                    let first = i * PANEL_COLS;
                    let sums = &mut SumsMut {
                        data: dx.get_mut(at + first..).unwrap_or_default(),
                        stride: windows.x.stride * self.conv.channels(),
                        rows: inside.len(),
                        cols: PANEL_COLS.min(channels - first),
                        begin: false,
                    };
                    let tables = &Tables {
                        lines: tables,
                        first: inside.start - stops.start,
                    };
                    self.with.multiply(tables, panel, sums);
                }
            }
        }
    }
}

#[cfg(test)]
mod laws;
