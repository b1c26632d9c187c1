//! `bnn.hpp` as C++ sees it: the programs of `ffi-tests/cpp` and the guide's examples are compiled
//! against what this very build made, and run. See `toolchain` for what is needed.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod toolchain;

use std::fs;
use std::process::Command;

use tempfile::TempDir;
use toolchain::{
    SANITIZE, STRICT, SYSTEM, blocks, built, expect_clean_under_valgrind, expect_pass, has,
    include, repository, run, text,
};

#[test]
fn cpp_programs_pass_against_both_libraries() {
    for (compiler, standard) in [("g++", "-std=c++17"), ("clang++", "-std=c++20")] {
        for program in toolchain::programs(compiler, &[standard], "cpp") {
            expect_pass(&mut program.command());
            expect_pass(program.command().env("BNN_ISA", "portable"));
        }
    }
}

#[test]
fn cpp_programs_compile_in_the_other_standard_of_each_compiler() {
    for (compiler, standard) in [("g++", "-std=c++20"), ("clang++", "-std=c++17")] {
        if has(compiler) {
            let mut compile = Command::new(compiler);
            compile
                .args(STRICT)
                .args([standard, "-fsyntax-only", &include()]);
            run(compile.args(toolchain::sources("cpp")));
        }
    }
}

#[test]
fn cpp_programs_are_clean_under_the_address_and_undefined_behaviour_sanitizers() {
    let flags = [&["-std=c++17"], &SANITIZE[..]].concat();
    for program in toolchain::programs("g++", &flags, "cpp") {
        expect_pass(&mut program.command());
    }
}

#[test]
fn cpp_programs_are_clean_under_valgrind() {
    if !has("valgrind") {
        return;
    }
    // Slow, and the same code in either library.
    for program in toolchain::programs("g++", &["-std=c++17"], "cpp")
        .iter()
        .take(1)
    {
        expect_clean_under_valgrind(program);
    }
}

#[test]
fn the_guide_s_examples_compile_in_either_standard_and_print_what_it_says() {
    if !has("g++") {
        return;
    }
    let guide = fs::read_to_string(repository().join("docs/C_API.md")).unwrap();
    let (_, guide) = guide.split_once("\n## C++\n").unwrap();
    let (guide, _) = guide.split_once("\n## LibTorch\n").unwrap();
    let directory = TempDir::new().unwrap();
    let source = directory.path().join("example.cpp");
    let program = directory.path().join("example");
    let (programs, printed) = (blocks(guide, "```cpp\n"), blocks(guide, "```text\n"));
    assert_eq!((programs.len(), printed.len()), (2, 2));
    for (text_of, expected) in programs.iter().zip(printed) {
        fs::write(&source, text_of).unwrap();
        for standard in ["-std=c++17", "-std=c++20"] {
            let mut compile = Command::new("g++");
            compile.args(STRICT).args([standard, &include()]);
            compile.arg(&source).arg(built().join("libbnn.a"));
            run(compile.args(SYSTEM).arg("-o").arg(&program));
            let printed = text(&run(&mut Command::new(&program)).stdout);
            assert_eq!(printed, expected);
        }
    }
}
