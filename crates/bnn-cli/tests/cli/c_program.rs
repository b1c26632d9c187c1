//! A C program that runs a model through `bnn.h` predicts what the command does.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

// Linked for its libraries, which cargo leaves beside this test's own program.
use bnn as _;

use super::{QUICK, json, stdout};

#[test]
fn a_c_program_predicts_what_the_command_predicts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &[&QUICK[..], &["--json"]].concat());
    let digits = bnn_autograd::data::digits().unwrap();
    let rows = digits.test.pixels().chunks(64).map(|row| {
        let numbers: Vec<String> = row.iter().map(u8::to_string).collect();
        numbers.join(",") + "\n"
    });
    fs::write(folder.join("rows.csv"), rows.collect::<String>()).unwrap();
    let expected = stdout(folder, &["predict", "digits.bnn", "rows.csv"]);
    assert_eq!(expected.lines().count(), 360);
    for (compiler, language) in [
        ("gcc", "-std=c99"),
        ("clang", "-std=c99"),
        ("g++", "-std=c++11"),
        ("clang++", "-std=c++11"),
    ] {
        if !has(compiler) {
            continue;
        }
        let source = repository().join("ffi-tests/predict/predict.c");
        compile(compiler, language, &[source], &folder.join("predict"));
        let mut program = Command::new(folder.join("predict"));
        program.args(["digits.bnn", "rows.csv"]).current_dir(folder);
        let output = program.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{compiler}: {stderr}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}

/// Compiles and links a program of C files, whose folder may have headers of theirs.
pub(super) fn compile(compiler: &str, language: &str, sources: &[PathBuf], program: &Path) {
    let own = std::env::current_exe().unwrap();
    let archive = own.parent().unwrap().join("libbnn.a");
    let mut command = Command::new(compiler);
    command.args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", language]);
    let source = if language == "-std=c99" { "c" } else { "c++" };
    command.args(["-x", source]);
    command.args(sources);
    command.args(["-x", "none", "-I"]);
    command.arg(repository().join("include")).arg(archive);
    command
        .args(["-lpthread", "-ldl", "-lm", "-o"])
        .arg(program);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
}

/// Whether a compiler is here; `BNN_REQUIRE` makes its absence a failure.
pub(super) fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    let required = std::env::var("BNN_REQUIRE").unwrap_or_default();
    let required = required.split(',').any(|name| name == tool);
    assert!(found || !required, "BNN_REQUIRE asks for {tool}");
    if !found {
        eprintln!("skipped with {tool}: not installed");
    }
    found
}

pub(super) fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap().to_owned()
}
