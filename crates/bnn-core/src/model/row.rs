//! One row of a convolution's or a pool's output.

use super::format::{Record, kind};
use super::io::{Input, Output, RunConfig, SumsWriter};
use super::layer::Epilogue;
use super::patch_row::PatchRow;
use super::reader::Model;
use super::spatial::{conv_of, pool_of};
use crate::shape::row_words;
use crate::window::Windows;

/// Computes a row of a layer's output from the rows of its input under the windows.
#[inline(never)]
pub(super) fn compute_row(
    model: &Model<'_>,
    record: &Record,
    windows: Windows,
    pixels: Input<'_>,
    mut out: Output<'_>,
    config: RunConfig,
    work: &mut [u64],
) {
    if record.kind == kind::MAX_POOL2D {
        if let (Input::Bits(pixels), Output::Bits(out)) = (pixels, &mut out) {
            pool_of(record, windows).max_of_image(pixels, out);
        }
        return;
    }
    let conv = conv_of(record, windows);
    let layer = model.layer_weights(record, conv.patch_len());
    let pixel = match layer.epilogue {
        Epilogue::Threshold(_) => row_words(conv.outputs()),
        _ => conv.outputs(),
    };
    let (epilogue, reals) = (layer.epilogue, config.reals);
    let writer = SumsWriter { epilogue, reals };
    let row = PatchRow {
        conv: &conv,
        layer: &layer,
        pixels,
    };
    row.compute(work, config.kernel, &mut |sample, first, sums| {
        let mut out = out.part(sample * pixel..(sample + 1) * pixel);
        writer.put(sums, first, &mut out);
    });
}
