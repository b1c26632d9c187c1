//! Sinks of tiles as outputs of a product, and how they are cut for several threads.

use alloc::vec::Vec;

use super::output::{OutputRows, TileSink};

/// A sink of tiles that can be cut for several threads.
pub(crate) trait CutSink: TileSink + Send + Sized {
    /// Sinks for `each` samples, the last one for what is left.
    fn by_samples(self, each: usize) -> Vec<Self>;

    /// Sinks for `each` columns, whole words, the last one for what is left.
    fn by_columns(self, each: usize) -> Vec<Self>;
}

/// A sink as outputs, of the epilogue [`Tiles`](super::epilogue::Tiles).
pub(crate) struct SinkRows<'s, S>(pub(crate) &'s mut S);

impl<S: TileSink> OutputRows<()> for SinkRows<'_, S> {
    fn row(&mut self, _sample: usize) -> Option<&mut [()]> {
        None
    }

    fn sink(&mut self) -> Option<&mut dyn TileSink> {
        Some(self.0)
    }
}
