//! The command `bnn` as a user runs it: what it prints, what it writes, how it ends.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod architectures;
mod bench;
mod c_program;
mod convolutions;
mod data;
mod export;
mod fashion;
mod graphs;
mod hostile;
mod images;
mod import;
mod inputs;
mod interrupt;
mod kills;
mod mcu;
mod outputs;
mod resume;
mod shell;
mod train;
mod vectors;
mod weights;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// `bnn` in `folder`, with the kernel choice of the test run.
fn bnn(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bnn"));
    command.current_dir(folder).args(args);
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    bnn(folder, args).output().unwrap()
}

/// Standard output of a run that must succeed.
fn stdout(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "bnn {args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// The JSON object in the last line of a run that must succeed.
fn json(folder: &Path, args: &[&str]) -> Value {
    serde_json::from_str(stdout(folder, args).lines().last().unwrap()).unwrap()
}

/// Runs what must be refused as wrong input: exit code 2, one line that has `words` in it.
fn refused(folder: &Path, args: &[&str], words: &[&str]) {
    let output = run(folder, args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "bnn {args:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "bnn {args:?}: {stderr}");
    for word in words {
        assert!(
            stderr.contains(word),
            "bnn {args:?}: no {word:?} in {stderr}"
        );
    }
}

/// Names of the files in a folder, in order.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A quick training of the digits.
const QUICK: [&str; 5] = ["train", "--arch", "mlp:40", "--epochs", "3"];
