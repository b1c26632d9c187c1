//! Names the code paths of a target, so that each is spelled once: `cfg(bnn_x86)` and the like.
//!
//! On stable Rust, `cfg` does not tell small Arm cores apart; the name of the target does.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let var = |name: &str| env::var(name).unwrap_or_default();
    let (target, arch) = (var("TARGET"), var("CARGO_CFG_TARGET_ARCH"));
    let target_features = var("CARGO_CFG_TARGET_FEATURE");
    let has = |feature: &str| target_features.split(',').any(|name| name == feature);
    let [alloc, std] =
        ["ALLOC", "STD"].map(|name| env::var_os(format!("CARGO_FEATURE_{name}")).is_some());

    let x86 = arch == "x86_64";
    let neon = arch == "aarch64" && has("neon");
    let amx = x86
        && var("CARGO_CFG_TARGET_POINTER_WIDTH") == "64"
        && var("CARGO_CFG_TARGET_OS") == "linux";
    let simd128 = arch == "wasm32" && has("simd128");
    // Without an allocator there are no panels, and no kernel for them.
    let paths = [
        ("bnn_x86", x86 && alloc),
        // x86-64 Linux with 64-bit pointers: the kernel's system call hands out the tiles.
        ("bnn_amx", amx && std),
        ("bnn_neon", neon && alloc),
        // Packing with NEON needs no allocator.
        ("bnn_neon_packing", neon),
        ("bnn_simd128", simd128 && alloc),
        // Every engine counts the bits of a word by an instruction.
        ("bnn_counts_bits", arch == "wasm32" && !alloc),
        // 32-bit cores with neither a population count nor vectors.
        (
            "bnn_small_core",
            arch == "arm" || (arch == "riscv32" && !has("zbb")),
        ),
        // Cortex-M4 and M7: Thumb-2 with the DSP extension.
        ("bnn_armv7em", target.starts_with("thumbv7em-")),
        // Cortex-M0 and M0+.
        ("bnn_armv6m", target.starts_with("thumbv6m-")),
    ];
    for (name, built) in paths {
        println!("cargo::rustc-check-cfg=cfg({name})");
        if built {
            println!("cargo::rustc-cfg={name}");
        }
    }
}
