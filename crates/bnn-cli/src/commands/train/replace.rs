//! Which existing files `bnn train` may replace: those of a run with the same settings. `--force`
//! replaces others too.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bnn_autograd::checkpoint::Checkpoint;

use super::run_files::RunFiles;
use super::run_id::RunId;
use super::settings::Settings;
use crate::error::CliError;
use crate::model_file;
use crate::outputs::Replacing;

/// Refuses outputs that exist and come from a run with other settings.
pub(super) fn check(settings: &Settings, outputs: &RunFiles, resume: bool) -> Result<(), CliError> {
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
    let rule = Replacing {
        force: false,
        by: "a run with these settings",
    };
    let mut all = fixed.into_iter().chain(best);
    all.try_for_each(|(output, is_same)| rule.check(output, |_| is_same))
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
