//! A chain in two parts: the layers that give features, and the last one, which gives scores.

use super::format::{RECORD_BYTES, Record, epilogue, input, kind};
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
        let Some((before, last)) = self.parts() else {
            return None;
        };
        let mut body = *self;
        body.records = before;
        body.output_shape = last.input_shape();
        body.output_type = OutputType::Bits;
        Some(body)
    }

    /// The weights of a last layer whose sums are the scores, after others. `None`: there is no
    /// such layer.
    pub(crate) fn head(&self) -> Option<BitMatrixView<'a>> {
        let (_, last) = self.parts()?;
        match last.epilogue {
            epilogue::SUMS => Some(self.layer_weights(&last, last.inputs as usize).weights),
            _ => None,
        }
    }

    /// The layers of a chain before the last one, and this, a dense one after them.
    const fn parts(&self) -> Option<(&'a [[u8; RECORD_BYTES]], Record)> {
        let (false, [before @ .., last]) = (self.is_graph(), self.records) else {
            return None;
        };
        let last = Record::decode(last);
        // The input of a first layer is the model's own.
        match !before.is_empty() && last.kind == kind::DENSE && last.input == input::BITS {
            true => Some((before, last)),
            false => None,
        }
    }
}
