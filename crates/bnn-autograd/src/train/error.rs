//! Why training stops.

use crate::checkpoint::CheckpointError;
use crate::data::DataError;
use crate::error::Error;

/// Why training, or resuming it, stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A configuration that cannot be trained with, or an operation that failed.
    #[error(transparent)]
    Network(#[from] Error),
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Fewer training samples than a batch has.
    #[error(
        "the batch size is {batch}, expected at most the number of training samples, {samples}"
    )]
    FewSamples {
        /// The batch size.
        batch: usize,
        /// How many training samples there are.
        samples: usize,
    },
    /// A step would take more memory than there is.
    #[error(
        "a step of {batch} samples takes some {bytes} bytes of memory, more than there is; try a smaller batch or network"
    )]
    Memory {
        /// The batch size.
        batch: usize,
        /// The bytes that it takes, roughly.
        bytes: usize,
    },
    /// The loss is no longer a number.
    #[error(
        "the loss is {loss} in epoch {epoch}: training has diverged, try a smaller learning rate"
    )]
    Diverged {
        /// Epoch, counted from 1.
        epoch: u64,
        /// The loss.
        loss: f64,
    },
    /// A checkpoint could not be written, read, or does not fit this network.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint was written by a run with another setting.
    #[error("the checkpoint was written with {name} = {found}, expected {expected}")]
    Setting {
        /// The setting's name.
        name: String,
        /// The value in this run.
        expected: String,
        /// The value in the checkpoint.
        found: String,
    },
}
