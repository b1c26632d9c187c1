//! Whether the archive is where `cargo binstall` will look, by `[package.metadata.binstall]`.

use std::collections::BTreeMap;

use super::archive::Entry;
use crate::program::Fallible;
use crate::repository::Workspace;

/// Fails unless the templates of bnn-cli's manifest name the archive `name` and the program in it.
pub(super) fn check(
    name: &str,
    version: &str,
    target: &str,
    entries: &BTreeMap<String, Entry>,
) -> Fallible<()> {
    let workspace = Workspace::read()?;
    let command = workspace
        .published
        .iter()
        .find(|package| package.name == "bnn-cli");
    let command = command.ok_or("bnn-cli is not published")?;
    let template = |key: &str| -> Fallible<String> {
        let text = command.manifest["metadata"]["binstall"][key].as_str();
        let text = text.ok_or_else(|| format!("no {key} in [package.metadata.binstall]"))?;
        filled(text, version, target)
    };
    let (url, program) = (template("pkg-url")?, template("bin-dir")?);
    let file = url.rsplit('/').next().unwrap_or_default();
    if file != format!("{name}.tar.gz") {
        return Err(format!("cargo binstall would ask for {file}, expected {name}.tar.gz").into());
    }
    let inside = program.strip_prefix(&format!("{name}/"));
    match inside.is_some_and(|inside| entries.contains_key(inside)) {
        true => Ok(()),
        false => Err(format!("cargo binstall would look for {program}, which is not there").into()),
    }
}

/// A template with its names replaced.
fn filled(template: &str, version: &str, target: &str) -> Fallible<String> {
    let values = [
        ("repo", "REPOSITORY"),
        ("version", version),
        ("target", target),
        ("bin", "bnn"),
        ("binary-ext", ""),
    ];
    let mut text = template.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("{{ {name} }}"), value);
    }
    match text.contains('{') {
        true => Err(format!("`{template}`: a name that nothing is known of").into()),
        false => Ok(text),
    }
}

#[cfg(test)]
mod laws {
    use super::*;

    #[test]
    fn the_manifest_s_templates_name_the_archive_and_the_program() -> Fallible<()> {
        let entries = BTreeMap::from([("bnn".to_owned(), Entry::program(Vec::new()))]);
        check("bnn-1.2.3-some-target", "1.2.3", "some-target", &entries)?;
        assert!(check("bnn-1.2.4-some-target", "1.2.3", "some-target", &entries).is_err());
        assert!(
            check(
                "bnn-1.2.3-some-target",
                "1.2.3",
                "some-target",
                &BTreeMap::new()
            )
            .is_err()
        );
        Ok(())
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(filled("{ repo }/{ archive }", "1", "t").is_err());
    }
}
