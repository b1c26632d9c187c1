//! The npm package of the WebAssembly module.

use std::process::Command;

use super::Release;
use crate::program::{Fallible, output};
use crate::repository::repository;

/// Packs `web/`.
pub(super) fn make(release: &Release) -> Fallible<()> {
    let web = repository().join("web");
    if !web.join("package.json").exists() {
        println!("no web/package.json, so no npm package");
        return Ok(());
    }
    let mut pack = Command::new("npm");
    pack.current_dir(&web);
    pack.args(["pack", "--silent", "--pack-destination"]);
    let name = output(pack.arg(&release.folder))?;
    let name = name.lines().last().unwrap_or_default().trim();
    let version = &release.version;
    match name.ends_with(&format!("-{version}.tgz")) && release.folder.join(name).exists() {
        true => Ok(()),
        false => {
            Err(format!("npm packed `{name}`, expected a package of version {version}").into())
        }
    }
}
