//! `bnn completions`: what a shell needs to complete words.

use clap::CommandFactory;

use crate::args::{Args, CompletionsArgs};
use crate::error::CliError;
use crate::out;

pub(crate) fn run(args: &CompletionsArgs) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "bnn", &mut script);
    out::script(&String::from_utf8_lossy(&script))
}
