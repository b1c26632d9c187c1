//! The wheel of the Python package.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Release, files, licences, sbom, tree, without_paths};
use crate::program::{Fallible, output};
use crate::repository::repository;

/// The Linux that the wheel is for: glibc 2.28, of 2018. The linker of Zig knows its symbols.
const PLATFORM: &str = "manylinux_2_28";

/// Makes the wheel, with maturin and Zig in the versions of `packaging/requirements.txt`.
pub(super) fn make(release: &Release) -> Fallible<()> {
    let licences_of_others = repository().join(licences::FILE);
    // What a killed run left, if any: no other package may take it for its own.
    let _ = fs::remove_file(&licences_of_others);
    let tools = release.target_folder.join("dist.tools");
    let programs = tools.join("bin");
    install(&tools)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(programs.clone()).chain(std::env::split_paths(&path));
    let mut build = Command::new(programs.join("maturin"));
    build.current_dir(repository());
    build.env("PATH", std::env::join_paths(paths)?);
    without_paths(&mut build, &release.version)?;
    build.args([
        "build",
        "--release",
        "--locked",
        "--zig",
        "--compatibility",
        PLATFORM,
    ]);
    build.arg("--out").arg(&release.folder);
    let crates = tree::of("bnn-python", &[], None)?;
    // Where pyproject.toml has it looked for, beside the licences of the project.
    fs::write(&licences_of_others, licences::of(&crates, None)?)?;
    let built = output(&mut build);
    fs::remove_file(&licences_of_others)?;
    built?;

    let bill = sbom::write(&crates, None, release)?;
    let name = format!("bnn_engine-{}", release.version);
    fs::write(release.folder.join(format!("{name}.cdx.json")), bill)?;
    let wheels = files(&release.folder)?;
    let begin = format!("{name}-cp310-abi3-{PLATFORM}");
    let mut wheel = wheels.iter().filter(|(name, _)| name.starts_with(&begin));
    let Some((_, wheel)) = wheel.next() else {
        return Err(format!("expected a wheel {begin}, found {wheels:?}").into());
    };
    let mut list = Command::new(programs.join("python"));
    let list = output(list.args(["-m", "zipfile", "--list"]).arg(wheel))?;
    match list.contains(&format!(".dist-info/licenses/{} ", licences::FILE)) {
        true => Ok(()),
        false => Err(format!("{}: without {}", wheel.display(), licences::FILE).into()),
    }
}

/// Installs the tools, where they are not, in an environment of their own.
fn install(tools: &Path) -> Fallible<()> {
    if !tools.join("bin/pip").exists() {
        let mut environment = Command::new("python3");
        output(environment.args(["-m", "venv"]).arg(tools))?;
    }
    let mut pip = Command::new(tools.join("bin/pip"));
    pip.args([
        "--quiet",
        "--disable-pip-version-check",
        "install",
        "--no-deps",
    ]);
    pip.args(["--require-hashes", "--requirement"]);
    output(pip.arg(repository().join("packaging/requirements.txt")))?;
    Ok(())
}
