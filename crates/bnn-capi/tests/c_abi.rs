//! The library as C sees it: the programs of `ffi-tests/c`, the header and the guide's example are
//! compiled against what this very build made, and run.
//!
//! Cargo builds the static and the shared library before the integration tests of their package and
//! leaves them beside the tests' own programs, so they are never stale.
//!
//! A missing tool skips its test and says so; `BNN_REQUIRE=gcc,clang,..` makes it a failure.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod toolchain;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use tempfile::TempDir;
use toolchain::{
    Program, SANITIZE, STRICT, blocks, built, expect_clean_under_valgrind, expect_pass, has,
    include, repository, run, text,
};

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
        for isa in ["portable", "popcnt", "avx2", "avx512", "amx", "nonsense"] {
            expect_pass(program.command().env("BNN_ISA", isa));
        }
    }
}

#[test]
fn c_programs_are_clean_under_valgrind() {
    if !has("valgrind") {
        return;
    }
    // Slow, and the same code in either library.
    for program in programs("gcc").iter().take(1) {
        expect_clean_under_valgrind(program);
    }
}

#[test]
fn c_programs_are_clean_under_the_address_and_undefined_behaviour_sanitizers() {
    // Allocations of the library are watched too, its own accesses are not: ci/sanitizers.sh does
    // that.
    for program in programs_with("gcc", &SANITIZE) {
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
    let (guide, _) = guide.split_once("\n## C++\n").unwrap();
    let (programs, printed) = (blocks(guide, "```c\n"), blocks(guide, "```text\n"));
    assert_eq!((programs.len(), printed.len()), (5, 5));
    for (program, printed) in programs.iter().zip(printed) {
        assert_eq!(printed_by(program, guide), printed);
    }
}

#[test]
fn the_readme_s_example_compiles_by_its_own_line_and_prints_what_it_says() {
    if !has("gcc") {
        return;
    }
    let readme = fs::read_to_string(repository().join("crates/bnn-capi/README.md")).unwrap();
    let [program] = blocks(&readme, "```c\n")[..] else {
        panic!("expected one program")
    };
    assert_eq!(printed_by(program, &readme), "1\n");
}

/// What a program prints that the first commands of a text compile and run.
fn printed_by(program: &str, text_with_commands: &str) -> String {
    let directory = TempDir::new().unwrap();
    let commands = blocks(text_with_commands, "```sh\n")[0]
        .lines()
        .filter(|line| line.starts_with("cc ") || line.starts_with("./"))
        .collect::<Vec<_>>()
        .join("\n")
        .replace("target/release", built().to_str().unwrap())
        .replace("-Iinclude", &include());
    fs::write(directory.path().join("first.c"), program).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &commands]).current_dir(&directory);
    text(&run(&mut shell).stdout).to_owned()
}

/// The C tests with the static library, then with the shared one; none without the compiler.
fn programs(compiler: &str) -> Vec<Program> {
    programs_with(compiler, &[])
}

/// The C tests, compiled with more flags.
fn programs_with(compiler: &str, flags: &[&str]) -> Vec<Program> {
    toolchain::programs(compiler, &[&["-std=c99"], flags].concat(), "c")
}
