//! One row of a convolution's or a pool's output.

use super::format::{Record, kind};
use super::layer::Epilogue;
use super::patch::Line;
use super::reader::Model;
use super::runner::{Finish, Input, Output, Way};
use super::spatial::{conv_of, pool_of};
use crate::shape::row_words;

/// Computes row `oy` of a layer's output from the rows of its input under the windows.
pub(super) fn compute_row(
    model: &Model<'_>,
    record: &Record,
    oy: usize,
    pixels: Input<'_>,
    mut out: Output<'_>,
    way: Way,
    work: &mut [u64],
) {
    if record.kind == kind::MAX_POOL2D {
        if let (Input::Bits(pixels), Output::Bits(out)) = (pixels, &mut out) {
            pool_of(record).line(oy).max_of_image(pixels, out);
        }
        return;
    }
    let conv = conv_of(record).line(oy);
    let product = model.product(record, conv.patch_len());
    let pixel = match product.epilogue {
        Epilogue::Threshold(_) => row_words(conv.outputs()),
        _ => conv.outputs(),
    };
    let (epilogue, reals) = (product.epilogue, way.reals);
    let finish = Finish { epilogue, reals };
    let line = Line {
        conv: &conv,
        product: &product,
        pixels,
    };
    line.compute(work, way.kernel, &mut |sample, first, sums| {
        let mut out = out.part(sample * pixel..(sample + 1) * pixel);
        finish.put(sums, first, &mut out);
    });
}
