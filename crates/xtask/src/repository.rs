//! Where the repository is, and the crates in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::program::{Fallible, output};

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// `cargo SUBCOMMAND --locked`, in the root of the repository.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new("cargo");
    command
        .current_dir(repository())
        .args([subcommand, "--locked"]);
    command
}

/// A crate that is published.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The crate as `cargo metadata` describes it.
    pub(crate) manifest: Value,
}

/// What cargo knows of the workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The crates that are published, in the order in which they depend on each other.
    pub(crate) published: Vec<Published>,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn read() -> Fallible<Self> {
        let text = output(cargo("metadata").args(["--no-deps", "--format-version", "1"]))?;
        let metadata: Value = serde_json::from_str(&text)?;
        let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
        let published = packages.into_iter().filter(is_published).map(|manifest| {
            let text = |key: &str| manifest[key].as_str().unwrap_or_default().to_owned();
            Published {
                name: text("name"),
                version: text("version"),
                manifest,
            }
        });
        Ok(Self {
            published: in_order(published.collect())?,
            target: metadata["target_directory"]
                .as_str()
                .unwrap_or("target")
                .into(),
        })
    }

    /// The version that the published crates share.
    pub(crate) fn version(&self) -> Fallible<&str> {
        let mut versions = self
            .published
            .iter()
            .map(|package| package.version.as_str());
        let version = versions.next().ok_or("no crate is published")?;
        match versions.find(|other| *other != version) {
            Some(other) => Err(format!("crates of version {version} and of {other}").into()),
            None => Ok(version),
        }
    }
}

/// Cargo says `null` where a crate may be published anywhere, else a list of registries.
fn is_published(manifest: &Value) -> bool {
    manifest["publish"]
        .as_array()
        .is_none_or(|registries| !registries.is_empty())
}

/// Crates after those that they need, tests and benches included.
fn in_order(mut left: Vec<Published>) -> Fallible<Vec<Published>> {
    let mut ordered: Vec<Published> = Vec::new();
    while !left.is_empty() {
        let ready = left.iter().position(|package| {
            let needs = package.manifest["dependencies"].as_array();
            let mut needs = needs.into_iter().flatten();
            !needs.any(|need| left.iter().any(|other| need["name"] == *other.name))
        });
        let ready = ready.ok_or("published crates depend on each other in a circle")?;
        ordered.push(left.remove(ready));
    }
    Ok(ordered)
}

#[cfg(test)]
mod laws {
    use super::*;
    use serde_json::json;

    fn package(name: &str, needs: &[&str]) -> Published {
        let needs: Vec<Value> = needs.iter().map(|name| json!({ "name": name })).collect();
        Published {
            name: name.into(),
            version: "1.0.0".into(),
            manifest: json!({ "name": name, "dependencies": needs }),
        }
    }

    #[test]
    fn crates_come_after_those_that_they_need() {
        let packages = vec![
            package("c", &["b", "serde"]),
            package("b", &["a"]),
            package("a", &[]),
        ];
        let ordered = in_order(packages).map_err(|error| error.to_string());
        let names: Vec<String> = ordered
            .into_iter()
            .flatten()
            .map(|package| package.name)
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert!(in_order(vec![package("a", &["b"]), package("b", &["a"])]).is_err());
    }

    #[test]
    fn crates_that_are_kept_here_are_not_published() {
        assert!(is_published(&json!({ "publish": null })));
        assert!(!is_published(&json!({ "publish": [] })));
    }

    #[test]
    fn crates_of_different_versions_are_refused() {
        let mut published = vec![package("a", &[]), package("b", &[])];
        published[1].version = "1.0.1".into();
        let workspace = Workspace {
            published,
            target: PathBuf::new(),
        };
        assert!(workspace.version().is_err());
    }
}
