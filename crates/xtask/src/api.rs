//! The public API of the crates, compared with that of the last release: what it had and is missing
//! breaks programs, which the version must say.
//!
//! Items are compared by their declarations. So a method that is added to a trait of which others
//! have implementations is not found, nor is a variant that is added to an exhaustive enum.
//!
//! rustdoc's JSON has no stable form. `public-api` reads the one that Rust 1.95 writes; with another
//! compiler nothing is compared, which the output says.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use public_api::Builder;

use crate::program::{Fallible, output};
use crate::repository::{Workspace, cargo, repository};
use crate::versions;

/// The compiler whose rustdoc writes what `public-api` reads.
const COMPILER: (&str, &str) = ("1", "95");

/// The libraries that are called from Rust. `bnn-capi` is called from C, by its header.
const LIBRARIES: [&str; 4] = ["bnn-core", "bnn-autograd", "bnn-import", "bnn-onnxruntime"];

/// Fails where something is missing that the last release had, although the version promises that
/// nothing is. The release is the newest tag `v*`, or the commit that is named.
///
/// With another compiler than [`COMPILER`] it only says that nothing is compared.
pub(crate) fn check(release: Option<&str>) -> Fallible<()> {
    let compiler = output(
        Command::new("rustc")
            .current_dir(repository())
            .arg("--version"),
    )?;
    if !is_readable(&compiler) {
        let ((major, minor), compiler) = (COMPILER, compiler.trim());
        println!("SKIPPED, the public API is not compared: {compiler}, expected {major}.{minor}");
        return Ok(());
    }
    let target = Workspace::read()?.target.join("api");
    let release = match release {
        Some(release) => Some(release.to_owned()),
        None => last_release()?,
    };
    let now = lists(repository(), &target.join("now"))?;
    let Some(release) = release else {
        for (library, items) in LIBRARIES.iter().zip(now) {
            println!("{library}: {} items", items.len());
        }
        println!("no tag v*: there is no release to compare with");
        return Ok(());
    };

    let checkout = target.join("release");
    let path = checkout.to_string_lossy();
    // What a killed run left, if any.
    let _ = git(&["worktree", "remove", "--force", &path]);
    git(&["worktree", "add", "--force", "--detach", &path, &release])?;
    let before = versions::of_workspace(&checkout)
        .and_then(|version| Ok((version, lists(&checkout, &target.join("then"))?)));
    git(&["worktree", "remove", "--force", &path])?;
    let (old, before) = before?;
    let new = versions::check()?;
    let mut broken = Vec::new();
    for ((library, before), now) in LIBRARIES.iter().zip(before).zip(now) {
        let missing: Vec<&String> = before.difference(&now).collect();
        let added = now.difference(&before).count();
        println!(
            "{library}: {} items, {added} of them new since {release}",
            now.len()
        );
        for item in &missing {
            println!("  missing: {item}");
        }
        if !missing.is_empty() {
            broken.push(*library);
        }
    }
    if !broken.is_empty() && is_compatible(&old, &new) {
        let libraries = broken.join(", ");
        return Err(format!(
            "{libraries}: items of {release}, version {old}, are missing in {new}"
        )
        .into());
    }
    Ok(())
}

/// The public items of each library with all its features. Each checkout has a `target` of its own:
/// cargo would take the one's JSON for the other's.
fn lists(checkout: &Path, target: &Path) -> Fallible<Vec<BTreeSet<String>>> {
    LIBRARIES
        .map(|library| list(library, checkout, target))
        .into_iter()
        .collect()
}

fn list(library: &str, checkout: &Path, target: &Path) -> Fallible<BTreeSet<String>> {
    let mut rustdoc = cargo("rustdoc");
    rustdoc.current_dir(checkout);
    rustdoc.args(["--quiet", "--package", library, "--lib", "--all-features"]);
    rustdoc.arg("--target-dir").arg(target);
    rustdoc.args(["--", "-Zunstable-options", "--output-format", "json"]);
    // The stable compiler gives its unstable formats to those who ask so.
    rustdoc
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTDOCFLAGS");
    output(&mut rustdoc)?;
    let json = target.join("doc").join(library.replace('-', "_"));
    let api = Builder::from_rustdoc_json(json.with_extension("json"))
        .omit_blanket_impls(true)
        .build()?;
    Ok(api.items().map(ToString::to_string).collect())
}

/// Whether `public-api` reads what the rustdoc of a compiler writes that calls itself so.
fn is_readable(compiler: &str) -> bool {
    let version = compiler.split(' ').nth(1).unwrap_or_default();
    let mut numbers = version.split('.');
    numbers.next().zip(numbers.next()) == Some(COMPILER)
}

/// The newest tag of a version among the ancestors of what is checked out.
fn last_release() -> Fallible<Option<String>> {
    let tags = git(&[
        "tag",
        "--merged",
        "HEAD",
        "--list",
        "v[0-9]*",
        "--sort=-version:refname",
    ])?;
    Ok(tags.lines().next().map(str::to_owned))
}

fn git(arguments: &[&str]) -> Fallible<String> {
    output(
        Command::new("git")
            .current_dir(repository())
            .args(arguments),
    )
}

/// Whether programs written for version `old` are promised to build with `new`: the first number
/// that is not 0 is the same.
fn is_compatible(old: &str, new: &str) -> bool {
    let leading = |version: &str| {
        let numbers: Vec<String> = version.split('.').map(str::to_owned).collect();
        let zeros = numbers.iter().take_while(|number| *number == "0").count();
        numbers.into_iter().take(zeros + 1).collect::<Vec<_>>()
    };
    leading(old) == leading(new)
}

#[cfg(test)]
mod laws {
    use super::*;

    #[test]
    fn compilers_are_known_by_their_version() {
        assert!(is_readable("rustc 1.95.0 (59807616e 2026-04-14)\n"));
        for other in ["rustc 1.96.0", "rustc 1.9.5", "rustc 1.950.0", "rustc", ""] {
            assert!(!is_readable(other), "{other}");
        }
    }

    #[test]
    fn versions_promise_what_semantic_versioning_says() {
        for (old, new, promised) in [
            ("0.2.0", "0.2.1", true),
            ("0.2.0", "0.3.0", false),
            ("1.2.0", "1.3.0", true),
            ("1.2.0", "2.0.0", false),
            ("0.2.0", "1.0.0", false),
            ("0.0.1", "0.0.2", false),
        ] {
            assert_eq!(is_compatible(old, new), promised, "{old} {new}");
        }
    }
}
