//! `bnn man`: the manual pages.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::args::{Args, ManArgs};
use crate::error::CliError;
use crate::out::line;
use crate::outputs::{self, Replacing};

pub(crate) fn run(args: &ManArgs) -> Result<(), CliError> {
    let folder = args.out.clone().unwrap_or_default();
    let (paths, pages): (Vec<_>, Vec<_>) = pages()
        .map_err(CliError::failed)?
        .into_iter()
        .map(|(name, page)| (folder.join(name), page))
        .unzip();
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let outputs = outputs::claim(&[], &paths)?;
    let rule = Replacing {
        force: args.force,
        by: "this version of bnn",
    };
    rule.write(&outputs, &pages)?;
    outputs
        .iter()
        .try_for_each(|output| line(output.path().display()))
}

/// The name and the contents of each page.
fn pages() -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut root = Args::command().disable_help_subcommand(true);
    root.build();
    let commands = root.get_subcommands().cloned();
    let commands: Vec<Command> = commands.collect();
    let page = |command: Command| {
        let page = Man::new(command);
        let mut text = Vec::new();
        page.render(&mut text)?;
        Ok((page.get_filename(), text))
    };
    [root].into_iter().chain(commands).map(page).collect()
}
