//! Weight folders of BNN-PYNQ, as FINN's accelerators load them: their fully connected networks,
//! and the convolutional one for images of 32x32.
//!
//! The files hold weights and thresholds, and nothing of the network's shape. `layer` finds the
//! sizes of a layer, `network` puts layers together, `reference` is the definition.

mod layer;
mod network;
mod reference;

use crate::budget::Budget;
use crate::compare::noise;
use crate::{Comparison, Folder, ImportError, Imported, Options};

use network::FinnNetwork;

/// Makes a model file of a weight folder of BNN-PYNQ: files `L-P-weights.bin` and `L-P-thres.bin`
/// of layer `L` and processing element `P`, and `classes.txt` with the names of the classes.
///
/// A chain of fully connected layers takes bits of bytes, +1 from 128 on. Of convolutions there is
/// one network, CNV: six of 3x3 without padding, with pools after the second and the fourth, and
/// three fully connected layers; it takes images of 32x32x3 bytes. The last layer's sums are the
/// scores; it has as many as there are names of classes, the other neurons being padding.
///
/// # Errors
/// [`ImportError`].
pub fn finn(folder: &Folder, options: &Options) -> Result<Imported, ImportError> {
    let mut budget = Budget::new(options.limits);
    let layers = layer::read(folder, &mut budget)?;
    let network = FinnNetwork::new(layers, classes(folder))?;
    let file = network.write()?;
    let affordable = budget.operations() / (network.operations() as u64).max(1);
    let most = usize::try_from(affordable).unwrap_or(usize::MAX).min(8);
    let samples = options.limits.samples.min(most).max(1);
    let bytes = noise(samples * network.inputs(), false);
    budget.work(&[samples, network.operations()])?;
    reference::compare(&network, &file, &bytes)?;
    Ok(Imported {
        file,
        format: "BNN-PYNQ",
        comparison: Comparison::Exact { samples },
        read: Vec::new(),
        notes: network.notes(),
    })
}

/// The lines of `classes.txt`, none if there is no such file.
fn classes(folder: &Folder) -> Vec<String> {
    let file = folder.files.get("classes.txt");
    let text = String::from_utf8_lossy(file.map_or(&[], Vec::as_slice));
    let names = text
        .lines()
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned);
    names.collect()
}
