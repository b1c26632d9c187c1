//! Random hostile calls of every function of the header; `ffi-tests/hostile` makes and watches
//! them.
//!
//! What each function promises is read from the header: the statuses of its list of errors.
//! Variables: `BNN_HOSTILE_CALLS` (20 000 by default), `BNN_HOSTILE_SEED` (1), `BNN_HOSTILE_REPORT`
//! prints which statuses came; `BNN_HOSTILE_LIBRARY` is another `libbnn.a`, and `BNN_HOSTILE_CC`
//! the compiler with flags for it: that is how `ci/sanitizers.sh` runs it with a library under the
//! address sanitizer.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod toolchain;

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;
use toolchain::{STRICT, SYSTEM, built, has, include, repository, run, text};

/// Every function of the header, with its comment.
fn functions(header: &str) -> Vec<(String, String)> {
    let mut functions = Vec::new();
    let mut comment = String::new();
    for line in header.lines() {
        match line.strip_prefix(" *") {
            Some(text) => comment += text,
            None if line == "/**" => comment.clear(),
            None if line.starts_with([' ', '/', '#', '}', 't']) => {}
            None => {
                let name = line.split_once('(').map(|(before, _)| before);
                let name = name.and_then(|name| name.rsplit([' ', '*']).next());
                functions.extend(name.map(|name| (name.to_owned(), comment.clone())));
            }
        }
    }
    functions
}

/// The numbers of the statuses, by their names without `BNN_ERROR_`.
fn statuses(header: &str) -> BTreeMap<&str, u32> {
    let lines = header.lines().map(str::trim);
    let lines = lines.filter_map(|line| line.strip_prefix("BNN_ERROR_")?.split_once(" = "));
    lines
        .filter_map(|(name, number)| Some((name, number.trim_end_matches(',').parse().ok()?)))
        .collect()
}

/// The statuses, as bits, that the comment of each function lists.
fn promises(header: &str) -> BTreeMap<String, u32> {
    let known = statuses(header);
    assert!(known.len() > 20, "{known:?}");
    let mut promises = BTreeMap::new();
    for (name, comment) in functions(header) {
        let errors = comment
            .split_once(" Errors:")
            .map_or("", |(_, errors)| errors);
        let mut bits = 1; // BNN_OK
        let words = errors.split(|c: char| !c.is_alphanumeric() && c != '_');
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        for (i, word) in words.iter().enumerate() {
            bits |= known.get(word).map_or(0, |number| 1 << number);
            if i > 0 && words[i - 1] == "as" && word.starts_with("bnn_") {
                bits |= promises[*word];
            }
        }
        promises.insert(name, bits);
    }
    promises
}

fn variable(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

#[test]
fn hostile_calls_are_refused_as_the_header_says_and_write_nothing() {
    let compiler = variable("BNN_HOSTILE_CC", "gcc");
    let mut compiler = compiler.split_whitespace();
    let tool = compiler.next().unwrap();
    if !has(tool) {
        return;
    }
    let header = fs::read_to_string(repository().join("include/bnn.h")).unwrap();
    let mut table = String::from(
        "typedef struct promise_t { const char *function; uint32_t statuses; } promise_t;\n\
         static const promise_t promises[] = {\n",
    );
    for (function, statuses) in promises(&header) {
        writeln!(table, "    {{\"{function}\", {statuses:#x}}},").unwrap();
    }
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("statuses.h"), table + "};\n").unwrap();

    let library = env::var("BNN_HOSTILE_LIBRARY").map(PathBuf::from);
    let library = library.unwrap_or_else(|_| built().join("libbnn.a"));
    let program = directory.path().join("hostile");
    let mut compile = Command::new(tool);
    compile
        .args(compiler)
        .args(STRICT)
        .args(["-std=c99", "-O1"]);
    compile.arg(include()).arg("-I").arg(directory.path());
    for file in fs::read_dir(repository().join("ffi-tests/hostile")).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|e| e == "c") {
            compile.arg(file);
        }
    }
    run(compile.arg(library).args(SYSTEM).arg("-o").arg(&program));
    let mut calls = Command::new(program);
    calls.arg(variable("BNN_HOSTILE_CALLS", "20000"));
    calls.arg(variable("BNN_HOSTILE_SEED", "1"));
    println!("{}", text(&run(&mut calls).stdout));
}
