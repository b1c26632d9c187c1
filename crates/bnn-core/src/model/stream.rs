//! Models on series that come row by row, such as a sensor's.

#[cfg_attr(not(feature = "graph"), path = "stream/no_graph.rs")]
mod graph;

use super::arguments::{check_input, check_output};
use super::error::ModelError;
use super::io::{Input, Output, Reals, RunConfig, reals};
use super::reader::Model;
use super::rows::{Image, RowPipeline};
use crate::error::Error;
use crate::kernel::Kernel;
use crate::shape::{at_least, positive};

/// A model of convolutions and pools that takes its image row by row, and keeps only the rows that
/// it still needs: a series of sensor frames, whose time is the height of the image.
///
/// Where no convolution or pool is padded above or below, the window of
/// [`input_shape`](Model::input_shape)`[0]` rows slides over a series without an end: each result
/// is that of [`Model::run`] on a window of the rows that came, the first one on the first rows,
/// every further one on a window that begins as many rows later as all vertical strides multiplied,
/// [`Sizes::stream_step`](super::Sizes::stream_step). So does that of a graph, if branches that
/// rejoin have moved by the same number of rows (`docs/MODEL_FORMAT.md` has the rule). Otherwise
/// there is one result for each window's worth of rows; the windows do not overlap.
///
/// ```
/// use bnn_core::conv::{Conv2d, ConvOptions};
/// use bnn_core::model::{AlignedBytes, Epilogue, Input, InputType, Model, ModelWriter, Output, Stream};
/// use bnn_core::BitMatrix;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A series of one channel; how much the last of three samples rises above the first two.
/// let conv = Conv2d::new([3, 1, 1], 1, [3, 1], ConvOptions::default())?;
/// let rise = BitMatrix::pack(&[-1_i8, -1, 1], 1, 3)?;
/// let mut writer = ModelWriter::new(InputType::Unsigned { depth: 8 });
/// writer.conv2d(&conv, rise.view(), Epilogue::Sums)?;
/// let file = AlignedBytes::from(writer.finish()?.as_slice());
/// let model = Model::open(&file)?;
///
/// let mut memory = vec![0; Stream::words(&model)?];
/// let mut stream = Stream::new(model, &mut memory)?;
/// let mut rises = Vec::new();
/// for sample in [1, 2, 10, 3, 20] {
///     let mut rise = [0];
///     if stream.push(Input::Bytes(&[sample]), Output::I32(&mut rise))? {
///         rises.push(rise[0]);
///     }
/// }
/// assert_eq!(rises, [10 - 2 - 1, 3 - 10 - 2, 20 - 3 - 10]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Stream<'m> {
    model: Model<'m>,
    kernel: &'static Kernel,
    /// Scratch memory, followed by the rows of the first layer.
    memory: &'m mut [u64],
    state: StreamState,
}

/// The state of a stream besides its model and its memory; see [`Stream::resume`].
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamState {
    /// Whether the window slides; see [`Stream`].
    pub slides: bool,
    /// Rows of the window so far, of windows that do not slide; 0 of others.
    pub seen: usize,
    /// Whether the result of the window has been given, of windows that do not slide.
    pub done: bool,
}

impl<'m> Stream<'m> {
    /// Words of memory that a stream through this model needs: its scratch memory, and the rows of
    /// the input that a row of windows of the first layer lies on.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a model that does not begin with a convolution or a pool, or
    /// whose output has several rows.
    pub fn words(model: &Model<'_>) -> Result<usize, ModelError> {
        if model.spatial() == 0 && !model.is_graph() {
            return Err(unsupported(
                "a stream through dense layers alone, expected a convolution or a pool first",
            ));
        }
        if model.output_shape()[0] != 1 {
            return Err(unsupported(
                "a stream to an output of several rows, expected one row",
            ));
        }
        let words = model.scratch_words(1)?.checked_add(model.first_rows());
        Ok(words.ok_or(Error::Overflow {
            what: "words of memory of a stream",
        })?)
    }

    /// A stream before its first row. `memory` has at least [`Stream::words`] words, and is the
    /// stream's own as long as it lasts; what it holds before does not matter.
    ///
    /// # Errors
    /// Those of [`Stream::words`]; memory too short; as [`Kernel::active`].
    pub fn new(model: Model<'m>, memory: &'m mut [u64]) -> Result<Self, ModelError> {
        let state = StreamState {
            slides: model.step().is_some(),
            seen: 0,
            done: false,
        };
        let mut stream = Self::resume(model, memory, state)?;
        stream.reset();
        Ok(stream)
    }

    /// The stream that has left `state` ([`Stream::state`]) and what is in `memory`: for callers
    /// that cannot keep a borrow of the memory from one row to the next, as C, whose memory it is
    /// in between. Where `model`, `memory` or `state` are not what that stream left, results mean
    /// nothing.
    ///
    /// # Errors
    /// Those of [`Stream::new`].
    #[doc(hidden)]
    pub fn resume(
        model: Model<'m>,
        memory: &'m mut [u64],
        state: StreamState,
    ) -> Result<Self, ModelError> {
        let words = Self::words(&model)?;
        at_least("words of memory of a stream", words, memory.len())?;
        let kernel = Kernel::active()?;
        Ok(Self {
            model,
            kernel,
            memory,
            state,
        })
    }

    /// The state of the stream besides its model and its memory, for [`Stream::resume`].
    #[must_use]
    #[doc(hidden)]
    pub fn state(&self) -> StreamState {
        self.state
    }

    /// Takes a row, `[width, channels]` of [`input_shape`](Model::input_shape), and says whether
    /// that has completed a result, which is in `output` then; else `output` is as it was. A result
    /// is given as soon as the rows that it depends on are there.
    ///
    /// # Errors
    /// A row or an output of another type or length than the model's, an element out of range.
    /// Nothing has changed then.
    // Inlined for the sake of `Reals`.
    #[inline]
    pub fn push(&mut self, row: Input<'_>, output: Output<'_>) -> Result<bool, ModelError> {
        let reals = reals(&output);
        self.take(row, output, reals)
    }

    fn take(
        &mut self,
        row: Input<'_>,
        mut output: Output<'_>,
        reals: Reals,
    ) -> Result<bool, ModelError> {
        let [height, ..] = self.model.input_shape();
        check_input(&self.model, self.model.input_len() / positive(height), &row)?;
        check_output(&self.model, 1, &output)?;
        if !self.state.slides {
            if self.state.seen >= height {
                self.reset();
            }
            self.state.seen += 1;
            if self.state.done {
                return Ok(false);
            }
        }
        let kernel = self.kernel;
        if self.model.is_graph() {
            let done = self.push_to_graph(row, &mut output);
            self.state.done = done && !self.state.slides;
            return Ok(done);
        }
        let config = RunConfig { kernel, reals };
        let mut rows = self.rows(config);
        rows.push(row);
        if !rows.next(&mut output) {
            return Ok(false);
        }
        self.state.done = !self.state.slides;
        self.model.run_dense(None, &mut output, config, self.memory);
        Ok(true)
    }

    /// Drops all rows: the next one is the first of a window.
    pub fn reset(&mut self) {
        if self.model.is_graph() {
            self.clear_graph();
            self.state.seen = 0;
            self.state.done = false;
            return;
        }
        let (kernel, reals) = (self.kernel, None);
        self.rows(RunConfig { kernel, reals }).clear();
        self.state.seen = 0;
        self.state.done = false;
    }

    /// Whether the window slides; see [`Stream`].
    #[cfg(test)]
    pub(crate) fn slides(&self) -> bool {
        self.state.slides
    }

    fn rows(&mut self, config: RunConfig) -> RowPipeline<'_> {
        let scratch = self.model.scratch_words(1).unwrap_or_default();
        let (scratch, first) = self
            .memory
            .split_at_mut_checked(scratch)
            .unwrap_or_default();
        RowPipeline::new(&self.model, Image::Rows(first), config, scratch)
            .endless(self.state.slides)
    }
}

fn unsupported(what: &'static str) -> ModelError {
    Error::Unsupported { what }.into()
}
