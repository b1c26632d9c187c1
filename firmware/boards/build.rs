//! Hands the linker the memory map of the board that qemu emulates for the target.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let target = env::var("TARGET").unwrap_or_default();
    let (map, scripts): (&str, &[&str]) = if env::var_os("CARGO_FEATURE_SMALL").is_some() {
        (include_str!("memory/small.x"), &["link.x"])
    } else if env::var_os("CARGO_FEATURE_MEDIUM").is_some() {
        (include_str!("memory/medium.x"), &["link.x"])
    } else if env::var_os("CARGO_FEATURE_WORDS").is_some() {
        match target.starts_with("thumb") {
            true => (include_str!("memory/words.x"), &["link.x"]),
            false => (include_str!("memory/words-virt.x"), &["memory.x", "link.x"]),
        }
    } else if target.starts_with("thumb") && env::var_os("CARGO_FEATURE_LARGE").is_some() {
        (include_str!("memory/mps2.x"), &["link.x"])
    } else if target.starts_with("thumbv6m") {
        (include_str!("memory/microbit.x"), &["link.x"])
    } else if target.starts_with("thumbv8m") {
        (include_str!("memory/mps3.x"), &["link.x"])
    } else if target.starts_with("thumb") {
        (include_str!("memory/mps2.x"), &["link.x"])
    } else {
        (include_str!("memory/virt.x"), &["memory.x", "link.x"])
    };
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    if let Err(error) = fs::write(out.join("memory.x"), map) {
        panic!("cannot write the memory map: {error}");
    }
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg=--nmagic");
    for script in scripts {
        println!("cargo:rustc-link-arg=-T{script}");
    }
    println!("cargo:rustc-check-cfg=cfg(armv6m)");
    if target.starts_with("thumbv6m") {
        println!("cargo:rustc-cfg=armv6m");
    }
    println!("cargo:rustc-check-cfg=cfg(armv8m)");
    if target.starts_with("thumbv8m") {
        println!("cargo:rustc-cfg=armv8m");
    }
    println!("cargo:rerun-if-changed=memory");
}
