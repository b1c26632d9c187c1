//! Trained models: a flat little-endian file that is checked once and then read in place, from
//! memory, a mapped file or flash. The format is documented in `docs/MODEL_FORMAT.md`.
//!
//! [`Model::open`] checks all of a file, whatever its bytes; [`Model::run`] then computes in
//! scratch memory that the caller gives, of a size the file tells: no allocation, no panic. Where
//! there is an allocator, `PackedModel` first lays the weights out for this CPU, which is faster
//! for many samples, and `ModelWriter` writes files.
//!
//! ```
//! use bnn_core::BitMatrix;
//! use bnn_core::model::{AlignedBytes, Epilogue, Input, InputType, Model, ModelWriter, Output};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Two inputs of 4 bits, two hidden neurons that fire at sums of at least 3 and 0, one score.
//! let hidden = BitMatrix::pack(&[1_i8, -1, -1, 1], 2, 2)?;
//! let score = BitMatrix::pack(&[1_i8, 1], 1, 2)?;
//! let mut writer = ModelWriter::new(InputType::Unsigned { depth: 4 });
//! writer.dense(hidden.view(), Epilogue::Threshold([3_i32, 0].as_slice().into()))?;
//! writer.dense(score.view(), Epilogue::Sums)?;
//! let file = AlignedBytes::from(writer.finish()?.as_slice());
//!
//! let model = Model::open(&file)?;
//! let mut scratch = vec![0; model.scratch_words(1)?];
//! let mut scores = [0];
//! model.run(1, Input::Bytes(&[7, 2]), Output::I32(&mut scores), &mut scratch)?;
//! assert_eq!(scores, [0]); // the first neuron fires (5 >= 3), the second does not (-5 < 0)
//! # Ok(())
//! # }
//! ```

mod arguments;
#[cfg(feature = "learn")]
mod body;
mod bytes;
mod check;
mod checked;
mod container;
pub(crate) mod crc;
mod error;
mod fault;
mod format;
#[cfg(feature = "conv")]
mod gather;
#[cfg(feature = "graph")]
pub mod graph;
mod io;
mod layer;
#[cfg(feature = "conv")]
mod moved;
#[cfg(not(feature = "graph"))]
mod no_graph;
#[cfg(feature = "alloc")]
mod owned_bytes;
#[cfg(feature = "alloc")]
mod packed;
#[cfg(feature = "alloc")]
mod packed_layer;
#[cfg(feature = "alloc")]
mod packed_memory;
#[cfg(feature = "conv")]
mod patch;
#[cfg(feature = "conv")]
mod patch_row;
mod plan;
mod reader;
#[cfg(feature = "conv")]
mod row;
#[cfg(feature = "conv")]
mod rows;
mod runner;
mod sizes;
#[cfg_attr(not(feature = "conv"), path = "no_spatial.rs")]
mod spatial;
#[cfg(feature = "conv")]
mod stream;
#[cfg(feature = "alloc")]
mod workspaces;
#[cfg(feature = "alloc")]
mod writer;

pub use bytes::Aligned;
pub use error::ModelError;
pub use io::{Input, Output};
pub use layer::{Epilogue, InputType, Layer, LayerKind, OutputType};
pub use reader::Model;
pub use sizes::Sizes;
#[cfg(feature = "conv")]
pub use stream::{Stream, StreamState};
#[cfg(feature = "alloc")]
pub use {
    owned_bytes::AlignedBytes, packed::PackedModel, packed_memory::PackedMemory,
    writer::ModelWriter,
};

/// The index of the largest score, the first one among equals: the predicted class. NaN never wins
/// over a number. `None` where there are no scores.
#[must_use]
pub fn argmax<T: Copy + PartialOrd>(scores: &[T]) -> Option<usize> {
    let mut best: Option<(usize, T)> = None;
    for (i, &score) in scores.iter().enumerate() {
        // `score == score` is false for NaN only.
        #[expect(
            clippy::eq_op,
            reason = "the test for NaN that every PartialOrd type has"
        )]
        let is_number = score == score;
        if is_number && best.is_none_or(|(_, most)| score > most) {
            best = Some((i, score));
        }
    }
    best.map(|(i, _)| i)
        .or(if scores.is_empty() { None } else { Some(0) })
}

#[cfg(all(test, feature = "alloc"))]
mod laws;
