//! The instruction sets that kernels are written for: the one list of them.

use core::ffi::CStr;

/// Calls the macro `$then` with every instruction set, from the slowest kernel to the fastest: its
/// documentation, its variant of [`Isa`], the name by which `BNN_ISA` asks for it, where it is
/// built (a `cfg` that `build.rs` sets), and the module of [`arch`](super::arch) that has its
/// `KERNEL`.
///
/// To add an instruction set, add a line here and that module.
macro_rules! for_each_isa {
    ($then:ident) => {
        $then! {
            /// Plain Rust; on every target.
            Portable, "portable", all(), portable;
            /// x86-64 with the `popcnt` instruction.
            Popcnt, "popcnt", bnn_x86, x86_64::popcnt;
            /// x86-64 with AVX2.
            Avx2, "avx2", bnn_x86, x86_64::avx2;
            /// x86-64 with AVX-512 F and VPOPCNTDQ.
            Avx512, "avx512", bnn_x86, x86_64::avx512;
            /// x86-64 with AMX-INT8 and AVX-512 BW, VBMI and VPOPCNTDQ, on Linux.
            Amx, "amx", bnn_amx, x86_64::amx;
            /// 64-bit Arm with NEON.
            Neon, "neon", bnn_neon, aarch64::neon;
            /// WebAssembly with 128-bit vectors.
            Simd128, "simd128", bnn_simd128, wasm32::simd128;
        }
    };
}
pub(super) use for_each_isa;

macro_rules! define_isa {
    ($($(#[$doc:meta])* $isa:ident, $name:literal, $built:meta, $($module:ident)::+;)+) => {
        /// An instruction set that a kernel is written for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Isa {
            $($(#[$doc])* $isa),+
        }

        impl Isa {
            /// [`Isa::name`] as C has it.
            pub(crate) const fn c_name(self) -> &'static CStr {
                let name = match self {
                    $(Isa::$isa => concat!($name, "\0")),+
                };
                match CStr::from_bytes_with_nul(name.as_bytes()) {
                    Ok(name) => name,
                    Err(_) => c"", // no name has a zero within
                }
            }

            /// The name by which `BNN_ISA` asks for it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Isa::$isa => $name),+
                }
            }
        }
    };
}
for_each_isa!(define_isa);
