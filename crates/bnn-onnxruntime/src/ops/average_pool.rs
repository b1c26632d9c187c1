//! `OrderedAveragePool`: means whose sums are in a stated order.

use std::ffi::CStr;

use bnn_core::internal::{Loop, axes, vectorised};
use rayon::prelude::*;

use super::window::Window;
use super::{Input, NodeInfo, Operator, Output, first};
use crate::schema::op;
use crate::tensor::{Data, Element, Refusal, Tensor, refused};

/// Images of floats to images of means: the pixels under a window and on the image are summed, row
/// after row and from left to right, and divided by their number.
#[derive(Debug)]
pub(crate) struct AveragePool {
    window: Window,
}

impl Operator for AveragePool {
    const NAME: &'static CStr = op::AVERAGE_POOL;
    const INPUTS: &'static [Input] = &[Input::of(Element::F32)];
    const OUTPUT: Element = Element::F32;

    fn new(node: &impl NodeInfo) -> Result<Self, Refusal> {
        let window = Window::of(node, false)?;
        Ok(Self { window })
    }

    fn run<'a>(
        &self,
        inputs: &[Option<Tensor<'a>>],
        output: impl Output<'a> + Send,
    ) -> Result<(), Refusal> {
        let x = first(inputs)?;
        let [batch, height, width, channels] = x.image()?;
        let Data::F32(pixels) = x.data else {
            return refused("the input X: expected float32, found another type");
        };
        x.check_channels(self.window.channels)?;
        let pool = self.window.pool([height, width], channels)?;
        let [rows, columns] = pool.windows().output_size();
        let y = output.floats(&[batch, rows, columns, channels])?;
        let image = (height * width * channels).max(1);
        let [down, across] = axes(pool.windows());
        let outputs = y.par_chunks_mut((columns * channels).max(1)).enumerate();
        outputs.for_each(|(row, y)| {
            let start = row / rows * image;
            let pixels = pixels.get(start..start + image).unwrap_or_default();
            for (ox, y) in y.chunks_exact_mut(channels).enumerate() {
                y.fill(0.0);
                let mut count = 0;
                for ky in down.inside(row % rows) {
                    for kx in across.inside(ox) {
                        let at = down.pixel(row % rows, ky) * width + across.pixel(ox, kx);
                        let x = pixels.get(at * channels..(at + 1) * channels);
                        vectorised(Accumulate(y, x.unwrap_or_default()));
                        count += 1;
                    }
                }
                y.iter_mut().for_each(|y| *y /= count as f32);
            }
        });
        Ok(())
    }
}

/// Adds one row to another.
struct Accumulate<'r>(&'r mut [f32], &'r [f32]);

impl Loop for Accumulate<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.0.iter_mut().zip(self.1).for_each(|(y, x)| *y += x);
    }
}
