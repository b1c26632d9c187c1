//! The archive of the command `bnn`, as `cargo binstall` expects it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::archive::{self, Entry};
use super::{Release, binstall, elf, empty, files, licences, sbom, tree, without_paths};
use crate::program::{Fallible, output};
use crate::repository::{cargo, repository};

/// Shells, and the names of their completion scripts.
const SHELLS: [(&str, &str); 5] = [
    ("bash", "bnn.bash"),
    ("elvish", "bnn.elv"),
    ("fish", "bnn.fish"),
    ("powershell", "_bnn.ps1"),
    ("zsh", "_bnn"),
];

/// What is in the archive as it is in the repository.
const COPIED: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Makes the archive; where the command is that was built for it.
pub(super) fn make(release: &Release, target: &str) -> Fallible<PathBuf> {
    let Release {
        version, folder, ..
    } = release;
    let program = build(release, target)?;
    println!("the command for {target}");
    elf::check(&program, release)?;

    let crates = tree::of("bnn-cli", &[], Some(target))?;
    let bill = sbom::write(&crates, Some(target), release)?;
    let name = format!("bnn-{version}-{target}");
    let mut entries = BTreeMap::new();
    for file in COPIED {
        entries.insert(
            file.to_owned(),
            Entry::text(fs::read(repository().join(file))?),
        );
    }
    entries.insert("bnn".into(), Entry::program(fs::read(&program)?));
    entries.insert("bnn.cdx.json".into(), Entry::text(bill.clone()));
    entries.insert(
        licences::FILE.into(),
        Entry::text(licences::of(&crates, Some(target))?),
    );
    add_completions(&program, &mut entries)?;
    add_manual(&program, &release.target_folder, &mut entries)?;
    binstall::check(&name, version, target, &entries)?;

    fs::write(folder.join(format!("{name}.cdx.json")), bill)?;
    archive::write(
        &folder.join(format!("{name}.tar.gz")),
        &name,
        &entries,
        release.seconds,
    )?;
    Ok(program)
}

/// Builds the command; where it is.
fn build(release: &Release, target: &str) -> Fallible<PathBuf> {
    let mut build = cargo("build");
    build.args([
        "--release",
        "--quiet",
        "--package",
        "bnn-cli",
        "--target",
        target,
    ]);
    without_paths(&mut build, &release.version)?;
    build.env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    output(&mut build).map_err(|error| {
        format!("{error}\nwithout the target: rustup target add {target}, or --target with another")
    })?;
    let program = release.target_folder.join(target).join("release/bnn");
    let said = output(Command::new(&program).arg("--version"))?;
    let expected = format!("bnn {}", release.version);
    match said.trim() == expected {
        true => Ok(program),
        false => Err(format!("{}: expected {expected}, found {said}", program.display()).into()),
    }
}

fn add_completions(program: &Path, entries: &mut BTreeMap<String, Entry>) -> Fallible<()> {
    for (shell, file) in SHELLS {
        let script = output(Command::new(program).args(["completions", shell]))?;
        entries.insert(format!("completions/{file}"), Entry::text(script));
    }
    Ok(())
}

fn add_manual(
    program: &Path,
    target: &Path,
    entries: &mut BTreeMap<String, Entry>,
) -> Fallible<()> {
    let pages = target.join("dist.man");
    empty(&pages)?;
    output(Command::new(program).arg("man").arg("--out").arg(&pages))?;
    for (name, path) in files(&pages)? {
        entries.insert(format!("man/{name}"), Entry::text(fs::read(path)?));
    }
    Ok(fs::remove_dir_all(&pages)?)
}
