//! The results of an epoch, for people and in a checkpoint.

use std::fmt;

/// The results of an epoch, displayed as one line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochStats {
    /// Mean loss over the epoch's batches.
    pub loss: f64,
    /// Share of training samples that were classified right when their batch came.
    pub train_accuracy: f64,
    /// Share of test samples classified right after the epoch.
    pub test_accuracy: f64,
}

impl fmt::Display for EpochStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (train, test) = (100.0 * self.train_accuracy, 100.0 * self.test_accuracy);
        let loss = self.loss;
        write!(f, "loss {loss:.4}, train {train:.2} %, test {test:.2} %")
    }
}

/// The report of [`Trainer::epoch_watched`](super::Trainer::epoch_watched) after each batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchStats {
    /// Batches done in this epoch.
    pub done: usize,
    /// Batches in an epoch.
    pub of: usize,
    /// Mean loss over the batches done.
    pub loss: f64,
    /// Accuracy over the batches done.
    pub accuracy: f64,
}

/// A line per epoch. `Display` of an `f64` reads back as the same number.
pub(super) fn write_history(history: &[EpochStats]) -> String {
    let line = |e: &EpochStats| format!("{} {} {}\n", e.loss, e.train_accuracy, e.test_accuracy);
    history.iter().map(line).collect()
}

/// The epochs of a history; `None` for a text that is none, such as one with an accuracy above 1.
pub(super) fn read_history(text: &str) -> Option<Vec<EpochStats>> {
    let epoch = |line: &str| {
        let numbers: Option<Vec<f64>> = line.split(' ').map(|n| n.parse().ok()).collect();
        let [loss, train_accuracy, test_accuracy] = numbers?.try_into().ok()?;
        let accuracies = [train_accuracy, test_accuracy];
        let possible = loss.is_finite() && accuracies.iter().all(|a| (0.0..=1.0).contains(a));
        possible.then_some(EpochStats {
            loss,
            train_accuracy,
            test_accuracy,
        })
    };
    text.lines().map(epoch).collect()
}
