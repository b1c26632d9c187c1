//! Says which small Arm cores are built for: on stable Rust, targets do not tell it to `cfg`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(armv7em, armv6m)");
    let target = std::env::var("TARGET").unwrap_or_default();
    if target.starts_with("thumbv7em-") {
        // Cortex-M4 and M7: Thumb-2 with the DSP extension.
        println!("cargo:rustc-cfg=armv7em");
    } else if target.starts_with("thumbv6m-") {
        println!("cargo:rustc-cfg=armv6m");
    }
}
