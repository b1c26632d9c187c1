//! Compiling the programs of `ffi-tests/` against what this very build made, and running them.
//!
//! Cargo builds the static and the shared library before the integration tests of their package and
//! leaves them beside the tests' own programs, so they are never stale.
//!
//! A missing tool skips its test and says so; `BNN_REQUIRE=gcc,clang,..` makes it a failure.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-g"];
/// What the static library wants of a program's system.
pub(crate) const SYSTEM: [&str; 3] = ["-lpthread", "-ldl", "-lm"];

/// A program made of the files of a folder, linked in one of two ways.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    _directory: TempDir,
}

impl Program {
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.env("LD_LIBRARY_PATH", built());
        command
    }
}

/// The tests in a folder of `ffi-tests/`, with the static library, then with the shared one; none
/// without the compiler.
pub(crate) fn programs(compiler: &str, flags: &[&str], folder: &str) -> Vec<Program> {
    if !has(compiler) {
        return Vec::new();
    }
    let archive = built().join("libbnn.a");
    let shared = format!("-L{}", built().display());
    let statically: Vec<&str> = [&[archive.to_str().unwrap()], &SYSTEM[..]].concat();
    // `-l:` names the file: plain `-lbnn` would be content with the archive.
    let dynamically = vec![shared.as_str(), "-l:libbnn.so", "-lpthread"];
    // Compiled once, linked twice.
    let objects = TempDir::new().unwrap();
    let mut compile = Command::new(compiler);
    compile.args(STRICT).arg("-O1").args(flags).arg(include());
    run(compile
        .arg("-c")
        .args(sources(folder))
        .current_dir(&objects));
    let object_files = fs::read_dir(&objects).unwrap();
    let object_files: Vec<PathBuf> = object_files.map(|file| file.unwrap().path()).collect();
    let link = |libraries: Vec<&str>| {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("ffi-test");
        let mut command = Command::new(compiler);
        command.args(flags).args(&object_files).arg("-o").arg(&path);
        run(command.args(libraries));
        Program {
            path,
            _directory: directory,
        }
    };
    vec![link(statically), link(dynamically)]
}

/// The C or C++ files of a folder of `ffi-tests/`.
pub(crate) fn sources(folder: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(repository().join("ffi-tests").join(folder)).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let sources: Vec<_> = files
        .filter(|f| f.extension().is_some_and(|e| e == "c" || e == "cpp"))
        .collect();
    assert!(!sources.is_empty());
    sources
}

/// For gcc and g++.
pub(crate) const SANITIZE: [&str; 2] =
    ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// Runs under valgrind, to success and without a leak.
pub(crate) fn expect_clean_under_valgrind(program: &Program) {
    let mut command = Command::new("valgrind");
    // Not `possible`: the threads of the library's pool live as long as the process.
    command.args([
        "--quiet",
        "--error-exitcode=1",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite,indirect",
        "--show-leak-kinds=definite,indirect",
    ]);
    command.arg(&program.path).env("LD_LIBRARY_PATH", built());
    // Valgrind's CPU may not have the instruction set that is forced on this one.
    expect_pass(command.env_remove("BNN_ISA"));
}

/// Runs to success, and to a last line that says so.
pub(crate) fn expect_pass(command: &mut Command) {
    let printed = text(&run(command).stdout);
    let last = printed.lines().last().unwrap_or_default();
    assert!(
        last.ends_with(" passed, 0 failed"),
        "{command:?}: {printed}"
    );
}

/// Runs to success.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    output
}

/// Whether a tool is here; see the head of this file.
pub(crate) fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    let required = std::env::var("BNN_REQUIRE").unwrap_or_default();
    let required = required.split(',').any(|name| name == tool);
    assert!(
        found || !required,
        "BNN_REQUIRE asks for {tool}, which is not installed"
    );
    if !found {
        eprintln!("skipped with {tool}: not installed");
    }
    found
}

/// What stands between each line `open` and the fence that closes it.
pub(crate) fn blocks<'a>(guide: &'a str, open: &str) -> Vec<&'a str> {
    let from = guide.split(open).skip(1);
    from.map(|from| from.split_once("```").unwrap().0).collect()
}

/// Where this build's libraries are.
pub(crate) fn built() -> PathBuf {
    std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .to_owned()
}

pub(crate) fn include() -> String {
    format!("-I{}", repository().join("include").display())
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
