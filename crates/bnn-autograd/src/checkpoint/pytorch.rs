//! PyTorch's names of batch norms' parameters, and ours.

use std::collections::BTreeSet;

use super::{CheckpointError, Weights};
use crate::real::Real;

/// The buffer by which a batch norm differs from other layers that have a `weight` and a `bias`.
const MARK: &str = "running_mean";
/// Ours and PyTorch's.
const NAMES: [(&str, &str); 2] = [("gamma", "weight"), ("beta", "bias")];
/// A counter that PyTorch's batch norms have and does not use in evaluation.
const COUNTER: &str = "num_batches_tracked";

impl<T: Real> Weights<T> {
    /// Replaces PyTorch's names by this crate's: wherever there is a `NAME.running_mean`, `NAME.weight`
    /// becomes `NAME.gamma` and `NAME.bias` becomes `NAME.beta`; `NAME.num_batches_tracked` is left out.
    ///
    /// # Errors
    /// [`CheckpointError::Duplicate`] where both names are there.
    pub fn rename_from_pytorch(self) -> Result<Self, CheckpointError> {
        self.batch_norms_renamed(|ours, theirs, last| (last == theirs).then_some(ours))
    }

    /// Replaces this crate's names by PyTorch's, for `load_state_dict`: the opposite of
    /// [`Weights::rename_from_pytorch`].
    ///
    /// # Errors
    /// [`CheckpointError::Duplicate`] where both names are there.
    pub fn rename_to_pytorch(self) -> Result<Self, CheckpointError> {
        self.batch_norms_renamed(|ours, theirs, last| (last == ours).then_some(theirs))
    }

    fn batch_norms_renamed(
        self,
        rename: impl Fn(&'static str, &'static str, &str) -> Option<&'static str>,
    ) -> Result<Self, CheckpointError> {
        let norms = self.names().filter_map(|name| name.strip_suffix(MARK));
        let norms: BTreeSet<String> = norms.map(str::to_owned).collect();
        self.rename(|name| {
            let last = name.rsplit('.').next().unwrap_or(name);
            let layer = &name[..name.len() - last.len()];
            if !norms.contains(layer) {
                return Some(name.to_owned());
            }
            let mut names = NAMES.iter();
            match names.find_map(|&(ours, theirs)| rename(ours, theirs, last)) {
                Some(other) => Some(format!("{layer}{other}")),
                None if last == COUNTER => None,
                None => Some(name.to_owned()),
            }
        })
    }
}
