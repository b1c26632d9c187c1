//! `cargo xtask`: what is longer than one cargo command.

mod header;
mod stack;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask header           write include/bnn.h from crates/bnn-capi
       cargo xtask header --check   fail where the committed include/bnn.h differs
       cargo xtask stack LISTING FUNCTION [RULE..]
                                    print how much stack calls of FUNCTION take at most, by an objdump of Thumb code;
                                    a RULE, `CALLER -> CALLEE, CALLEE..`, says what is called through a pointer";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["header"] => header::write(),
        ["header", "--check"] => header::check(),
        ["stack", listing, function, ref rules @ ..] => stack::print(listing, function, rules),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
