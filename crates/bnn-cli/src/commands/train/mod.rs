//! `bnn train`: from data to a model file that is proven equal to what was trained.

mod outcome;
mod progress;
mod replace;
mod settings;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bnn_autograd::data::Split;
use bnn_autograd::data::folder::{self, FolderConfig};
use bnn_autograd::export::export;
use bnn_autograd::models::Mlp;
use bnn_autograd::train::{BatchStats, TrainError, Trainer};

use crate::args::TrainArgs;
use crate::error::CliError;
use crate::images;
use crate::out;
use crate::table::facts;
use outcome::Outcome;
use progress::Progress;
use settings::Settings;

/// Set by Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

pub(crate) fn run(args: &TrainArgs) -> Result<(), CliError> {
    if args.image_size.is_some() && !folder::is_one(&args.data) {
        let wrong = format!("--image-size: {} is no folder of images", args.data);
        return Err(CliError::Input(wrong));
    }
    let size = args.image_size;
    let split = images::load(
        &args.data,
        FolderConfig {
            size,
            ..FolderConfig::default()
        },
    )?;
    let settings = Settings::new(args, &split)?;
    let outputs = settings.claim()?;
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

    let mut trainer = settings.trainer().map_err(CliError::input)?;
    if args.resume {
        let resumed = trainer.resume(&settings.checkpoint, &settings.noted());
        let about = |error| CliError::input(error).about(settings.checkpoint.display());
        resumed.map_err(about)?;
    }
    if !args.force {
        replace::check(&settings, &outputs, args.resume)?;
    }
    let start = Instant::now();
    train(&mut trainer, &split, &settings)?;
    let seconds = start.elapsed().as_secs_f64();

    let input = trainer.model().input();
    let file =
        export(trainer.model_mut(), input, &settings.meta(&split)).map_err(CliError::failed)?;
    outputs.model.write(&file)?;
    let outcome = Outcome::measure(&mut trainer, &split, &settings, seconds)?;
    if args.json {
        out::json(outcome.as_json(&settings))?;
    } else {
        out::table(facts(&outcome.facts(&settings)))?;
    }
    outcome.report(&split, &settings, trainer.history(), &outputs.report)?;
    match outcome.mismatches {
        0 => Ok(()),
        n => Err(CliError::Failed(format!(
            "the packed model and the training run differ in the scores of {n} test images; this is a bug in bnn"
        ))),
    }
}

/// Trains all epochs that are left, a checkpoint after each.
fn train(trainer: &mut Trainer<Mlp>, split: &Split, settings: &Settings) -> Result<(), CliError> {
    let mut progress = Progress::new(settings.config.epochs, trainer.history());
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
            .epoch_watched(&split.train, &split.test, watch)
            .map_err(failed)?;
        let Some(stats) = stats else {
            progress.finish();
            return Err(interrupted(epoch, settings));
        };
        progress.epoch(epoch, &stats);
        trainer
            .save(&settings.checkpoint, &settings.noted())
            .map_err(failed)?;
    }
    progress.finish();
    Ok(())
}

/// Settings that only show to be wrong in training are the user's input too.
fn failed(error: TrainError) -> CliError {
    match error {
        TrainError::Data(_)
        | TrainError::FewSamples { .. }
        | TrainError::Network(bnn_autograd::Error::OutOfRange { .. }) => CliError::input(error),
        error => CliError::failed(error),
    }
}

fn interrupted(epoch: u64, settings: &Settings) -> CliError {
    CliError::Interrupted(match epoch {
        1 => "interrupted in the first epoch, before this run's first checkpoint".to_owned(),
        epoch => format!(
            "interrupted in epoch {epoch}; {} holds the epochs before: the same command with --resume goes on",
            settings.checkpoint.display()
        ),
    })
}
