//! What a person sees during training: a bar on a terminal, some lines elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use bnn_autograd::train::{BatchStats, EpochStats};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::out::note;

pub(super) struct Progress {
    bar: ProgressBar,
    epochs: u64,
    /// What the epoch before gave on the test images.
    test: String,
    held_out: &'static str,
    to_terminal: bool,
}

impl Progress {
    /// `history` holds the epochs that a resumed run has completed.
    /// `held_out` is what the samples that each epoch is judged by are called.
    pub(super) fn new(epochs: u64, history: &[EpochStats], held_out: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        let style = "{bar:30.cyan/dim} {msg}  {elapsed}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self {
            bar,
            epochs,
            test: history
                .last()
                .map_or_else(String::new, |stats| judged(held_out, stats)),
            held_out,
            to_terminal: std::io::stderr().is_terminal(),
        }
    }

    pub(super) fn batch(&self, epoch: u64, batch: &BatchStats) {
        let (done, of) = (batch.done as u64, batch.of as u64);
        if self.bar.length().is_none() {
            // The time left is told by the batches of this run, not by those before a resume.
            self.bar.set_length(self.epochs * of);
            self.bar.set_position((epoch - 1) * of);
            self.bar.reset_eta();
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
        self.bar.set_position((epoch - 1) * of + done);
        self.bar.set_message(format!(
            "epoch {epoch}/{}  {}{}",
            self.epochs,
            train(batch.loss, batch.accuracy),
            self.test
        ));
    }

    pub(super) fn epoch(&mut self, epoch: u64, stats: &EpochStats) {
        self.test = judged(self.held_out, stats);
        // In a log file, some ten lines.
        let step = self.epochs.div_ceil(10);
        if !self.to_terminal && (epoch.is_multiple_of(step) || epoch == self.epochs) {
            let train = train(stats.loss, stats.train_accuracy);
            note(format_args!(
                "epoch {epoch}/{}  {train}{}",
                self.epochs, self.test
            ));
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn train(loss: f64, accuracy: f64) -> String {
    format!("loss {loss:.4}  train {:.2} %", 100.0 * accuracy)
}

fn judged(held_out: &str, stats: &EpochStats) -> String {
    format!("  {held_out} {:.2} %", 100.0 * stats.test_accuracy)
}
