//! The wheel of the Python package.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Release, files, sbom, tree, without_paths};
use crate::program::{Fallible, output};
use crate::repository::repository;

/// The Linux that the wheel is for: glibc 2.28, of 2018. The linker of Zig knows its symbols.
const PLATFORM: &str = "manylinux_2_28";

/// Makes the wheel, with maturin and Zig in the versions of `packaging/requirements.txt`.
pub(super) fn make(release: &Release) -> Fallible<()> {
    let tools = release.target_folder.join("dist.tools");
    let programs = tools.join("bin");
    install(&tools)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(programs.clone()).chain(std::env::split_paths(&path));
    let mut build = Command::new(programs.join("maturin"));
    build.current_dir(repository());
    build.env("PATH", std::env::join_paths(paths)?);
    build.env("RUSTFLAGS", without_paths(&release.version)?);
    build.args([
        "build",
        "--release",
        "--locked",
        "--zig",
        "--compatibility",
        PLATFORM,
    ]);
    build.arg("--out").arg(&release.folder);
    output(&mut build)?;

    let bill = sbom::write(&tree::of("bnn-python", None)?, None, release)?;
    let name = format!("bnn_engine-{}", release.version);
    fs::write(release.folder.join(format!("{name}.cdx.json")), bill)?;
    let wheels = files(&release.folder)?;
    let begin = format!("{name}-cp310-abi3-{PLATFORM}");
    match wheels.iter().any(|(name, _)| name.starts_with(&begin)) {
        true => Ok(()),
        false => Err(format!("expected a wheel {begin}, found {wheels:?}").into()),
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
