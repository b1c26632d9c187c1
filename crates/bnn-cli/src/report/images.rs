//! Small images, a unit square for each pixel: misread samples and the weights of neurons.

use plotters::prelude::*;

use super::canvas::svg;
use super::palette::INK;
use super::{BitPicture, Picture, ReportError};

/// The longest side that is drawn; larger images are left out.
pub(super) const MAX_SIDE: usize = 4096;

/// Shades of grey that are told apart. Few, so that runs of a shade are long and the page is small.
const SHADES: usize = 16;

impl Picture<'_> {
    /// The picture as SVG of `width` x `height` units, ink on a clear ground.
    pub(super) fn draw(&self) -> Result<String, ReportError> {
        let max = usize::from(self.max.max(1));
        let shades = self.pixels.iter().map(|&pixel| {
            let pixel = usize::from(pixel).min(max);
            (pixel * SHADES + max / 2) / max
        });
        raster(shades.collect(), self.width, self.height)
    }
}

impl BitPicture<'_> {
    /// The picture as SVG of `width` x `height` units, +1 in ink on a clear ground.
    pub(super) fn draw(&self) -> Result<String, ReportError> {
        let shades = self.bits.iter().map(|&bit| if bit { SHADES } else { 0 });
        raster(shades.collect(), self.width, self.height)
    }
}

/// Rows of shades, 0 (clear) to [`SHADES`] (full ink), as one rectangle for each run.
fn raster(shades: Vec<usize>, width: usize, height: usize) -> Result<String, ReportError> {
    let drawable = 1..=MAX_SIDE;
    if !drawable.contains(&width) || !drawable.contains(&height) || width * height != shades.len() {
        return Err(ReportError::Picture {
            pixels: shades.len(),
            width,
            height,
        });
    }
    svg((width as u32, height as u32), |area| {
        for (y, row) in shades.chunks_exact(width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|a, b| a == b) {
                let end = x + run.len();
                if run[0] > 0 {
                    let ink = INK.light.mix(run[0] as f64 / SHADES as f64).filled();
                    let corners = [(x as i32, y as i32), (end as i32, y as i32 + 1)];
                    area.draw(&Rectangle::new(corners, ink))?;
                }
                x = end;
            }
        }
        Ok::<(), DrawingAreaErrorKind<_>>(())
    })
}
