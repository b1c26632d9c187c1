//! PyTorch's names of batch norms' parameters and layouts of convolutions, and ours.

use std::collections::BTreeSet;

use super::layout::{ohwi_to_oihw, oihw_to_ohwi};
use super::{CheckpointError, Weights};
use crate::real::Real;

/// The buffer by which a batch norm differs from other layers that have a `weight` and a `bias`.
const MARK: &str = "running_mean";
/// Ours and PyTorch's.
const NAMES: [(&str, &str); 2] = [("gamma", "weight"), ("beta", "bias")];
/// A counter that PyTorch's batch norms have and does not use in evaluation.
const COUNTER: &str = "num_batches_tracked";

impl<T: Real> Weights<T> {
    /// Replaces PyTorch's conventions by this crate's: wherever there is a `NAME.running_mean`,
    /// `NAME.weight` becomes `NAME.gamma` and `NAME.bias` becomes `NAME.beta`;
    /// `NAME.num_batches_tracked` is left out; and tensors of four dimensions, which are the
    /// filters of convolutions, are laid out `[outputs, height, width, inputs]`.
    ///
    /// The weights of a linear layer after a flattening are for channels first there and for
    /// channels last here; change their columns yourself.
    ///
    /// # Errors
    /// [`CheckpointError::Duplicate`] where both names are there.
    pub fn convert_from_pytorch(self) -> Result<Self, CheckpointError> {
        let renamed =
            self.batch_norms_renamed(|ours, theirs, last| (last == theirs).then_some(ours));
        let mut weights = renamed?;
        weights.tensors.values_mut().for_each(oihw_to_ohwi);
        Ok(weights)
    }

    /// Replaces this crate's conventions by PyTorch's, for `load_state_dict`: the opposite of
    /// [`Weights::convert_from_pytorch`].
    ///
    /// # Errors
    /// [`CheckpointError::Duplicate`] where both names are there.
    pub fn convert_to_pytorch(self) -> Result<Self, CheckpointError> {
        let renamed =
            self.batch_norms_renamed(|ours, theirs, last| (last == ours).then_some(theirs));
        let mut weights = renamed?;
        weights.tensors.values_mut().for_each(ohwi_to_oihw);
        Ok(weights)
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
