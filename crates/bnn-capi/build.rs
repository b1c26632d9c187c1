//! Gives the shared library its name for the loader: `libbnn.so.N`, where `N` is the ABI version. A
//! program then runs with every later `libbnn` of the same ABI, and never with one of another.
//!
//! On Linux; elsewhere the linker's own name stays.

use std::error::Error;
use std::path::Path;
use std::{env, fs, io};

/// Where the number is written, once: the header takes it from there, too.
const SOURCE: &str = "src/info.rs";
const CONSTANT: &str = "pub const BNN_ABI_VERSION: u32 = ";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={SOURCE}");
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? == "linux" {
        let abi = abi_version(&fs::read_to_string(SOURCE)?)
            .ok_or_else(|| format!("{SOURCE}: expected a line `{CONSTANT}N;`"))?;
        let soname = format!("libbnn.so.{abi}");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{soname}");
        // The library's threads sleep in its code for as long as the process lives, so `dlclose`
        // must not take that away.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // The library is not named so where cargo leaves it, but programs that are linked there
        // should run. OUT_DIR is three folders below.
        let out = env::var("OUT_DIR")?;
        if let Some(profile) = Path::new(&out).ancestors().nth(3) {
            link(&profile.join(&soname))?;
            link(&profile.join("deps").join(&soname))?;
        }
    }
    Ok(())
}

fn abi_version(source: &str) -> Option<u32> {
    let mut lines = source.lines();
    let number = lines.find_map(|line| line.strip_prefix(CONSTANT))?;
    number.strip_suffix(';')?.parse().ok()
}

/// Makes `name` lead to the library beside it, unless it does so already.
#[cfg(unix)]
fn link(name: &Path) -> io::Result<()> {
    match std::os::unix::fs::symlink("libbnn.so", name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done,
    }
}

#[cfg(not(unix))]
fn link(_: &Path) -> io::Result<()> {
    Ok(())
}
