//! `cargo xtask dist`: the files of a release, all of them by one command, in `target/dist`.
//!
//! They are made in a folder beside it, which takes its name when all are there. The same commit
//! gives the same archives: times are the commit's, and no path of this machine is in them.

mod archive;
mod binstall;
mod checksums;
mod command;
mod elf;
mod licences;
mod npm;
mod sbom;
mod tree;
mod wheel;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{Fallible, output};
use crate::repository::{Workspace, repository};
use crate::versions;

/// What the command is built for unless another target is named: static, for every Linux.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-musl";

/// What all files of a release share.
#[derive(Debug)]
struct Release {
    version: String,
    /// The time of the commit: in seconds since 1970, and as text.
    seconds: u64,
    time: String,
    /// Where cargo builds.
    target_folder: PathBuf,
    /// Where the files are made.
    folder: PathBuf,
    /// Whether nobody will get them: what a release is refused for is only said.
    is_rehearsal: bool,
}

impl Release {
    /// Fails with `reason`, or in a rehearsal says it.
    fn refuse(&self, reason: &str) -> Fallible<()> {
        match self.is_rehearsal {
            true => println!("no release could be made: {reason}"),
            false => return Err(format!("{reason} (cargo xtask dist --rehearse goes on)").into()),
        }
        Ok(())
    }
}

/// Makes the files, the command's for `target`.
pub(crate) fn make(target: &str, is_rehearsal: bool) -> Fallible<()> {
    let version = versions::check()?;
    let target_folder = Workspace::read()?.target;
    let folder = target_folder.join("dist.unfinished");
    let git = |arguments: &[&str]| -> Fallible<String> {
        let mut git = Command::new("git");
        git.current_dir(repository()).args(arguments);
        Ok(output(&mut git)?.trim_end().to_owned())
    };
    let release = Release {
        version,
        seconds: git(&["log", "-1", "--format=%ct"])?.parse()?,
        time: git(&["log", "-1", "--format=%cI"])?,
        target_folder,
        folder,
        is_rehearsal,
    };
    let changed = git(&["status", "--porcelain"])?;
    if !changed.is_empty() {
        release.refuse(&format!("these files are not as committed:\n{changed}"))?;
    }
    empty(&release.folder)?;
    let bnn = command::make(&release, target)?;
    wheel::make(&release)?;
    npm::make(&release, &bnn)?;
    checksums::write(&release.folder)?;

    let dist = release.target_folder.join("dist");
    remove(&dist)?;
    fs::rename(&release.folder, &dist)?;
    show(&dist)
}

fn empty(folder: &Path) -> Fallible<()> {
    remove(folder)?;
    Ok(fs::create_dir_all(folder)?)
}

fn remove(folder: &Path) -> Fallible<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", folder.display()).into())
        }
        _ => Ok(()),
    }
}

/// Prints the files and their sizes.
fn show(dist: &Path) -> Fallible<()> {
    for (name, path) in files(dist)? {
        println!("{:>9}  {name}", path.metadata()?.len());
    }
    println!("{}", dist.display());
    Ok(())
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Fallible<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((
            entry.file_name().to_string_lossy().into_owned(),
            entry.path(),
        ));
    }
    files.sort();
    Ok(files)
}

/// Has the compiler leave the paths of this machine out of what a build makes.
fn without_paths(build: &mut Command, version: &str) -> Fallible<()> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir()
            .ok_or("no home directory")?
            .join(".cargo"),
    };
    let from_to = [
        (home.as_path(), "cargo".to_owned()),
        (repository(), format!("bnn-{version}")),
    ];
    let flags = from_to.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    // The variable that is obeyed before all others, and in which a flag may hold spaces.
    build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    Ok(())
}
