//! The files that a run writes.

use crate::outputs::Output;

/// The files that a run writes.
pub(super) struct RunFiles {
    pub(super) model: Output,
    pub(super) report: Output,
    pub(super) checkpoint: Output,
    /// The weights of the best epoch, if they are kept.
    pub(super) best: Option<Output>,
}
