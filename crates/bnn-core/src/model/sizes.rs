//! The memory that a run of a model takes.

use super::reader::Model;

/// The sizes of a run of one sample; of an embedded model they are known when compiling (see
/// [`include_model!`](crate::include_model)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sizes {
    /// Elements of the input, as [`Model::input`] tells.
    pub inputs: usize,
    /// Numbers of an [`Input`](super::Input): bytes of integers; words of bits, of which every
    /// pixel starts on a word.
    pub input_len: usize,
    /// Outputs, as [`Model::output`] tells.
    pub outputs: usize,
    /// Numbers of an [`Output`](super::Output); of bits, words, of which every pixel starts on a
    /// word.
    pub output_len: usize,
    /// Words of scratch memory, as [`Model::scratch_words`] tells of one sample.
    pub scratch_words: usize,
    /// Words of memory of a `Stream`, as `Stream::words` tells of a model that has one.
    pub stream_words: usize,
    /// Whether the window of a `Stream` slides over rows without an end.
    pub stream_slides: bool,
    /// Rows of the input from one result of a `Stream` to the next: all vertical strides
    /// multiplied where its window slides, else the rows of a whole window.
    pub stream_step: usize,
}

impl Model<'_> {
    /// The sizes of a run of one sample.
    ///
    /// ```
    /// use bnn_core::BitMatrixView;
    /// use bnn_core::model::{AlignedBytes, Epilogue, InputType, Model, ModelWriter};
    ///
    /// # fn main() -> Result<(), bnn_core::model::ModelError> {
    /// let mut writer = ModelWriter::new(InputType::Unsigned { depth: 8 });
    /// writer.dense(BitMatrixView::new(&[5, 2, 7], 3, 3)?, Epilogue::Sums)?;
    /// let file = AlignedBytes::from(writer.finish()?.as_slice());
    /// let sizes = Model::open(&file)?.sizes();
    /// assert_eq!((sizes.inputs, sizes.outputs), (3, 3));
    /// assert_eq!(sizes.scratch_words, 9); // a row of zeros and eight bit planes
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn sizes(&self) -> Sizes {
        Sizes {
            inputs: self.input().0,
            input_len: self.input_len(),
            outputs: self.output().0,
            output_len: self.output_len(),
            scratch_words: self.scratch_words_per_sample,
            stream_words: self
                .scratch_words_per_sample
                .saturating_add(self.first_rows()),
            stream_slides: self.step().is_some(),
            stream_step: match self.step() {
                Some(step) => step,
                None => self.input_shape.sizes()[0],
            },
        }
    }
}
