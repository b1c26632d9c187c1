//! All that a training run depends on, from the command line and the recipe for its data.

use std::path::{Path, PathBuf};

use bnn_autograd::Rng;
use bnn_autograd::checkpoint::Weights;
use bnn_autograd::data::{Augment, Dataset, LabelColumn, Loaded};
use bnn_autograd::internal::Recipe;
use bnn_autograd::internal::data::checksum;
use bnn_autograd::train::{TrainConfig, TrainError, Trainer};

use crate::args::{AugmentArg, Inputs, Keep, OptimizerKind, ScoreKind, TrainArgs};
use crate::error::CliError;
use crate::images;
use crate::names::beside_model;
use crate::outputs::{self, Input};
use crate::text::escape_meta;

use super::architecture::{Architecture, Ends};
use super::identity::{hashed, samples};
use super::network::Network;
use super::optimizers::{self, default_rate};
use super::run_files::RunFiles;
use super::run_id::RunId;
use super::teacher::Taught;

pub(super) struct Settings {
    pub(super) data: String,
    image_size: Option<(usize, usize)>,
    label: Option<LabelColumn>,
    scale: bool,
    /// The share of the training samples that is held out, if one is.
    pub(super) validation: Option<f64>,
    data_checksum: u32,
    pub(super) network: Architecture,
    /// `[height, width, channels]` of the samples.
    pub(super) image: [usize; 3],
    ends: Ends,
    scores: ScoreKind,
    optimizer: OptimizerKind,
    pub(super) keep: Keep,
    /// Size and range of a sample, as [`samples`] says them.
    samples: String,
    init: Option<Init>,
    pub(super) teacher: Option<Taught>,
    pub(super) config: TrainConfig,
    pub(super) out: PathBuf,
    pub(super) report: PathBuf,
    pub(super) checkpoint: PathBuf,
    /// Where the weights of the best epoch are kept.
    pub(super) best: PathBuf,
}

/// `--init`: the weights that a run begins with.
struct Init {
    path: PathBuf,
    /// A hash of the file.
    hash: String,
    weights: Weights,
}

impl Init {
    fn load(path: &Path) -> Result<Self, CliError> {
        // Before the hash: a file without an end is none of weights.
        let about = |error: CliError| error.about(path.display()).about("--init");
        let weights = Weights::load(path).map_err(|error| about(CliError::input(error)))?;
        Ok(Self {
            path: path.to_owned(),
            hash: hashed(path)?,
            weights,
        })
    }
}

impl Settings {
    /// Settings for a run on `train`, which is all or a part of the training samples loaded.
    pub(super) fn new(
        args: &TrainArgs,
        loaded: &Loaded,
        train: &Dataset,
    ) -> Result<Self, CliError> {
        let hidden = Recipe::hidden(train.samples());
        let network = Architecture::parse(&args.arch, hidden, train)?;
        let layout = train.layout();
        let recipe = Recipe::of(train.samples(), network.is_mlp());
        for (option, given, fits, those) in [
            (
                "--input bits",
                args.input == Inputs::Bits,
                network.is_mlp(),
                "mlp has",
            ),
            (
                "--scores integer",
                args.scores == ScoreKind::Integer,
                network.is_mlp() || network.is_fixed_point(),
                "mlp and residual networks with fixed= have",
            ),
        ] {
            if given && !fits {
                let wrong = format!("{option}: --arch {} has no such form, {those}", args.arch);
                return Err(CliError::Input(wrong));
            }
        }
        if args.keep == Keep::Best && args.validation.is_none() {
            let wrong = "--keep best: expected --validation too, so that the epoch is not chosen by the test samples";
            return Err(CliError::Input(wrong.to_owned()));
        }
        let ends = Ends {
            thresholds: match args.input {
                Inputs::Bytes => None,
                Inputs::Bits => Some(train.mean_thresholds()),
            },
            integer_scores: args.scores == ScoreKind::Integer,
        };
        let config = TrainConfig {
            epochs: args.epochs.unwrap_or(recipe.epochs),
            batch: batch(args.batch, recipe.batch, train.samples())?,
            learning_rate: args
                .lr
                .unwrap_or_else(|| default_rate(args.optimizer, recipe.learning_rate)),
            warmup: args.warmup,
            label_smoothing: args.label_smoothing,
            augment: args.augment.map(|augment| augmentation(augment, train)),
            seed: args.seed,
            temperature: match args.scores {
                ScoreKind::Real => 1.0,
                ScoreKind::Integer => network.temperature(),
            },
            ..TrainConfig::default()
        };
        let teacher = args.teacher.as_deref();
        let teacher = teacher.map(|path| Taught::load(path, args, train));
        let out = args
            .out
            .clone()
            .unwrap_or_else(|| format!("{}.bnn", train.name()).into());
        Ok(Self {
            data: args.data.clone(),
            image_size: args.image_size,
            label: args.label.clone(),
            scale: args.scale,
            validation: args.validation,
            data_checksum: checksum(&loaded.split),
            network,
            image: [layout.height, layout.width, layout.channels],
            ends,
            scores: args.scores,
            optimizer: args.optimizer,
            keep: args.keep,
            samples: samples(layout),
            init: args.init.as_deref().map(Init::load).transpose()?,
            teacher: teacher.transpose()?,
            config,
            report: args
                .report
                .clone()
                .unwrap_or_else(|| beside_model(&out, "html")),
            checkpoint: args
                .checkpoint
                .clone()
                .unwrap_or_else(|| beside_model(&out, "checkpoint")),
            best: beside_model(&out, "best.checkpoint"),
            out,
        })
    }

    /// A network that has not been trained in this run, and its trainer.
    pub(super) fn trainer(&self, train: &Dataset) -> Result<Trainer<Network>, TrainError> {
        let rng = &mut Rng::new(self.config.seed);
        let mut network = self.network.build(train, &self.ends, rng)?;
        if let Some(init) = &self.init {
            init.weights.restore(&mut network)?;
        }
        let mut trainer = Trainer::new(network, self.config.clone())?;
        trainer.optimizer = optimizers::optimizer(self.optimizer, self.config.learning_rate)?;
        match &self.teacher {
            Some(taught) => Ok(trainer.with_teacher(taught.network.clone(), taught.teaching)?),
            None => Ok(trainer),
        }
    }

    /// Claims the files that the run will write. Those that cannot be written are told before
    /// training.
    pub(super) fn claim(&self) -> Result<RunFiles, CliError> {
        let best = (self.keep == Keep::Best).then_some(&self.best);
        let fixed = [&self.out, &self.report, &self.checkpoint];
        let paths: Vec<&Path> = fixed
            .into_iter()
            .chain(best)
            .map(PathBuf::as_path)
            .collect();
        let read = self.init.iter().map(|init| &init.path);
        let read = read.chain(self.teacher.iter().map(|taught| &taught.path));
        let read = read.map(|path| Input::File(path));
        let inputs: Vec<Input<'_>> = read.chain([Input::Data(&self.data)]).collect();
        let mut claimed = outputs::claim(&inputs, &paths)?.into_iter();
        let mut next = || {
            let missing = || CliError::Failed("an output was not claimed".to_owned());
            claimed.next().ok_or_else(missing)
        };
        Ok(RunFiles {
            model: next()?,
            report: next()?,
            checkpoint: next()?,
            best: best.map(|_| next()).transpose()?,
        })
    }

    /// The text of the value on the command line.
    pub(super) fn input_name(&self) -> &'static str {
        match self.ends.thresholds {
            Some(_) => "bits",
            None => "bytes",
        }
    }

    /// The text of the value on the command line.
    fn scores_name(&self) -> &'static str {
        match self.scores {
            ScoreKind::Real => "real",
            ScoreKind::Integer => "integer",
        }
    }

    /// Which run this is.
    pub(super) fn run(&self) -> RunId {
        RunId::new(&self.noted(), self.config.epochs)
    }

    /// What a checkpoint must agree in to go on from it. Data is known by its content, wherever it
    /// lies.
    pub(super) fn noted(&self) -> Vec<(&'static str, String)> {
        let c = &self.config;
        let none = || "none".to_owned();
        vec![
            (
                "checksum of the data",
                format!("{:08x}", self.data_checksum),
            ),
            ("samples", self.samples.clone()),
            ("arch", self.network.to_string()),
            ("input", self.input_name().to_owned()),
            ("scores", self.scores_name().to_owned()),
            ("epochs", c.epochs.to_string()),
            ("batch", c.batch.to_string()),
            ("lr", c.learning_rate.to_string()),
            ("seed", c.seed.to_string()),
            (
                "init",
                self.init
                    .as_ref()
                    .map_or_else(none, |init| init.hash.clone()),
            ),
            (
                "validation",
                self.validation.map_or_else(none, |share| share.to_string()),
            ),
            ("optimizer", optimizers::name(self.optimizer).to_owned()),
            ("warm-up", c.warmup.to_string()),
            ("smoothing", c.label_smoothing.to_string()),
            (
                "augmentation",
                c.augment
                    .map_or_else(none, |augment| AugmentArg::text(&augment)),
            ),
            (
                "teacher",
                self.teacher.as_ref().map_or_else(none, Taught::noted),
            ),
            ("keep", self.keep.name().to_owned()),
        ]
    }

    /// What else was done in training than the plainest, for people.
    pub(super) fn extras(&self) -> Vec<(&'static str, String)> {
        let c = &self.config;
        let mut extras = vec![("optimizer", optimizers::name(self.optimizer).to_owned())];
        if let Some(augment) = &c.augment {
            extras.push(("augmentation", AugmentArg::text(augment)));
        }
        if c.label_smoothing > 0.0 {
            extras.push(("label smoothing", c.label_smoothing.to_string()));
        }
        if let Some(taught) = &self.teacher {
            extras.push(("teacher", taught.to_string()));
        }
        extras
    }

    /// The meta text of the model file. What `bnn` itself reads comes first.
    pub(super) fn meta(&self, loaded: &Loaded) -> String {
        let mut meta = images::sample_lines(loaded);
        meta += &format!(
            "epochs={}\nseed={}\narch={}\ndata={}\n",
            self.config.epochs,
            self.config.seed,
            self.network,
            escape_meta(&loaded.source),
        );
        meta += &self.run().meta_line();
        meta += &images::class_lines(loaded.split.train.class_names());
        meta
    }

    /// The command that does this run again, all defaults spelled out.
    pub(super) fn command(&self) -> String {
        let c = &self.config;
        let mut data = self.data.clone();
        if let Some((width, height)) = self.image_size {
            data += &format!(" --image-size {width}x{height}");
        }
        match &self.label {
            None => {}
            Some(LabelColumn::First) => data += " --label first",
            Some(LabelColumn::Named(name)) => data += &format!(" --label {name}"),
            Some(_) => data += " --label last",
        }
        if self.scale {
            data += " --scale";
        }
        if let Some(share) = self.validation {
            data += &format!(" --validation {share}");
        }
        let mut command = format!(
            "bnn train --data {data} --arch {} --input {} --scores {} --epochs {} --batch {} --lr {} --seed {} --optimizer {} --keep {}",
            self.network.of_run(),
            self.input_name(),
            self.scores_name(),
            c.epochs,
            c.batch,
            c.learning_rate,
            c.seed,
            optimizers::name(self.optimizer),
            self.keep.name(),
        );
        if let Some(augment) = &c.augment {
            command += &format!(" --augment {}", AugmentArg::text(augment));
        }
        for (option, value) in [
            ("--warmup", c.warmup as f64),
            ("--label-smoothing", c.label_smoothing),
        ] {
            if value > 0.0 {
                command += &format!(" {option} {value}");
            }
        }
        if let Some(Init { path, .. }) = &self.init {
            command += &format!(" --init {}", path.display());
        }
        if let Some(taught) = &self.teacher {
            command += &taught.options();
        }
        command
    }
}

/// What `--augment` means for these images: where it says nothing, what is usual.
fn augmentation(asked: Option<AugmentArg>, data: &Dataset) -> Augment {
    match asked {
        Some(AugmentArg(augment)) => augment,
        None => Augment {
            // Four pixels of 32 (He et al. 2016, arXiv 1512.03385, section 4.2).
            shift: data.layout().height.min(data.layout().width) / 8,
            flip: true,
            ..Augment::default()
        },
    }
}

/// The samples of a step: what the user says, or what suits the data.
fn batch(asked: Option<u64>, suits: u64, samples: usize) -> Result<usize, CliError> {
    if samples < 2 {
        return Err(CliError::Input(format!(
            "the data has {samples} training samples, expected at least 2"
        )));
    }
    match asked {
        Some(batch) if batch > samples as u64 => Err(CliError::Input(format!(
            "--batch {batch}: the data has {samples} training samples, expected at most as many"
        ))),
        Some(batch) => Ok(batch as usize),
        None => Ok(samples.min(suits as usize)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_no_larger_than_the_data() {
        assert_eq!(batch(None, 64, 1437).ok(), Some(64));
        assert_eq!(batch(None, 64, 20).ok(), Some(20));
        assert_eq!(batch(Some(20), 64, 20).ok(), Some(20));
        let wrong = batch(Some(21), 64, 20).map_err(|error| error.to_string());
        assert!(wrong.is_err_and(|error| error.contains("21") && error.contains("20")));
        assert!(batch(None, 64, 1).is_err());
    }
}
