//! Completions and manual pages.

use std::fs;

use crate::{files, refused, stdout};

const COMMANDS: [&str; 10] = [
    "bench",
    "completions",
    "eval",
    "export",
    "import",
    "info",
    "man",
    "predict",
    "test-vectors",
    "train",
];

#[test]
fn every_shell_completes_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = stdout(folder.path(), &["completions", shell]);
        for word in COMMANDS {
            assert!(script.contains(word), "{shell}: no {word}");
        }
        assert!(script.contains("label-smoothing"), "{shell}");
    }
    refused(folder.path(), &["completions", "tcsh"], &["tcsh", "bash"]);
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    stdout(folder.path(), &["man"]);
    let mut expected: Vec<_> = COMMANDS.map(|name| format!("bnn-{name}.1")).into();
    expected.push("bnn.1".to_owned());
    expected.sort();
    assert_eq!(files(folder.path()), expected);
    let page = fs::read_to_string(folder.path().join("bnn-train.1")).unwrap();
    for text in [
        ".TH bnn-train 1",
        "\\-\\-epochs",
        "bnn train \\-\\-data photos",
    ] {
        assert!(page.contains(text), "no {text:?} in {page}");
    }
    refused(folder.path(), &["man", "--out", "none"], &["none"]);
}
