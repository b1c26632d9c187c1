//! The npm package of the WebAssembly module.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Release, archive, licences, tree};
use crate::program::{Fallible, output};
use crate::repository::repository;

/// What the package must have, below the folder `package` of its archive.
const EXPECTED: [&str; 6] = [
    "package/README.md",
    "package/LICENSE-MIT",
    "package/LICENSE-APACHE",
    "package/LICENSE-THIRD-PARTY",
    "package/dist/bnn.wasm",
    "package/dist/bnn-simd128.wasm",
];

/// What `web/build.sh` builds the module of: the package's features, and its target.
const FEATURES: [&str; 3] = ["--no-default-features", "--features", "graph,messages"];
const TARGET: &str = "wasm32-unknown-unknown";

/// Builds and packs `web/`, whose example is trained by `bnn`.
pub(super) fn make(release: &Release, bnn: &Path) -> Fallible<()> {
    let web = repository().join("web");
    let mut build = Command::new(web.join("build.sh"));
    output(build.current_dir(&web).env("BNN", bnn))?;
    let crates = tree::of("bnn-capi", &FEATURES, Some(TARGET))?;
    fs::write(
        web.join(licences::FILE),
        licences::of(&crates, Some(TARGET))?,
    )?;
    let mut pack = Command::new("npm");
    pack.current_dir(&web);
    pack.args([
        "pack",
        "--loglevel=error",
        "--ignore-scripts",
        "--pack-destination",
    ]);
    let name = output(pack.arg(&release.folder))?;
    let name = name.lines().last().unwrap_or_default().trim();
    if !name.ends_with(&format!("-{}.tgz", release.version)) {
        let version = &release.version;
        return Err(format!("npm packed `{name}`, expected a package of {version}").into());
    }
    complete(&archive::names(&release.folder.join(name))?)
        .map_err(|error| format!("{name}: {error}").into())
}

fn complete(files: &BTreeSet<String>) -> Result<(), String> {
    match EXPECTED.iter().find(|file| !files.contains(**file)) {
        Some(missing) => Err(format!("without {missing}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod laws {
    use super::*;

    #[test]
    fn a_package_without_its_licence_or_its_module_is_refused() {
        let whole: BTreeSet<String> = EXPECTED.iter().map(|file| (*file).to_owned()).collect();
        assert_eq!(complete(&whole), Ok(()));
        for file in EXPECTED {
            let mut without = whole.clone();
            without.remove(file);
            assert_eq!(complete(&without), Err(format!("without {file}")));
        }
    }
}
