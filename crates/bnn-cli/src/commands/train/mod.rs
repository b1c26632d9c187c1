//! `bnn train`: from data to a model file that is proven equal to what was trained.

mod outcome;
mod settings;

use std::fs;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bnn_autograd::data::{self, Split};
use bnn_autograd::export::export_mlp;
use bnn_autograd::models::Mlp;
use bnn_autograd::train::{BatchStats, EpochStats, TrainError, Trainer};
use bnn_autograd::{Rng, write_atomic};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::TrainArgs;
use crate::error::CliError;
use crate::table::facts;
use outcome::Outcome;
use settings::Settings;

/// Set by Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

pub(crate) fn run(args: &TrainArgs) -> Result<(), CliError> {
    let split = data::load(&args.data).map_err(CliError::input)?;
    let settings = Settings::new(args, &split.train)?;
    settings.check_folders()?;
    let mut pool = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = args.threads {
        pool = pool.num_threads(threads as usize);
    }
    pool.build_global().map_err(CliError::failed)?;
    ctrlc::set_handler(|| {
        // A second Ctrl-C does not wait for the batch to end.
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })
    .map_err(CliError::failed)?;

    let mlp =
        Mlp::new(settings.sizes.clone(), &mut Rng::new(args.seed)).map_err(CliError::input)?;
    let mut trainer = Trainer::new(mlp, settings.config.clone()).map_err(CliError::input)?;
    if args.resume {
        let about = |error| CliError::input(error).about(settings.checkpoint.display());
        trainer
            .resume(&settings.checkpoint, &settings.noted())
            .map_err(about)?;
    }
    let start = Instant::now();
    train(&mut trainer, &split, &settings)?;
    let seconds = start.elapsed().as_secs_f64();

    let file =
        export_mlp(trainer.model(), &settings.meta(&split.test)).map_err(CliError::failed)?;
    write(&settings.out, &file)?;
    let outcome = Outcome::measure(&mut trainer, &split, &settings, seconds)?;
    outcome.report(&split, &settings, trainer.history())?;
    if args.json {
        println!("{}", outcome.as_json(&settings));
    } else {
        println!("{}", facts(&outcome.facts(&settings)));
    }
    match outcome.mismatches {
        0 => Ok(()),
        n => Err(CliError::Failed(format!(
            "the packed model classifies {n} test images otherwise"
        ))),
    }
}

/// Trains all epochs that are left, a checkpoint after each.
fn train(trainer: &mut Trainer<Mlp>, split: &Split, settings: &Settings) -> Result<(), CliError> {
    let progress = Progress::new(settings.config.epochs);
    while !trainer.is_done() {
        let epoch = trainer.history().len() as u64 + 1;
        let watch = |batch: BatchStats| {
            progress.batch(epoch, &batch);
            if INTERRUPTED.load(Ordering::SeqCst) {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let stats = trainer
            .epoch(&split.train, &split.test, watch)
            .map_err(failed)?;
        let Some(stats) = stats else {
            progress.bar.finish_and_clear();
            return Err(interrupted(epoch, settings));
        };
        progress.epoch(epoch, &stats);
        trainer
            .save(&settings.checkpoint, &settings.noted())
            .map_err(failed)?;
    }
    progress.bar.finish_and_clear();
    Ok(())
}

/// Settings that only show to be wrong in training are the user's input too.
fn failed(error: TrainError) -> CliError {
    match error {
        TrainError::Data(_) | TrainError::Network(bnn_autograd::Error::OutOfRange { .. }) => {
            CliError::input(error)
        }
        error => CliError::failed(error),
    }
}

fn interrupted(epoch: u64, settings: &Settings) -> CliError {
    CliError::Interrupted(match epoch {
        1 => "interrupted in the first epoch; there is no checkpoint yet".to_owned(),
        epoch => format!(
            "interrupted in epoch {epoch}; {} holds the epochs before: the same command with --resume goes on",
            settings.checkpoint.display()
        ),
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let about = |error| CliError::failed(error).about(format!("cannot write {}", path.display()));
    write_atomic(path, bytes).map_err(about)
}

/// What a person sees during training: a bar on a terminal, some lines elsewhere.
struct Progress {
    bar: ProgressBar,
    epochs: u64,
    to_terminal: bool,
}

impl Progress {
    fn new(epochs: u64) -> Self {
        let bar =
            ProgressBar::with_draw_target(Some(epochs), ProgressDrawTarget::stderr_with_hz(10));
        let style = "{bar:30.cyan/dim} epoch {pos}/{len}  {msg}  {elapsed} (left {eta})";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self {
            bar,
            epochs,
            to_terminal: std::io::stderr().is_terminal(),
        }
    }

    fn batch(&self, epoch: u64, batch: &BatchStats) {
        self.bar.set_position(epoch - 1);
        self.bar.set_message(format!(
            "loss {:.4}  train {:.2} %",
            batch.loss,
            100.0 * batch.accuracy
        ));
    }

    fn epoch(&self, epoch: u64, stats: &EpochStats) {
        let line = format!(
            "loss {:.4}  train {:.2} %  test {:.2} %",
            stats.loss,
            100.0 * stats.train_accuracy,
            100.0 * stats.test_accuracy
        );
        self.bar.set_position(epoch);
        self.bar.set_message(line.clone());
        // In a log file, some ten lines.
        let step = self.epochs.div_ceil(10);
        if !self.to_terminal && (epoch.is_multiple_of(step) || epoch == self.epochs) {
            eprintln!("epoch {epoch}/{}  {line}", self.epochs);
        }
    }
}

/// Whether the folder that `path` is to be written to exists.
fn folder_exists(path: &Path) -> bool {
    match path.parent() {
        Some(folder) if folder != Path::new("") => fs::metadata(folder).is_ok_and(|f| f.is_dir()),
        _ => true,
    }
}
