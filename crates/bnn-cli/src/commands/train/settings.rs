//! All that a training run depends on, from the command line and the recipe for its data.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bnn_autograd::Rng;
use bnn_autograd::checkpoint::Weights;
use bnn_autograd::data::csv::LabelColumn;
use bnn_autograd::data::{Dataset, Loaded};
use bnn_autograd::models::{Mlp, MlpConfig};
use bnn_autograd::train::{TrainConfig, TrainError, Trainer};

use crate::args::{Inputs, Scores, TrainArgs};
use crate::error::CliError;
use crate::images;
use crate::names::beside_model;
use crate::outputs::{self, Input};
use crate::recipe::Recipe;
use crate::text::escape_meta;

use super::replace::{Fnv, Outputs, RunId};

pub(super) struct Settings {
    pub(super) data: String,
    image_size: Option<(usize, usize)>,
    label: Option<LabelColumn>,
    scale: bool,
    /// The share of the training samples that is held out, if one is.
    pub(super) validation: Option<f64>,
    data_checksum: u32,
    pub(super) sizes: MlpConfig,
    scores: Scores,
    /// Where the weights come from, and a hash of that file.
    init: Option<(PathBuf, String)>,
    pub(super) config: TrainConfig,
    pub(super) out: PathBuf,
    pub(super) report: PathBuf,
    pub(super) checkpoint: PathBuf,
}

impl Settings {
    /// Settings for a run on `train`, which is all or a part of the training samples loaded.
    pub(super) fn new(
        args: &TrainArgs,
        loaded: &Loaded,
        train: &Dataset,
    ) -> Result<Self, CliError> {
        let recipe = Recipe::for_data(train);
        let layout = train.layout();
        let sizes = MlpConfig {
            inputs: train.features(),
            depth: layout.depth(),
            hidden: hidden(&args.arch, recipe.hidden, train)?,
            classes: layout.classes,
            thresholds: match args.input {
                Inputs::Bytes => None,
                Inputs::Bits => Some(train.mean_thresholds()),
            },
            integer_scores: args.scores == Scores::Integer,
        };
        let config = TrainConfig {
            epochs: args.epochs.unwrap_or(recipe.epochs),
            batch: batch(args.batch, recipe.batch, train.samples())?,
            learning_rate: args.lr.unwrap_or(recipe.learning_rate),
            seed: args.seed,
            temperature: match args.scores {
                Scores::Real => 1.0,
                Scores::Integer => {
                    let summands = sizes.hidden.last().copied().unwrap_or(1);
                    (summands as f64).sqrt()
                }
            },
            // Warm-up, label smoothing and augmentation gave nothing measurable; see
            // docs/TRAINING.md.
            ..TrainConfig::default()
        };
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
            data_checksum: loaded.split.checksum(),
            sizes,
            scores: args.scores,
            init: args.init.as_deref().map(hashed).transpose()?,
            config,
            report: args
                .report
                .clone()
                .unwrap_or_else(|| beside_model(&out, "html")),
            checkpoint: args
                .checkpoint
                .clone()
                .unwrap_or_else(|| beside_model(&out, "checkpoint")),
            out,
        })
    }

    /// A network that has not been trained in this run, and its trainer.
    pub(super) fn trainer(&self) -> Result<Trainer<Mlp>, TrainError> {
        let mut mlp = Mlp::new(self.sizes.clone(), &mut Rng::new(self.config.seed))?;
        if let Some((path, _)) = &self.init {
            Weights::load(path)?.restore(&mut mlp)?;
        }
        Trainer::new(mlp, self.config.clone())
    }

    /// Claims the files that the run will write. Those that cannot be written are told before
    /// training.
    pub(super) fn claim(&self) -> Result<Outputs, CliError> {
        let paths = [&self.out, &self.report, &self.checkpoint].map(PathBuf::as_path);
        let init = self.init.iter().map(|(path, _)| Input::File(path));
        let inputs: Vec<Input<'_>> = init.chain([Input::Data(&self.data)]).collect();
        let claimed: [_; 3] = outputs::claim(&inputs, &paths)?
            .try_into()
            .map_err(|_| CliError::Failed("an output was not claimed".to_owned()))?;
        let [model, report, checkpoint] = claimed;
        Ok(Outputs {
            model,
            report,
            checkpoint,
        })
    }

    /// `mlp:256,256`
    pub(super) fn arch(&self) -> String {
        let widths: Vec<String> = self.sizes.hidden.iter().map(usize::to_string).collect();
        format!("mlp:{}", widths.join(","))
    }

    /// As the command line has it.
    pub(super) fn input_name(&self) -> &'static str {
        match self.sizes.thresholds {
            Some(_) => "bits",
            None => "bytes",
        }
    }

    /// As the command line has it.
    fn scores_name(&self) -> &'static str {
        match self.scores {
            Scores::Real => "real",
            Scores::Integer => "integer",
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
        vec![
            (
                "checksum of the data",
                format!("{:08x}", self.data_checksum),
            ),
            ("arch", self.arch()),
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
                    .map_or_else(|| "none".to_owned(), |(_, hash)| hash.clone()),
            ),
            (
                "validation",
                self.validation
                    .map_or_else(|| "none".to_owned(), |share| share.to_string()),
            ),
        ]
    }

    /// The meta text of the model file. What `bnn` itself reads comes first.
    pub(super) fn meta(&self, loaded: &Loaded) -> String {
        let mut meta = images::sample_lines(loaded);
        meta += &format!(
            "epochs={}\nseed={}\narch={}\ndata={}\n",
            self.config.epochs,
            self.config.seed,
            self.arch(),
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
        format!(
            "bnn train --data {data} --arch {} --input {} --scores {} --epochs {} --batch {} --lr {} --seed {}",
            self.arch(),
            self.input_name(),
            self.scores_name(),
            c.epochs,
            c.batch,
            c.learning_rate,
            c.seed
        )
    }
}

/// A file and a hash of its content.
fn hashed(path: &Path) -> Result<(PathBuf, String), CliError> {
    let about = |error| CliError::input(error).about(format!("cannot read {}", path.display()));
    let mut file = File::open(path).map_err(about)?;
    let mut hash = Fnv::default();
    let mut part = vec![0; 1 << 16];
    loop {
        match file.read(&mut part).map_err(about)? {
            0 => break,
            len => hash.update(&part[..len]),
        }
    }
    Ok((path.to_owned(), hash.to_string()))
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

fn hidden(arch: &str, default: &[usize], train: &Dataset) -> Result<Vec<usize>, CliError> {
    let wrong = || {
        CliError::Input(format!(
            "--arch {arch}: expected mlp, or mlp: and widths of at least 1, as in mlp:256,128"
        ))
    };
    let widths = match arch.split_once(':') {
        None if arch == "mlp" => return Ok(default.to_vec()),
        Some(("mlp", widths)) => widths,
        _ => return Err(wrong()),
    };
    let width = |w: &str| w.trim().parse().ok().filter(|&w: &usize| w >= 1);
    let widths: Vec<usize> = widths
        .split(',')
        .map(|w| width(w).ok_or_else(wrong))
        .collect::<Result<_, _>>()?;
    let mut weights = 0_usize;
    let mut before = train.features();
    for width in widths.iter().copied().chain([train.layout().classes]) {
        weights = weights.saturating_add(before.saturating_mul(width));
        before = width;
    }
    if weights > MOST_WEIGHTS {
        return Err(CliError::Input(format!(
            "--arch {arch}: {weights} weights, expected at most {MOST_WEIGHTS}"
        )));
    }
    Ok(widths)
}

/// Training takes some 20 bytes per weight; this keeps a slip of the finger from taking all memory.
const MOST_WEIGHTS: usize = 1 << 28;

#[cfg(test)]
mod tests {
    use bnn_autograd::data::{self, DataError};

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

    #[test]
    fn architectures_are_read_or_refused() -> Result<(), DataError> {
        let digits = data::digits()?.train;
        assert_eq!(hidden("mlp", &[7], &digits).ok(), Some(vec![7]));
        assert_eq!(hidden("mlp:3, 4", &[7], &digits).ok(), Some(vec![3, 4]));
        for wrong in [
            "",
            "cnn",
            "mlp:",
            "mlp:0",
            "mlp:3,,4",
            "mlp:x",
            "mlp:65536,65536",
            "cnn:3",
        ] {
            assert!(
                matches!(hidden(wrong, &[7], &digits), Err(CliError::Input(_))),
                "{wrong}"
            );
        }
        Ok(())
    }
}
