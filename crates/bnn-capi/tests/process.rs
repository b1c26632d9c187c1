//! What befalls a process: no memory left, a library that is unloaded. (Forks are in `ffi-tests/c`,
//! which runs under the sanitizers and valgrind too.) The programs of `ffi-tests/process` are
//! compiled against what this very build made, and run. See `toolchain` for what is needed.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod toolchain;

use std::process::Command;

use tempfile::TempDir;
use toolchain::{STRICT, SYSTEM, built, expect_pass, has, include, repository, run};

/// Compiles the program `name` with `libraries`, libraries and flags of the linker, and hands a
/// command that runs it to `check`.
fn with_program(name: &str, libraries: &[&str], check: impl FnOnce(&mut Command)) {
    if !has("gcc") {
        return;
    }
    let directory = TempDir::new().unwrap();
    let program = directory.path().join(name);
    let source = repository().join("ffi-tests/process").join(name);
    let mut compile = Command::new("gcc");
    compile.args(STRICT).args(["-std=c99", "-O1", &include()]);
    compile.arg(source.with_extension("c")).args(libraries);
    run(compile.args(SYSTEM).arg("-o").arg(&program));
    check(&mut Command::new(program));
}

#[test]
fn where_memory_is_short_calls_are_refused_and_the_process_goes_on() {
    let archive = built().join("libbnn.a");
    with_program("low_memory", &[archive.to_str().unwrap()], expect_pass);
}

#[test]
fn runs_of_a_packed_model_allocate_the_first_time_only() {
    let archive = built().join("libbnn.a");
    let wrap = "-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=posix_memalign";
    with_program(
        "allocations",
        &[archive.to_str().unwrap(), wrap],
        expect_pass,
    );
}

#[test]
fn the_library_may_be_unloaded_and_loaded_again_while_its_threads_sleep() {
    with_program("unload", &[], |program| {
        expect_pass(program.arg(built().join("libbnn.so")));
    });
}
