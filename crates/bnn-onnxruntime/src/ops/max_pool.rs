//! `MaxPoolBits`: +1 where a window has one.

use std::ffi::CStr;

use bnn_core::conv::max_pool2d;
use bnn_core::{BitMatrixView, BitMatrixViewMut};

use super::window::Window;
use super::{Input, NodeInfo, Operator, Output, first};
use crate::schema::op;
use crate::tensor::{Element, Refusal, Tensor};

/// Images of bits to images of bits.
#[derive(Debug)]
pub(crate) struct MaxPool {
    window: Window,
}

impl Operator for MaxPool {
    const NAME: &'static CStr = op::MAX_POOL;
    const INPUTS: &'static [Input] = &[Input::of(Element::U64)];
    const OUTPUT: Element = Element::U64;

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
        let channels = self.window.channels;
        let [batch, height, width, words] = x.image()?;
        let bits = x.words(channels)?;
        let pool = self.window.pool([height, width], channels)?;
        let [height, width] = pool.windows().output_size();
        let y = output.words(&[batch, height, width, words])?;
        if y.is_empty() {
            return Ok(());
        }
        let images = BitMatrixView::new(bits, x.rows(), channels)?;
        let mut y = BitMatrixViewMut::cleared(y, batch * height * width, channels)?;
        max_pool2d(images, &pool, &mut y)?;
        Ok(())
    }
}
