//! The memory that a packed model takes.

use super::graph::packed::PackedGraph;
use super::packed::PackedModel;
use super::packed_layer::PackedLayer;

/// Bytes that a [`PackedModel`] takes beside its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedMemory {
    /// The weights in the layout of the kernel in use, with limits and the tables of borders made
    /// of thresholds and filters: there as long as the model.
    pub weights: usize,
    /// What lies between the layers in a run, for each thread that takes part in it; kept for the
    /// next run. Products take some more while they run, at most about 5 MiB for each thread.
    pub workspace: usize,
}

impl PackedModel<'_> {
    /// The bytes that the model takes, and a run of `samples` samples.
    ///
    /// ```
    /// use bnn_core::BitMatrix;
    /// use bnn_core::model::{AlignedBytes, Epilogue, InputType, Model, ModelWriter, PackedModel};
    ///
    /// # fn main() -> Result<(), bnn_core::model::ModelError> {
    /// let weights = BitMatrix::pack(&[1_i8; 32 * 64], 32, 64)?;
    /// let mut writer = ModelWriter::new(InputType::Bits);
    /// writer.dense(weights.view(), Epilogue::Threshold([0_i32; 32].as_slice().into()))?;
    /// writer.dense(BitMatrix::pack(&[1_i8; 32], 1, 32)?.view(), Epilogue::Sums)?;
    /// let file = AlignedBytes::from(writer.finish()?.as_slice());
    /// let memory = PackedModel::new(Model::open(&file)?)?.memory(10);
    /// // A word for each sample, written by one layer and read by the next.
    /// assert_eq!(memory.workspace, 2 * 10 * 8);
    /// assert!(memory.weights >= 2 * 32 * 8); // outputs are rounded up to 32
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn memory(&self, samples: usize) -> PackedMemory {
        let words = self.workspace_words(samples.min(self.block));
        let layers: usize = self.layers.iter().map(PackedLayer::bytes).sum();
        PackedMemory {
            weights: self.graph.as_ref().map_or(layers, PackedGraph::bytes),
            // A block whose words are too many to count is refused by the run.
            workspace: words.unwrap_or(usize::MAX).saturating_mul(size_of::<u64>()),
        }
    }
}
