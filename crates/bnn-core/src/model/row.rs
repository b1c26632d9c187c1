//! One row of a convolution's or a pool's output.

use super::error::ModelError;
use super::layer::{Ending, Layer};
use super::patch::Line;
use super::runner::{Finish, Input, Output, Reals};
use crate::shape::row_words;

/// Computes row `oy` of a layer's output from the rows of its input under the windows.
pub(super) fn compute_row(
    layer: &Layer<'_>,
    oy: usize,
    pixels: Input<'_>,
    mut out: Output<'_>,
    reals: Reals,
    work: &mut [u64],
) -> Result<(), ModelError> {
    let (input, conv, filters, ending) = match (layer, pixels, &mut out) {
        (Layer::MaxPool2d(pool), Input::Bits(pixels), Output::Bits(out)) => {
            pool.line(oy).max_of_image(pixels, out);
            return Ok(());
        }
        (
            &Layer::Conv2d {
                input,
                conv,
                filters,
                ending,
            },
            ..,
        ) => (input, conv, filters, ending),
        _ => return Ok(()), // no such layer or row comes here
    };
    let conv = conv.line(oy);
    let line = Line {
        conv: &conv,
        input,
        pixels,
        filters,
    };
    let pixel = match ending {
        Ending::Threshold(_) => row_words(conv.outputs()),
        _ => conv.outputs(),
    };
    let finish = Finish { ending, reals };
    Ok(line.compute(work, &mut |sample, first, sums| {
        let mut out = out.part(sample * pixel..(sample + 1) * pixel);
        finish.put(sums, first, &mut out);
    })?)
}
