//! What the published crates would upload.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::program::{Fallible, output};
use crate::repository::{Published, Workspace, cargo};

/// What every crate has in its package.
const EXPECTED: [&str; 3] = ["README.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// What a package may have besides, as files or as folders.
const ALLOWED: [&str; 9] = [
    "Cargo.toml",
    "Cargo.toml.orig",
    "Cargo.lock",
    ".cargo_vcs_info.json",
    "build.rs",
    "src/",
    "examples/",
    "include/",
    "data/",
];

/// The size of a package that is not exceeded unnoticed, compressed.
const MOST_BYTES: u64 = 512 << 10;

/// Packs every published crate, checks what is in the packages and prints their sizes.
pub(crate) fn check() -> Fallible<()> {
    let workspace = Workspace::read()?;
    let mut package = cargo("package");
    package.args(["--no-verify", "--allow-dirty", "--quiet"]);
    for Published { name, .. } in &workspace.published {
        package.args(["--package", name]);
    }
    output(&mut package)?;
    println!(
        "{:<18}{:>6}{:>10}{:>14}",
        "crate", "files", "bytes", "compressed"
    );
    for published in &workspace.published {
        let Published {
            name,
            version,
            manifest,
        } = published;
        described(manifest).map_err(|error| format!("{name}: {error}"))?;
        let archive = workspace
            .target
            .join("package")
            .join(format!("{name}-{version}.crate"));
        let (files, bytes) = contents(&archive)?;
        let compressed = archive.metadata()?.len();
        println!("{name:<18}{:>6}{bytes:>10}{compressed:>14}", files.len());
        complete(&files).map_err(|error| format!("{name}: {error}"))?;
        if compressed > MOST_BYTES {
            return Err(
                format!("{name}: {compressed} bytes, expected at most {MOST_BYTES}").into(),
            );
        }
    }
    Ok(())
}

/// Has cargo do all of publishing but the upload, in the order in which crates need each other:
/// each is built from what its package holds.
pub(crate) fn rehearse() -> Fallible<()> {
    check()?;
    let mut publish = cargo("publish");
    publish.args(["--workspace", "--dry-run", "--allow-dirty", "--quiet"]);
    output(&mut publish)?;
    println!("each was built from its package, in this order");
    Ok(())
}

/// Fails where a manifest does not say what the registry shows.
fn described(manifest: &Value) -> Fallible<()> {
    for key in ["description", "license", "readme", "rust_version"] {
        if manifest[key].as_str().is_none_or(str::is_empty) {
            return Err(format!("no `{key}` in the manifest").into());
        }
    }
    for key in ["keywords", "categories"] {
        if manifest[key].as_array().is_none_or(Vec::is_empty) {
            return Err(format!("no `{key}` in the manifest").into());
        }
    }
    let kinds = manifest["targets"].as_array().into_iter().flatten();
    let is_library = kinds.flat_map(|target| target["kind"].as_array()).flatten();
    let is_library = is_library.into_iter().any(|kind| kind == "lib");
    if is_library && manifest["metadata"]["docs"]["rs"].is_null() {
        return Err("no [package.metadata.docs.rs] in the manifest".into());
    }
    Ok(())
}

/// Fails where a package lacks what each has, or has what none needs.
fn complete(files: &BTreeSet<String>) -> Fallible<()> {
    if let Some(missing) = EXPECTED.iter().find(|file| !files.contains(**file)) {
        return Err(format!("would be published without {missing}").into());
    }
    let needless = files.iter().find(|file| {
        let is = |allowed: &&str| {
            file == allowed || allowed.ends_with('/') && file.starts_with(*allowed)
        };
        !EXPECTED.iter().chain(&ALLOWED).any(is)
    });
    match needless {
        Some(file) => Err(format!("would be published with {file}, which nobody needs").into()),
        None => Ok(()),
    }
}

/// The files of a package, without the folder that all are in, and their bytes together.
fn contents(archive: &Path) -> Fallible<(BTreeSet<String>, u64)> {
    let (mut files, mut bytes) = (BTreeSet::new(), 0);
    for entry in tar::Archive::new(GzDecoder::new(File::open(archive)?)).entries()? {
        let entry = entry?;
        let path = entry.path()?;
        let inside = path.components().skip(1).collect::<std::path::PathBuf>();
        files.insert(inside.to_string_lossy().into_owned());
        bytes += entry.size();
    }
    Ok((files, bytes))
}

#[cfg(test)]
mod laws {
    use super::*;
    use serde_json::json;

    fn files(more: &[&str]) -> BTreeSet<String> {
        let all = EXPECTED
            .iter()
            .chain(["Cargo.toml", "src/lib.rs"].iter())
            .chain(more);
        all.map(|file| (*file).to_owned()).collect()
    }

    #[test]
    fn packages_have_their_licences_and_nothing_that_nobody_needs() {
        assert!(complete(&files(&["examples/one.rs", "build.rs"])).is_ok());
        assert!(complete(&files(&["tests/laws.rs"])).is_err());
        assert!(complete(&files(&["build.rs.orig"])).is_err());
        let mut without = files(&[]);
        without.remove("LICENSE-MIT");
        let refused = complete(&without).map_err(|error| error.to_string());
        assert!(refused.is_err_and(|error| error.contains("LICENSE-MIT")));
    }

    #[test]
    fn manifests_say_what_the_registry_shows() {
        let whole = json!({
            "description": "d", "license": "MIT", "readme": "README.md", "rust_version": "1.95",
            "keywords": ["k"], "categories": ["c"], "targets": [{ "kind": ["lib"] }],
            "metadata": { "docs": { "rs": {} } },
        });
        assert!(described(&whole).is_ok());
        for key in ["description", "readme", "keywords", "metadata"] {
            let mut without = whole.clone();
            without[key] = Value::Null;
            assert!(described(&without).is_err(), "{key}");
        }
    }
}
