//! `--keep best`: the network of the epoch that the held-out samples judged best.

use std::collections::BTreeMap;

use bnn_autograd::checkpoint::Checkpoint;
use bnn_autograd::train::{EpochStats, TrainError, Trainer};

use super::network::Network;
use super::run_id::EPOCHS;
use super::settings::Settings;
use crate::args::Keep;
use crate::error::CliError;

const EPOCH: &str = "epoch";
/// The accuracy on the held-out samples.
const ACCURACY: &str = "accuracy";

/// The first of the best epochs, from 1.
fn best(history: &[EpochStats]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (i, stats) in history.iter().enumerate() {
        if best.is_none_or(|(_, accuracy)| stats.test_accuracy > accuracy) {
            best = Some((i + 1, stats.test_accuracy));
        }
    }
    best.map(|(epoch, _)| epoch)
}

/// Keeps the network after an epoch that is better than all before, if the best is asked for.
pub(super) fn note(trainer: &Trainer<Network>, settings: &Settings) -> Result<(), TrainError> {
    let done = trainer.history().len();
    if settings.keep != Keep::Best || best(trainer.history()) != Some(done) {
        return Ok(());
    }
    let noted = settings.noted().into_iter();
    let mut metadata: BTreeMap<String, String> = noted
        .map(|(name, value)| (format!("setting.{name}"), value))
        .collect();
    metadata.insert(EPOCH.to_owned(), done.to_string());
    let accuracy = trainer.history()[done - 1].test_accuracy;
    metadata.insert(ACCURACY.to_owned(), accuracy.to_string());
    Checkpoint::capture(&trainer.model, None, metadata)?.save(&settings.best)?;
    Ok(())
}

/// Gives the trainer the network of the best epoch, if it is asked for. Returns the epoch of the
/// network, from 1.
pub(super) fn restore(
    trainer: &mut Trainer<Network>,
    settings: &Settings,
) -> Result<usize, CliError> {
    let last = trainer.history().len();
    let best = best(trainer.history()).unwrap_or(last);
    if settings.keep == Keep::Last || best == last {
        return Ok(last);
    }
    let about = |error: CliError| error.about(settings.best.display());
    let kept = Checkpoint::<f32>::load(&settings.best);
    let kept = kept.map_err(|error| about(CliError::input(error)))?;
    // Settings too, so that the network of another run is not taken for this one's.
    let accuracy = trainer.history()[best - 1].test_accuracy;
    let noted = settings.noted().into_iter();
    let noted = noted.filter(|(name, _)| *name != EPOCHS);
    let noted = noted.map(|(name, value)| (format!("setting.{name}"), value));
    let own = [(EPOCH, best.to_string()), (ACCURACY, accuracy.to_string())];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    for (name, expected) in own.into_iter().chain(noted) {
        let found = kept.metadata.get(&name).map_or("none", String::as_str);
        if found != expected {
            let name = name.trim_start_matches("setting.");
            let wrong = format!(
                "it is not the network of this run's epoch {best}: its {name} is {found}, expected {expected}"
            );
            return Err(about(CliError::Input(wrong)));
        }
    }
    let restored = kept.restore(&mut trainer.model, None);
    restored.map_err(|error| about(CliError::input(error)))?;
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_epochs_the_first_is_the_best() {
        let history = |accuracies: &[f64]| -> Vec<EpochStats> {
            let stats = accuracies.iter().map(|&test_accuracy| EpochStats {
                loss: 1.0,
                train_accuracy: 0.5,
                test_accuracy,
            });
            stats.collect()
        };
        assert_eq!(best(&history(&[])), None);
        assert_eq!(best(&history(&[0.5])), Some(1));
        assert_eq!(best(&history(&[0.5, 0.7, 0.6, 0.7])), Some(2));
    }
}
