//! `cargo xtask`: what is longer than one cargo command.

mod api;
mod dist;
mod header;
mod packages;
mod program;
mod repository;
mod stack;
mod versions;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask header           write include/bnn.h from crates/bnn-capi
       cargo xtask header --check   fail where the committed include/bnn.h differs
       cargo xtask stack LISTING FUNCTION [RULE..]
                                    print how much stack calls of FUNCTION take at most, by an objdump of Thumb code;
                                    a RULE, `CALLER -> CALLEE, CALLEE..`, says what is called through a pointer
       cargo xtask versions         fail where a file states another version than the crates have
       cargo xtask versions --dated   .. or the changelog has no dated section of it
       cargo xtask packages         check what the published crates would upload, and print the sizes
       cargo xtask packages --rehearse   .. and build each from its package, as `cargo publish` does
       cargo xtask api [COMMIT]     fail where public items of the last release (the newest tag v*, or COMMIT) are
                                    missing and the version does not say so
       cargo xtask dist [--target TRIPLE]   make the files of a release in target/dist
       cargo xtask dist --rehearse [..]     .. from uncommitted files too, and for a newer C library";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["header"] => header::write(),
        ["header", "--check"] => header::check(),
        ["stack", listing, function, ref rules @ ..] => stack::print(listing, function, rules),
        ["versions"] => versions::check().map(|version| println!("{version}")),
        ["versions", "--dated"] => versions::check_dated().map(|version| println!("{version}")),
        ["packages"] => packages::check(),
        ["packages", "--rehearse"] => packages::rehearse(),
        ["api"] => api::check(None),
        ["api", release] => api::check(Some(release)),
        ["dist"] => dist::make(dist::TARGET, false),
        ["dist", "--target", target] => dist::make(target, false),
        ["dist", "--rehearse"] => dist::make(dist::TARGET, true),
        ["dist", "--rehearse", "--target", target] => dist::make(target, true),
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
