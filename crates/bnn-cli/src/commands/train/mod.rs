//! `bnn train`: from data to a model file that is proven equal to what was trained.

mod architecture;
mod best;
mod cooled;
mod identity;
mod network;
mod optimizers;
mod outcome;
mod progress;
mod replace;
mod run_files;
mod run_id;
mod settings;
mod teacher;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bnn_autograd::data::folder::FolderConfig;
use bnn_autograd::data::{Dataset, LoadConfig, Loaded, Scale};
use bnn_autograd::export::{ExportConfig, export};
use bnn_autograd::train::{BatchStats, TrainError, Trainer};

use crate::args::TrainArgs;
use crate::error::CliError;
use crate::images;
use crate::out;
use crate::table::facts;
use network::Network;
use outcome::Outcome;
use progress::Progress;
use settings::Settings;

/// Set by Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

pub(crate) fn run(args: &TrainArgs) -> Result<(), CliError> {
    let loaded = load(args)?;
    let split = &loaded.split;
    let (fit, held_out) = match args.validation {
        None => (split.train.clone(), split.test.clone()),
        Some(share) => {
            let parts = split.train.split(share, args.seed);
            let parts = parts.map_err(|error| CliError::input(error).about("--validation"))?;
            (parts.train, parts.test)
        }
    };
    let settings = Settings::new(args, &loaded, &fit)?;
    let outputs = settings.claim()?;
    images::print_notes(&loaded);
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

    let trainer = settings.trainer(&fit);
    let mut trainer = trainer.map_err(|error| match (&error, &args.init) {
        (TrainError::Checkpoint(_), Some(init)) => CliError::input(error).about(init.display()),
        _ => CliError::input(error),
    })?;
    if args.resume {
        let resumed = trainer.resume(&settings.checkpoint, &settings.noted());
        let about = |error| CliError::input(error).about(settings.checkpoint.display());
        resumed.map_err(about)?;
    }
    if !args.force {
        replace::check(&settings, &outputs, args.resume)?;
    }
    let start = Instant::now();
    train(&mut trainer, &fit, &held_out, &settings)?;
    let seconds = start.elapsed().as_secs_f64();

    let kept = best::restore(&mut trainer, &settings)?;
    let meta = settings.meta(&loaded);
    let config = ExportConfig {
        meta: &meta,
        ..trainer.model.export_config()
    };
    let file = export(&mut trainer.model, config).map_err(CliError::failed)?;
    outputs.model.write(&file)?;
    let outcome = Outcome::measure(&mut trainer, split, &settings, kept, seconds)?;
    if args.json {
        out::json(outcome.as_json(&settings))?;
    } else {
        out::table(facts(&outcome.facts(&settings)))?;
    }
    outcome.report(split, &settings, trainer.history(), &outputs.report)?;
    match outcome.packed.mismatches {
        0 => Ok(()),
        n => Err(CliError::Failed(format!(
            "the packed model and the training run differ in the scores of {n} test images; this is a bug in bnn"
        ))),
    }
}

/// Reads the data; options for another kind of data are refused.
fn load(args: &TrainArgs) -> Result<Loaded, CliError> {
    let config = LoadConfig {
        images: FolderConfig {
            size: args.image_size,
            ..FolderConfig::default()
        },
        label: args.label.clone().unwrap_or_default(),
        scale: match args.scale {
            true => Scale::Fit,
            false => Scale::None,
        },
    };
    let loaded = images::load(&args.data, &config)?;
    let is_table = loaded
        .columns
        .as_ref()
        .is_some_and(|columns| columns.label.is_some());
    for (option, given, fits, kind) in [
        (
            "--image-size",
            args.image_size.is_some(),
            loaded.is_folder_of_images,
            "folder of images",
        ),
        ("--label", args.label.is_some(), is_table, "table"),
        ("--scale", args.scale, is_table, "table"),
    ] {
        if given && !fits {
            let wrong = format!("{option}: {} is no {kind}", args.data);
            return Err(CliError::Input(wrong));
        }
    }
    Ok(loaded)
}

/// Trains all epochs that are left, a checkpoint after each. After each epoch the samples held out
/// are run.
fn train(
    trainer: &mut Trainer<Network>,
    fit: &Dataset,
    held_out: &Dataset,
    settings: &Settings,
) -> Result<(), CliError> {
    let held_out_name = match settings.validation {
        Some(_) => "validation",
        None => "test",
    };
    let mut progress = Progress::new(settings.config.epochs, trainer.history(), held_out_name);
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
            .epoch_watched(fit, held_out, watch)
            .map_err(failed)?;
        let Some(stats) = stats else {
            progress.finish();
            return Err(interrupted(epoch, settings));
        };
        progress.epoch(epoch, &stats);
        // Before the checkpoint: a run that is killed between the two does the epoch again.
        best::note(trainer, settings).map_err(failed)?;
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
        | TrainError::Memory { .. }
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
