//! The library as C sees it: the programs of `ffi-tests/c`, the header and the guide's example are
//! compiled against what this very build made, and run.
//!
//! Cargo builds the static and the shared library before the integration tests of their package and
//! leaves them beside the tests' own programs, so they are never stale.
//!
//! A missing tool skips its test and says so; `BNN_REQUIRE=gcc,clang,..` makes it a failure.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-g"];
/// What the static library wants of a C program's system.
const SYSTEM: [&str; 3] = ["-lpthread", "-ldl", "-lm"];
const C_COMPILERS: [&str; 2] = ["gcc", "clang"];

#[test]
fn c_programs_pass_against_both_libraries() {
    for program in C_COMPILERS.iter().flat_map(|cc| programs(cc)) {
        expect_pass(&mut program.command());
    }
}

#[test]
fn c_programs_pass_on_every_instruction_set_and_are_refused_absent_ones() {
    for program in programs("gcc") {
        for isa in ["portable", "popcnt", "avx2", "avx512", "nonsense"] {
            expect_pass(program.command().env("BNN_ISA", isa));
        }
    }
}

#[test]
fn c_programs_are_clean_under_valgrind() {
    if !has("valgrind") {
        return;
    }
    for program in programs("gcc") {
        let mut command = Command::new("valgrind");
        // Not `possible`: the threads of the library's pool live as long as the process.
        command.args([
            "--quiet",
            "--error-exitcode=1",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect",
            "--show-leak-kinds=definite,indirect",
        ]);
        expect_pass(command.arg(&program.path).env("LD_LIBRARY_PATH", built()));
    }
}

#[test]
fn c_programs_are_clean_under_the_address_and_undefined_behaviour_sanitizers() {
    // Allocations of the library are watched too, its own accesses are not: ci/sanitizers.sh does that.
    let sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    for program in programs_with("gcc", &sanitize) {
        expect_pass(&mut program.command());
    }
}

#[test]
fn the_header_stands_alone_in_c99_and_cpp11() {
    let directory = TempDir::new().unwrap();
    for (compiler, standard) in [
        ("gcc", "c99"),
        ("clang", "c99"),
        ("g++", "c++11"),
        ("clang++", "c++11"),
    ] {
        let language = if standard == "c99" { "c" } else { "c++" };
        let source = directory.path().join(format!("twice.{language}"));
        fs::write(&source, "#include \"bnn.h\"\n#include \"bnn.h\"\n").unwrap();
        if has(compiler) {
            let mut command = Command::new(compiler);
            command.args(["-fsyntax-only", "-x", language, &format!("-std={standard}")]);
            run(command.args(STRICT).arg(include()).arg(source));
        }
    }
}

#[test]
fn the_shared_library_exports_the_functions_of_the_header_and_nothing_else() {
    if !has("nm") {
        return;
    }
    let mut nm = Command::new("nm");
    nm.args(["--dynamic", "--defined-only", "--format=just-symbols"]);
    let exported = text(&run(nm.arg(built().join("libbnn.so"))).stdout);
    let exported: BTreeSet<&str> = exported.lines().collect();

    let header = fs::read_to_string(repository().join("include/bnn.h")).unwrap();
    let declared: BTreeSet<&str> = header
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '#']))
        .filter_map(|line| line.split_once('('))
        .filter_map(|(before, _)| before.rsplit([' ', '*']).next())
        .collect();
    assert!(declared.contains("bnn_gemm_i32"), "{declared:?}");
    assert_eq!(exported, declared);
}

#[test]
fn the_guide_s_examples_compile_by_its_own_line_and_print_what_it_says() {
    if !has("gcc") {
        return;
    }
    let guide = fs::read_to_string(repository().join("docs/C_API.md")).unwrap();
    let directory = TempDir::new().unwrap();
    let commands = blocks(&guide, "```sh\n")[0]
        .lines()
        .filter(|line| line.starts_with("cc ") || line.starts_with("./"))
        .collect::<Vec<_>>()
        .join("\n")
        .replace("target/release", built().to_str().unwrap())
        .replace("-Iinclude", &include());
    let (programs, printed) = (blocks(&guide, "```c\n"), blocks(&guide, "```text\n"));
    assert_eq!((programs.len(), printed.len()), (2, 2));
    for (program, printed) in programs.iter().zip(printed) {
        fs::write(directory.path().join("first.c"), program).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", &commands]).current_dir(&directory);
        assert_eq!(text(&run(&mut shell).stdout), printed);
    }
}

/// A program made of `ffi-tests/c`, linked in one of two ways.
struct Program {
    path: PathBuf,
    _directory: TempDir,
}

impl Program {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.env("LD_LIBRARY_PATH", built());
        command
    }
}

/// The C tests with the static library, then with the shared one; none without the compiler.
fn programs(compiler: &str) -> Vec<Program> {
    programs_with(compiler, &[])
}

/// The same with more flags for the compiler.
fn programs_with(compiler: &str, flags: &[&str]) -> Vec<Program> {
    if !has(compiler) {
        return Vec::new();
    }
    let archive = built().join("libbnn.a");
    let shared = format!("-L{}", built().display());
    let statically: Vec<&str> = [&[archive.to_str().unwrap()], &SYSTEM[..]].concat();
    // `-l:` names the file: plain `-lbnn` would be content with the archive.
    let dynamically = vec![shared.as_str(), "-l:libbnn.so", "-lpthread"];
    let link = |libraries: Vec<&str>| {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("ffi-test");
        let mut command = Command::new(compiler);
        command.args(STRICT).args(["-std=c99", "-O1"]).args(flags);
        command.arg(include()).args(sources()).arg("-o").arg(&path);
        run(command.args(libraries));
        Program {
            path,
            _directory: directory,
        }
    };
    vec![link(statically), link(dynamically)]
}

fn sources() -> Vec<PathBuf> {
    let files = fs::read_dir(repository().join("ffi-tests/c")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let sources: Vec<_> = files
        .filter(|f| f.extension().is_some_and(|e| e == "c"))
        .collect();
    assert!(!sources.is_empty());
    sources
}

fn expect_pass(command: &mut Command) {
    let printed = text(&run(command).stdout);
    let last = printed.lines().last().unwrap_or_default();
    assert!(
        last.ends_with(" passed, 0 failed"),
        "{command:?}: {printed}"
    );
}

/// Runs to success.
fn run(command: &mut Command) -> Output {
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
fn has(tool: &str) -> bool {
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
fn blocks<'a>(guide: &'a str, open: &str) -> Vec<&'a str> {
    let from = guide.split(open).skip(1);
    from.map(|from| from.split_once("```").unwrap().0).collect()
}

/// Where this build's libraries are.
fn built() -> PathBuf {
    std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .to_owned()
}

fn include() -> String {
    format!("-I{}", repository().join("include").display())
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
