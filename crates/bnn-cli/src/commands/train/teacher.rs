//! `--teacher`: a network that an earlier run has trained.

use std::fmt;
use std::path::{Path, PathBuf};

use bnn_autograd::Rng;
use bnn_autograd::checkpoint::Checkpoint;
use bnn_autograd::data::Dataset;
use bnn_autograd::train::Teaching;

use super::architecture::{Architecture, Ends};
use super::cooled::Cooled;
use super::identity::{hashed, samples};
use crate::args::TrainArgs;
use crate::error::CliError;

/// A teacher, and how much it is heeded.
pub(super) struct Taught {
    pub(super) path: PathBuf,
    hash: String,
    arch: String,
    pub(super) network: Cooled,
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
        let architecture = Architecture::parse(arch, &[], data).map_err(about)?;
        let temperature = match setting("temperature") {
            Some(text) => text.parse().ok().filter(|&number: &f64| {
                let inverse = (1.0 / number) as f32;
                inverse > 0.0 && inverse.is_finite()
            }),
            // Checkpoints from before it was noted.
            None if ends.integer_scores => Some(architecture.temperature()),
            None => Some(1.0),
        };
        let Some(temperature) = temperature else {
            let wrong = "its temperature is no number, expected a positive and finite one";
            return Err(about(CliError::Input(wrong.to_owned())));
        };
        let network = architecture.build(data, &ends, &mut Rng::new(0));
        let mut network = network.map_err(|error| about(CliError::input(error)))?;
        let restored = checkpoint.restore(&mut network, None);
        restored.map_err(|error| about(CliError::input(error)))?;
        Ok(Self {
            path: path.to_owned(),
            hash: hashed(path)?,
            arch: arch.clone(),
            network: Cooled {
                network,
                temperature,
            },
            teaching: Teaching {
                share: args.teacher_share,
                temperature: args.teacher_temperature,
            },
        })
    }

    /// What identifies it, wherever it lies.
    pub(super) fn noted(&self) -> String {
        let Teaching { share, temperature } = self.teaching;
        let noted = format!("{} {share} {temperature}", self.hash);
        // Runs that took its scores as they are had another loss, and do not go on.
        match self.network.temperature {
            1.0 => noted,
            own => format!("{noted} {own}"),
        }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod laws {
    use bnn_autograd::nn::Module;
    use bnn_autograd::{Tape, Tensor, ops};
    use clap::Parser;

    use super::super::{load, settings::Settings};
    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: TrainArgs,
    }

    #[test]
    fn a_network_taught_by_itself_has_a_distance_of_zero() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.checkpoint");
        let told = |error: CliError| error.to_string();
        for (scores, temperature) in [("integer", 7.0), ("real", 1.0)] {
            let args = ["bnn", "--arch", "mlp:49", "--scores", scores];
            let args = Line::parse_from(args).args;
            let loaded = load(&args).map_err(told).unwrap();
            let train = &loaded.split.train;
            let settings = Settings::new(&args, &loaded, train).map_err(told).unwrap();
            let mut trainer = settings.trainer(train).unwrap();
            trainer.save(&path, &settings.noted()).unwrap();

            let (pixels, _) = train.batch(&[0, 1, 2, 3]).unwrap();
            let tape = Tape::new();
            let x = tape.constant(Tensor::new(pixels, &[4, train.features()]).unwrap());
            trainer.model.set_training(false);
            let own = trainer.model.forward(&x).unwrap();
            // As the loss of the run takes them.
            let factor = (1.0 / settings.config.temperature) as f32;
            let factor = Tensor::full(factor, &own.shape()[1..]).unwrap();
            let own = ops::mul(&own, &tape.constant(factor)).unwrap();
            let check = || {
                let mut taught = Taught::load(&path, &args, train).map_err(told).unwrap();
                taught.network.set_training(false);
                let theirs = taught.network.forward(&x).unwrap();
                let distance = ops::distillation(&own, theirs.value(), 4.0).unwrap();
                assert_eq!(distance.value().item().unwrap(), 0.0, "{scores}");
                assert_eq!(taught.network.temperature, temperature);
                let noted = taught.noted();
                assert_eq!(noted.ends_with(" 0.9 4 7"), temperature == 7.0, "{noted}");
            };
            check();
            // Checkpoints from before it was noted.
            let mut old = Checkpoint::<f32>::load(&path).unwrap();
            old.metadata.remove("setting.temperature").unwrap();
            old.save(&path).unwrap();
            check();
            for wrong in ["0", "-1", "NaN", "inf", "warm"] {
                let mut hostile = Checkpoint::<f32>::load(&path).unwrap();
                let set = ("setting.temperature".to_owned(), wrong.to_owned());
                hostile.metadata.extend([set]);
                hostile.save(&path).unwrap();
                let refused = Taught::load(&path, &args, train).map(|_| ());
                let text = refused.map_err(told).unwrap_err();
                assert!(text.contains("temperature"), "{text}");
            }
        }
    }
}
