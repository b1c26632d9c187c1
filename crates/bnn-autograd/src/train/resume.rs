//! Checkpoints of a run, and going on from them.

use std::collections::BTreeMap;
use std::path::Path;

use super::stats::{read_history, write_history};
use super::{TrainError, Trainer};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::nn::Module;

const SETTING: &str = "setting.";
const EPOCHS: &str = "epochs";
const HISTORY: &str = "history";
const EPOCHS_DONE: &str = "epochs done";
const STEPS: &str = "steps";

impl<M: Module> Trainer<M> {
    /// Writes a checkpoint: network, optimizer, history, configuration, and further `settings`,
    /// `(name, value)` each, that must be the same for a run to go on from it. What identifies data
    /// is what it consists of (a checksum, say), not its path.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`]; what was at `path` before is then still there.
    pub fn save(&self, path: &Path, settings: &[(&str, String)]) -> Result<(), TrainError> {
        let own = self.settings();
        let all = own.iter().chain(settings);
        let mut metadata: BTreeMap<String, String> = all
            .map(|(name, value)| (format!("{SETTING}{name}"), value.clone()))
            .collect();
        metadata.insert(HISTORY.to_owned(), write_history(&self.history));
        // Told twice, so that a history and an optimizer that do not belong together are noticed.
        metadata.insert(EPOCHS_DONE.to_owned(), self.history.len().to_string());
        metadata.insert(STEPS.to_owned(), self.optimizer.state.steps.to_string());
        Checkpoint::capture(&self.model, Some(&self.optimizer), metadata)?.save(path)?;
        Ok(())
    }

    /// Goes on from a checkpoint that [`Trainer::save`] wrote; on an error the trainer is as
    /// before.
    ///
    /// With the same configuration the run ends as one that was never interrupted, bit for bit. The
    /// number of epochs may be larger than that of the checkpoint's run: the schedule is then that
    /// of the larger number from the next epoch on, so that the learning rate rises again, and the
    /// run ends otherwise than one that had the larger number from its beginning. All other
    /// settings must be the same. A setting that the checkpoint does not mention is not compared.
    ///
    /// # Errors
    /// [`TrainError::Setting`] names the first setting that differs; [`TrainError::Checkpoint`].
    pub fn resume(&mut self, path: &Path, settings: &[(&str, String)]) -> Result<(), TrainError> {
        let checkpoint: Checkpoint = Checkpoint::load(path)?;
        let noted = &checkpoint.metadata;
        // The caller's first: the trainer's own may follow from them, as a temperature does.
        for (name, expected) in settings.iter().chain(&self.settings()) {
            let Some(found) = noted.get(&format!("{SETTING}{name}")) else {
                continue;
            };
            let number = |text: &str| text.parse::<u64>().ok();
            let grows =
                *name == EPOCHS && number(found).is_some() && number(found) <= number(expected);
            if found != expected && !grows {
                return Err(other(name, expected, found));
            }
        }
        let note = |name| noted.get(name).map_or("", String::as_str);
        let history = read_history(note(HISTORY))
            .ok_or_else(|| other(HISTORY, "a loss and two shares per epoch", note(HISTORY)))?;
        let steps = checkpoint.optimizer_steps;
        let steps = steps.ok_or(CheckpointError::NoOptimizer)?;
        let counts = [(EPOCHS_DONE, history.len() as u64), (STEPS, steps)];
        for (name, count) in counts {
            if note(name) != count.to_string() {
                return Err(other(name, &count.to_string(), note(name)));
            }
        }
        checkpoint.restore(&mut self.model, Some(&mut self.optimizer))?;
        self.history = history;
        Ok(())
    }

    /// The settings that a resumed run must have in common with the one before: all but the number
    /// of epochs.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let config = &self.config;
        vec![
            (EPOCHS, config.epochs.to_string()),
            ("batch", config.batch.to_string()),
            ("lr", config.learning_rate.to_string()),
            ("warmup", config.warmup.to_string()),
            ("label smoothing", config.label_smoothing.to_string()),
            ("augment", format!("{:?}", config.augment)),
            ("seed", config.seed.to_string()),
            ("temperature", config.temperature.to_string()),
            (
                "teaching",
                match &self.teacher {
                    None => "none".to_owned(),
                    Some(teacher) => format!("{:?}", teacher.teaching),
                },
            ),
        ]
    }
}

fn other(name: &str, expected: &str, found: &str) -> TrainError {
    TrainError::Setting {
        name: name.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}
