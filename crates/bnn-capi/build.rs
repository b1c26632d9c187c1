//! Gives the shared library its name for the loader: `libbnn.so.N`, where `N` is the ABI version. A
//! program then runs with every later `libbnn` of the same ABI, and never with one of another.
//!
//! On Linux; elsewhere the linker's own name stays.

use std::error::Error;
use std::{env, fs};

/// Where the number is written, once: the header takes it from there, too.
const SOURCE: &str = "src/info.rs";
const CONSTANT: &str = "pub const BNN_ABI_VERSION: u32 = ";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={SOURCE}");
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? == "linux" {
        let abi = abi_version(&fs::read_to_string(SOURCE)?)
            .ok_or_else(|| format!("{SOURCE}: expected a line `{CONSTANT}N;`"))?;
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libbnn.so.{abi}");
    }
    Ok(())
}

fn abi_version(source: &str) -> Option<u32> {
    let mut lines = source.lines();
    let number = lines.find_map(|line| line.strip_prefix(CONSTANT))?;
    number.strip_suffix(';')?.parse().ok()
}
