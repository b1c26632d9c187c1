//! One row of a convolution's or a pool's output.

use super::error::ModelError;
use super::layer::{Ending, InputType, Layer};
use super::runner::{Input, OUTPUT_TYPE, Output};
use crate::bits::BitMatrixView;
use crate::conv::{Conv2d, InPlace, Source};
use crate::gemm::driver::Strided;
use crate::gemm::epilogue::{Affine, Epilogue, Sums, Threshold};
use crate::kernel::Kernel;
use crate::shape::row_words;

/// Computes row `oy` of a layer's output from the rows of its input under the windows.
pub(super) fn compute_row(
    layer: &Layer<'_>,
    oy: usize,
    pixels: Input<'_>,
    out: Output<'_>,
    work: &mut [u64],
) -> Result<(), ModelError> {
    match (layer, out) {
        (Layer::MaxPool2d(pool), Output::Bits(out)) => {
            if let Input::Bits(pixels) = pixels {
                pool.line(oy).1.max_of_image(pixels, out);
            }
            Ok(())
        }
        (
            &Layer::Conv2d {
                input,
                conv,
                filters,
                ending,
            },
            out,
        ) => {
            let (rows, conv) = conv.line(oy);
            let pixels = match (pixels, input) {
                (Input::Bits(x), _) => {
                    let [_, width] = conv.input_size();
                    Source::Bits(BitMatrixView::trusted(
                        x,
                        rows.len() * width,
                        conv.channels(),
                    ))
                }
                (Input::Bytes(x), InputType::Unsigned { depth }) => Source::Bytes {
                    x,
                    depth: depth.into(),
                },
                _ => return Ok(()),
            };
            let line = Line {
                conv: &conv,
                pixels,
                filters,
                work,
            };
            match (ending, out) {
                (Ending::Sums, Output::I32(out)) => line.compute(&Sums, out, conv.outputs()),
                (Ending::Affine { scale, bias }, Output::F32(out)) => {
                    line.compute(&Affine { scale, bias }, out, conv.outputs())
                }
                (Ending::Threshold(t), Output::Bits(out)) => {
                    line.compute(&Threshold(t), out, row_words(conv.outputs()))
                }
                _ => Err(OUTPUT_TYPE), // `check_run` has refused it before
            }
        }
        _ => Err(OUTPUT_TYPE), // likewise
    }
}

/// A convolution to a row of pixels.
struct Line<'r> {
    conv: &'r Conv2d,
    pixels: Source<'r>,
    filters: BitMatrixView<'r>,
    work: &'r mut [u64],
}

impl Line<'_> {
    fn compute<E: Epilogue>(
        self,
        ending: &E,
        out: &mut [E::Elem],
        stride: usize,
    ) -> Result<(), ModelError> {
        let run = InPlace {
            conv: self.conv,
            source: self.pixels,
            samples: self.conv.output_pixels(),
            filters: self.filters,
            kernel: Kernel::active()?,
        };
        Ok(run.compute(self.work, ending, Strided { c: out, stride })?)
    }
}
