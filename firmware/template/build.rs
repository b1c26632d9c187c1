//! Hands the linker the memory map, `memory.x`, and the script of `cortex-m-rt` that includes it.

use std::env;

fn main() {
    println!(
        "cargo:rustc-link-search={}",
        env::var("CARGO_MANIFEST_DIR").unwrap_or_default()
    );
    println!("cargo:rustc-link-arg=--nmagic"); // sections need not begin on pages
    println!("cargo:rustc-link-arg=-Tlink.x");
    println!("cargo:rerun-if-changed=memory.x");
}
