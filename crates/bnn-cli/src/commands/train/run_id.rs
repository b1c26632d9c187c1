//! What tells runs with different settings apart.

use bnn_core::model::Model;

use super::identity::Fnv;
use crate::model_file::meta;
use crate::report;

/// Identifies the settings of a run: a hash of all settings but the number of epochs, and that
/// number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunId {
    pub(super) settings: String,
    pub(super) epochs: u64,
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

    pub(super) fn of_model(model: &Model<'_>) -> Option<Self> {
        Some(Self {
            settings: meta(model, "run")?.into_owned(),
            epochs: meta(model, EPOCHS)?.parse().ok()?,
        })
    }

    pub(super) fn of_report(text: &str) -> Option<Self> {
        let (settings, epochs) = report::run_of(text)?.split_once(' ')?;
        Some(Self {
            settings: settings.to_owned(),
            epochs: epochs.parse().ok()?,
        })
    }
}

/// The setting that a resumed run may have larger.
pub(super) const EPOCHS: &str = "epochs";

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
