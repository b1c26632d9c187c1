//! One row of a convolution's or a pool's output.

use super::error::ModelError;
use super::layer::{Ending, InputType, Layer};
use super::runner::{Finish, Input, Output, Reals};
use crate::bits::BitMatrixView;
use crate::conv::{InPlace, Source};
use crate::kernel::Kernel;
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
            pool.line(oy).1.max_of_image(pixels, out);
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
    let (rows, conv) = conv.line(oy);
    let [_, width] = conv.input_size();
    let source = match (pixels, input) {
        (Input::Bytes(x), InputType::Unsigned { depth }) => Source::Bytes {
            x,
            depth: depth.into(),
        },
        (Input::Bits(x), _) => Source::Bits(BitMatrixView::trusted(
            x,
            rows.len() * width,
            conv.channels(),
        )),
        _ => return Ok(()), // likewise
    };
    let run = InPlace {
        conv: &conv,
        source,
        samples: conv.output_pixels(),
        filters,
        kernel: Kernel::active()?,
    };
    let pixel = match ending {
        Ending::Threshold(_) => row_words(conv.outputs()),
        _ => conv.outputs(),
    };
    let finish = Finish { ending, reals };
    Ok(run.groups(work, &mut |sample, first, sums| {
        let mut out = out.part(sample * pixel..(sample + 1) * pixel);
        finish.put(sums, first, &mut out);
    })?)
}
