//! `--teacher`: a network that an earlier run has trained.

use std::fmt;
use std::path::{Path, PathBuf};

use bnn_autograd::Rng;
use bnn_autograd::checkpoint::Checkpoint;
use bnn_autograd::data::Dataset;
use bnn_autograd::train::Teaching;

use super::architecture::{Architecture, Ends};
use super::identity::{hashed, samples};
use super::network::Network;
use crate::args::TrainArgs;
use crate::error::CliError;

/// A teacher, and how much it is heeded.
pub(super) struct Taught {
    pub(super) path: PathBuf,
    hash: String,
    arch: String,
    pub(super) network: Network,
    pub(super) teaching: Teaching,
}

impl Taught {
    /// Reads a checkpoint of `bnn train`, which says what network it holds, for inputs and classes
    /// like those of the data.
    pub(super) fn load(path: &Path, args: &TrainArgs, data: &Dataset) -> Result<Self, CliError> {
        let about = |error: CliError| error.about(path.display()).about("--teacher");
        let checkpoint = Checkpoint::<f32>::load(path);
        let checkpoint = checkpoint.map_err(|error| about(CliError::input(error)))?;
        let setting = |name: &str| checkpoint.metadata.get(&format!("setting.{name}"));
        let Some(arch) = setting("arch") else {
            let wrong =
                "it does not say what network it holds: expected a checkpoint of `bnn train`";
            return Err(about(CliError::Input(wrong.to_owned())));
        };
        // Checkpoints from before it was noted do not say it.
        let own = samples(data.layout());
        if let Some(found) = setting("samples").filter(|found| **found != own) {
            let wrong = format!("it was trained on samples of {found}, expected {own}");
            return Err(about(CliError::Input(wrong)));
        }
        let is = |name: &str, value: &str| setting(name).is_some_and(|found| found == value);
        let ends = Ends {
            thresholds: is("input", "bits").then(|| data.mean_thresholds()),
            integer_scores: is("scores", "integer"),
        };
        let network = Architecture::parse(arch, &[], data).map_err(about)?;
        let network = network.build(data, &ends, &mut Rng::new(0));
        let mut network = network.map_err(|error| about(CliError::input(error)))?;
        let restored = checkpoint.restore(&mut network, None);
        restored.map_err(|error| about(CliError::input(error)))?;
        Ok(Self {
            path: path.to_owned(),
            hash: hashed(path)?,
            arch: arch.clone(),
            network,
            teaching: Teaching {
                share: args.teacher_share,
                temperature: args.teacher_temperature,
            },
        })
    }

    /// What identifies it, wherever it lies.
    pub(super) fn noted(&self) -> String {
        let Teaching { share, temperature } = self.teaching;
        format!("{} {share} {temperature}", self.hash)
    }

    /// The options of the command line, with a space before them.
    pub(super) fn options(&self) -> String {
        let Teaching { share, temperature } = self.teaching;
        let path = self.path.display();
        format!(" --teacher {path} --teacher-share {share} --teacher-temperature {temperature}")
    }
}

impl fmt::Display for Taught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Teaching { share, temperature } = self.teaching;
        let (path, percent) = (self.path.display(), 100.0 * share);
        let arch = &self.arch;
        write!(
            f,
            "{path} ({arch}), {percent} % of the loss at temperature {temperature}"
        )
    }
}
