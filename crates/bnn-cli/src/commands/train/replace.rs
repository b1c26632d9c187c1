//! Which existing files `bnn train` may replace: those of a run with the same settings. `--force`
//! replaces others too.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use bnn_autograd::checkpoint::Checkpoint;
use bnn_core::model::Model;

use super::settings::Settings;
use crate::error::CliError;
use crate::model_file::{self, meta};
use crate::outputs::Output;
use crate::report;

/// Identifies the settings of a run: a hash of all settings but the number of epochs, and that
/// number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunId {
    settings: String,
    epochs: u64,
}

impl RunId {
    pub(super) fn new(settings: &[(&'static str, String)], epochs: u64) -> Self {
        let mut hash = Fnv::default();
        for (name, value) in settings.iter().filter(|(name, _)| *name != EPOCHS) {
            hash.update(format!("{name}={value}\n").as_bytes());
        }
        Self {
            settings: hash.to_string(),
            epochs,
        }
    }

    /// The line with the hash in a model's meta text; the number of epochs has its own line.
    pub(super) fn meta_line(&self) -> String {
        format!("run={}\n", self.settings)
    }

    /// The form that a report contains.
    pub(super) fn text(&self) -> String {
        format!("{} {}", self.settings, self.epochs)
    }

    fn of_model(model: &Model<'_>) -> Option<Self> {
        Some(Self {
            settings: meta(model, "run")?.into_owned(),
            epochs: meta(model, EPOCHS)?.parse().ok()?,
        })
    }

    fn of_report(text: &str) -> Option<Self> {
        let (settings, epochs) = report::run_of(text)?.split_once(' ')?;
        Some(Self {
            settings: settings.to_owned(),
            epochs: epochs.parse().ok()?,
        })
    }
}

/// The setting that a resumed run may have larger.
pub(super) const EPOCHS: &str = "epochs";

/// FNV-1a of 64 bits. It tells settings and files apart; nobody gains anything by a collision.
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

impl fmt::Display for Fnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Refuses outputs that exist and come from a run with other settings.
pub(super) fn check(settings: &Settings, outputs: &Outputs, resume: bool) -> Result<(), CliError> {
    let this = settings.run();
    // A resumed run may have had fewer epochs before.
    let same = |found: Option<RunId>| {
        found.is_some_and(|found| {
            found.settings == this.settings
                && (found.epochs == this.epochs || resume && found.epochs < this.epochs)
        })
    };
    let fixed = [
        (&outputs.model, same(of_model(outputs.model.path()))),
        (&outputs.report, same(of_report(outputs.report.path()))),
        (
            &outputs.checkpoint,
            // A resumed run has already compared the settings in the checkpoint.
            resume || is_checkpoint_of(outputs.checkpoint.path(), settings),
        ),
    ];
    let best = outputs.best.iter().map(|output| {
        let path = output.path();
        (output, resume || is_checkpoint_of(path, settings))
    });
    for (output, is_same) in fixed.into_iter().chain(best) {
        if !is_same && fs::symlink_metadata(output.path()).is_ok() {
            return Err(CliError::Input(format!(
                "{} exists and was not written by a run with these settings; choose another output, or replace it with --force",
                output.path().display()
            )));
        }
    }
    Ok(())
}

/// The files that a run writes.
pub(super) struct Outputs {
    pub(super) model: Output,
    pub(super) report: Output,
    pub(super) checkpoint: Output,
    /// The weights of the best epoch, if they are kept.
    pub(super) best: Option<Output>,
}

fn of_model(path: &Path) -> Option<RunId> {
    let bytes = model_file::read(path).ok()?;
    RunId::of_model(&model_file::open(&bytes, path).ok()?)
}

fn of_report(path: &Path) -> Option<RunId> {
    let mut start = Vec::new();
    let file = File::open(path).ok()?;
    file.take(4096).read_to_end(&mut start).ok()?;
    RunId::of_report(&String::from_utf8_lossy(&start))
}

fn is_checkpoint_of(path: &Path, settings: &Settings) -> bool {
    let Ok(checkpoint) = Checkpoint::<f32>::load(path) else {
        return false;
    };
    let found = &checkpoint.metadata;
    let mut noted = settings.noted().into_iter();
    noted.all(|(name, value)| found.get(&format!("setting.{name}")) == Some(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_told_apart_by_every_setting() {
        let id = |lr: &str, epochs: u64| {
            let settings = [("lr", lr.to_owned()), ("epochs", epochs.to_string())];
            RunId::new(&settings, epochs)
        };
        assert_eq!(id("0.1", 3), id("0.1", 3));
        assert_ne!(id("0.1", 3), id("0.2", 3));
        assert_ne!(id("0.1", 3), id("0.1", 4));
        // Settings that differ in the epochs alone are known to be equal otherwise.
        assert_eq!(id("0.1", 3).settings, id("0.1", 4).settings);
    }

    #[test]
    fn a_report_says_which_run_it_is_of() {
        let id = RunId::new(&[("lr", "0.1".to_owned())], 3);
        let page = format!("<head>\n{}\n</head>", report::run_line(&id.text()));
        assert_eq!(RunId::of_report(&page), Some(id));
        assert_eq!(RunId::of_report("<head></head>"), None);
    }
}
