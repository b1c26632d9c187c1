//! How the programs are linked: from `entry` on, without what nothing calls.

fn main() {
    println!("cargo:rustc-link-arg=-eentry");
    println!("cargo:rustc-link-arg=--gc-sections");
    println!("cargo:rerun-if-changed=build.rs");
}
