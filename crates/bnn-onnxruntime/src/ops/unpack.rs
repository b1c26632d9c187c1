//! `UnpackSigns`: bits to -1 and +1.

use std::ffi::CStr;

use bnn_core::{BitMatrixView, unpack};

use super::window::channels;
use super::{Input, NodeInfo, Operator, Output, first};
use crate::schema::op;
use crate::tensor::{Element, Refusal, Tensor};

/// `[.., words]` to floats `[.., channels]`.
#[derive(Debug)]
pub(crate) struct Unpack {
    channels: usize,
}

impl Operator for Unpack {
    const NAME: &'static CStr = op::UNPACK;
    const INPUTS: &'static [Input] = &[Input::of(Element::U64)];
    const OUTPUT: Element = Element::F32;

    fn new(node: &impl NodeInfo) -> Result<Self, Refusal> {
        let channels = channels(node)?;
        Ok(Self { channels })
    }

    fn run<'a>(
        &self,
        inputs: &[Option<Tensor<'a>>],
        output: impl Output<'a> + Send,
    ) -> Result<(), Refusal> {
        let x = first(inputs)?;
        let words = x.words(self.channels)?;
        let y = output.floats(&x.with_last(self.channels))?;
        if y.is_empty() {
            return Ok(());
        }
        let bits = BitMatrixView::new(words, x.rows(), self.channels)?;
        unpack(bits, y, self.channels)?;
        Ok(())
    }
}
