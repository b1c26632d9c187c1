//! The command `bnn`: trains, evaluates, inspects and times binary neural networks.
//!
//! Exit codes: 0 for success, 1 for a run that failed, 2 for wrong input, 130 for an interrupted
//! run (its last checkpoint is complete).

mod args;
mod commands;
mod cost;
mod error;
mod float_net;
mod images;
mod mcu;
mod model_file;
mod names;
mod npz;
mod out;
mod outputs;
mod report;
mod table;
mod text;
mod timing;
mod weights;

use std::process::ExitCode;

use bnn_core::Kernel;
use clap::Parser;
use clap::error::ErrorKind;

use args::{Args, Command};
use error::CliError;

const NO_COMMAND: ErrorKind = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        // Help or the version, on request; help for a bare `bnn`.
        Err(help) if !help.use_stderr() || help.kind() == NO_COMMAND => help.exit(),
        Err(wrong) => return end(&CliError::Input(one_line(&wrong))),
    };
    match run(&args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => end(&error),
    }
}

fn run(command: &Command) -> Result<(), CliError> {
    // Refuses a wrong `BNN_ISA` before any work.
    Kernel::active().map_err(CliError::input)?;
    match command {
        Command::Train(args) => commands::train::run(args),
        Command::Eval(args) => commands::eval::run(args),
        Command::Predict(args) => commands::predict::run(args),
        Command::Export(args) => commands::export::run(args),
        Command::Import(args) => commands::import::run(args),
        Command::Info(args) => commands::info::run(args),
        Command::TestVectors(args) => commands::test_vectors::run(args),
        Command::Bench(args) => commands::bench::run(args),
        Command::Completions(args) => commands::completions::run(args),
        Command::Man(args) => commands::man::run(args),
    }
}

fn end(error: &CliError) -> ExitCode {
    out::note(format_args!("bnn: {error}"));
    error.exit_code()
}

/// The first paragraph of clap's message, in one line: what is wrong, without the usage.
fn one_line(wrong: &clap::Error) -> String {
    let text = wrong.to_string();
    let what: Vec<&str> = text
        .lines()
        .take_while(|line| !line.is_empty())
        .map(str::trim)
        .collect();
    let what = what.join(" ");
    let what = what.strip_prefix("error: ").unwrap_or(&what);
    format!("{what}; try --help")
}
