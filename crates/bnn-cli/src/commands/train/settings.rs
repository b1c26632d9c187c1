//! All that a training run depends on, from the command line and the recipe for its data.

use std::path::PathBuf;

use bnn_autograd::data::Dataset;
use bnn_autograd::models::MlpConfig;
use bnn_autograd::train::TrainConfig;

use super::folder_exists;
use crate::args::TrainArgs;
use crate::error::CliError;
use crate::recipe::Recipe;

pub(super) struct Settings {
    pub(super) data: String,
    pub(super) sizes: MlpConfig,
    pub(super) config: TrainConfig,
    pub(super) out: PathBuf,
    pub(super) report: PathBuf,
    pub(super) checkpoint: PathBuf,
}

impl Settings {
    pub(super) fn new(args: &TrainArgs, train: &Dataset) -> Result<Self, CliError> {
        let recipe = Recipe::for_data(train);
        let sizes = MlpConfig {
            inputs: train.features(),
            depth: train.depth() as u8, // 1 to 8
            hidden: hidden(&args.arch, recipe.hidden)?,
            classes: train.classes(),
        };
        let config = TrainConfig {
            epochs: args.epochs.unwrap_or(recipe.epochs),
            batch: args.batch.unwrap_or(recipe.batch) as usize,
            learning_rate: args.lr.unwrap_or(recipe.learning_rate),
            warmup: recipe.warmup,
            label_smoothing: recipe.label_smoothing,
            augment: recipe.augment,
            seed: args.seed,
        };
        let out = args
            .out
            .clone()
            .unwrap_or_else(|| format!("{}.bnn", train.name()).into());
        Ok(Self {
            data: args.data.clone(),
            sizes,
            config,
            report: args
                .report
                .clone()
                .unwrap_or_else(|| out.with_extension("html")),
            checkpoint: args
                .checkpoint
                .clone()
                .unwrap_or_else(|| out.with_extension("checkpoint")),
            out,
        })
    }

    /// A wrong folder is told before training, not after; two outputs in one file are refused.
    pub(super) fn check_folders(&self) -> Result<(), CliError> {
        let paths = [&self.out, &self.report, &self.checkpoint];
        for (i, path) in paths.iter().enumerate() {
            if !folder_exists(path) {
                let line = format!(
                    "{}: the folder to write it to does not exist",
                    path.display()
                );
                return Err(CliError::Input(line));
            }
            if paths[..i].contains(path) {
                let line = format!("{}: asked for as two different files", path.display());
                return Err(CliError::Input(line));
            }
        }
        Ok(())
    }

    /// `mlp:256,256`
    pub(super) fn arch(&self) -> String {
        let widths: Vec<String> = self.sizes.hidden.iter().map(usize::to_string).collect();
        format!("mlp:{}", widths.join(","))
    }

    /// What a checkpoint must agree in to go on from it.
    pub(super) fn noted(&self) -> Vec<(&'static str, String)> {
        let c = &self.config;
        vec![
            ("data", self.data.clone()),
            ("arch", self.arch()),
            ("epochs", c.epochs.to_string()),
            ("batch", c.batch.to_string()),
            ("lr", c.learning_rate.to_string()),
            ("warmup", c.warmup.to_string()),
            ("label smoothing", c.label_smoothing.to_string()),
            ("augment", format!("{:?}", c.augment)),
            ("seed", c.seed.to_string()),
        ]
    }

    /// The meta text of the model file.
    pub(super) fn meta(&self, test: &Dataset) -> String {
        let max = test.pixels().iter().max().copied().unwrap_or_default();
        format!(
            "data={}\narch={}\nwidth={}\nheight={}\nmax={max}\nepochs={}\nseed={}\n",
            test.name(),
            self.arch(),
            test.width(),
            test.height(),
            self.config.epochs,
            self.config.seed,
        )
    }

    /// The command that does this run again, all defaults spelled out.
    pub(super) fn command(&self) -> String {
        let c = &self.config;
        format!(
            "bnn train --data {} --arch {} --epochs {} --batch {} --lr {} --seed {}",
            self.data,
            self.arch(),
            c.epochs,
            c.batch,
            c.learning_rate,
            c.seed
        )
    }
}

fn hidden(arch: &str, default: &[usize]) -> Result<Vec<usize>, CliError> {
    let wrong = || {
        CliError::Input(format!(
            "--arch {arch}: expected mlp, or mlp: and widths from 1 to {MOST_WIDTH}, as in mlp:256,128"
        ))
    };
    let widths = match arch.split_once(':') {
        None if arch == "mlp" => return Ok(default.to_vec()),
        Some(("mlp", widths)) => widths,
        _ => return Err(wrong()),
    };
    let width = |w: &str| {
        w.trim()
            .parse()
            .ok()
            .filter(|w| (1..=MOST_WIDTH).contains(w))
    };
    widths
        .split(',')
        .map(|w| width(w).ok_or_else(wrong))
        .collect()
}

/// Keeps a typing error from asking for all memory.
const MOST_WIDTH: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_are_read_or_refused() {
        assert_eq!(hidden("mlp", &[7]).ok(), Some(vec![7]));
        assert_eq!(hidden("mlp:3, 4", &[7]).ok(), Some(vec![3, 4]));
        for wrong in [
            "",
            "cnn",
            "mlp:",
            "mlp:0",
            "mlp:3,,4",
            "mlp:x",
            "mlp:99999999",
            "cnn:3",
        ] {
            assert!(
                matches!(hidden(wrong, &[7]), Err(CliError::Input(_))),
                "{wrong}"
            );
        }
    }
}
