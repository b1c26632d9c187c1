//! Bills of materials (SBOM) in CycloneDX 1.5: what a program is built from, with licences and
//! checksums.

use serde_json::{Value, json};

use super::Release;
use super::tree::{Crate, Key, Tree};
use crate::program::{Fallible, output};

/// The bill of a program for `target`, or of one for the machine that it is built on.
pub(super) fn write(tree: &Tree, target: Option<&str>, release: &Release) -> Fallible<String> {
    let compiler = output(std::process::Command::new("rustc").arg("--version"))?;
    let compiler = compiler
        .split(' ')
        .nth(1)
        .ok_or("rustc does not say its version")?;
    let bill = bill(tree, &runtimes(target, compiler), &release.time);
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

/// What the compiler links besides crates.
fn runtimes(target: Option<&str>, compiler: &str) -> Vec<Value> {
    let mut runtimes = vec![json!({
        "type": "library",
        "bom-ref": "rust-std",
        "name": "rust-std",
        "version": compiler,
        "licenses": [{ "expression": "MIT OR Apache-2.0" }],
    })];
    if target.is_some_and(|target| target.ends_with("-musl")) {
        runtimes.push(json!({
            "type": "library",
            "bom-ref": "musl",
            "name": "musl",
            "description": "the C library that comes with rust-std for this target",
            "licenses": [{ "expression": "MIT" }],
        }));
    }
    runtimes
}

fn bill(tree: &Tree, runtimes: &[Value], time: &str) -> Value {
    let mut components = runtimes.to_vec();
    let others = tree.crates.iter().filter(|(key, _)| **key != tree.root);
    components.extend(others.map(|(key, found)| component(key, found, "library")));
    let mut dependencies: Vec<Value> = runtimes
        .iter()
        .map(|runtime| json!({ "ref": runtime["bom-ref"], "dependsOn": [] }))
        .collect();
    dependencies.extend(tree.crates.iter().map(|(key, found)| {
        let mut needs: Vec<Value> = found
            .needs
            .iter()
            .map(|need| json!(reference(need)))
            .collect();
        if *key == tree.root {
            needs.extend(runtimes.iter().map(|runtime| runtime["bom-ref"].clone()));
        }
        json!({ "ref": reference(key), "dependsOn": needs })
    }));
    let root = tree.crates.get(&tree.root).cloned().unwrap_or_default();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time,
            "component": component(&tree.root, &root, "application"),
        },
        "components": components,
        "dependencies": dependencies,
    })
}

fn component(key: &Key, found: &Crate, kind: &str) -> Value {
    let (name, version) = key;
    let mut component = json!({
        "type": kind,
        "bom-ref": reference(key),
        "name": name,
        "version": version,
        "purl": reference(key),
        "licenses": [{ "expression": found.licence }],
    });
    if let Some(checksum) = &found.checksum {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    if !found.repository.is_empty() {
        component["externalReferences"] = json!([{ "type": "vcs", "url": found.repository }]);
    }
    component
}

/// The package URL, which names a crate in the bill.
fn reference((name, version): &Key) -> String {
    format!("pkg:cargo/{name}@{version}")
}

#[cfg(test)]
mod laws {
    use super::*;
    use crate::dist::tree::laws::example;
    use std::collections::BTreeSet;

    #[test]
    fn every_reference_of_a_bill_is_a_component_of_it_and_has_a_licence() -> Fallible<()> {
        let bill = bill(
            &example()?,
            &runtimes(Some("x86_64-unknown-linux-musl"), "1.95.0"),
            "2026-11-30T00:00:00Z",
        );
        let components = bill["components"].as_array().ok_or("no components")?;
        let all = || components.iter().chain([&bill["metadata"]["component"]]);
        let named: BTreeSet<&str> = all()
            .filter_map(|found| found["bom-ref"].as_str())
            .collect();
        assert_eq!(named.len(), 5, "{named:?}");
        assert!(all().all(|found| {
            found["licenses"][0]["expression"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        }));
        let dependencies = bill["dependencies"].as_array().ok_or("no dependencies")?;
        let of: BTreeSet<&str> = dependencies
            .iter()
            .filter_map(|entry| entry["ref"].as_str())
            .collect();
        assert_eq!(of, named);
        let needed = dependencies
            .iter()
            .filter_map(|entry| entry["dependsOn"].as_array())
            .flatten();
        assert!(
            needed
                .filter_map(Value::as_str)
                .all(|need| named.contains(need))
        );
        Ok(())
    }

    #[test]
    fn a_component_has_what_is_known_of_its_crate() -> Fallible<()> {
        let tree = example()?;
        let bill = bill(&tree, &[], "2026-11-30T00:00:00Z");
        assert_eq!(bill["metadata"]["component"]["purl"], "pkg:cargo/bnn@1.0.0");
        let expected = json!({
            "type": "library", "bom-ref": "pkg:cargo/libm@0.2.1", "name": "libm", "version": "0.2.1",
            "purl": "pkg:cargo/libm@0.2.1", "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            "hashes": [{ "alg": "SHA-256", "content": "12ab" }],
            "externalReferences": [{ "type": "vcs", "url": "https://libm" }],
        });
        assert_eq!(bill["components"][1], expected);
        Ok(())
    }
}
