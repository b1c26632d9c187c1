//! A chain in two parts: the layers that give features, and the last one, which gives scores.

use super::format::{Record, input, kind};
use super::layer::OutputType;
use super::reader::Model;
use crate::bits::BitMatrixView;

impl<'a> Model<'a> {
    /// The model without its last layer: it gives out the bits that the last layer multiplies, and
    /// runs from the same bytes in the same scratch memory. In constants too, so that its
    /// [`sizes`](Model::sizes) are known when compiling. `None` where the last layer is not a dense
    /// one after others, and of graphs.
    #[must_use]
    pub const fn body(&self) -> Option<Model<'a>> {
        let (false, [before @ .., last]) = (self.is_graph(), self.records) else {
            return None;
        };
        let last = Record::decode(last);
        // The input of the first layer is the model's own.
        if before.is_empty() || last.kind != kind::DENSE || last.input != input::BITS {
            return None;
        }
        let mut body = *self;
        body.records = before;
        body.output_shape = last.input_shape();
        body.output_type = OutputType::Bits;
        Some(body)
    }

    /// The weights of a last layer whose sums are the scores, after others. `None`: there is no
    /// such layer.
    pub(crate) fn head(&self) -> Option<BitMatrixView<'a>> {
        self.body()?;
        let last = self.record(self.records.len().checked_sub(1)?)?;
        match last.output_type() {
            OutputType::I32 => Some(self.layer_weights(&last, last.inputs as usize).weights),
            _ => None,
        }
    }
}
