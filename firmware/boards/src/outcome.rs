//! How programs end that print.

use core::fmt::Display;

use semihosting::println;

/// The exit code of a program: 1, and why, where something is wrong.
pub fn exit_code(program: &str, done: Result<(), impl Display>) -> i32 {
    match done {
        Ok(()) => 0,
        Err(wrong) => {
            println!("{program}: {wrong}");
            1
        }
    }
}
