//! What library this is and what it runs on.

use core::ffi::{CStr, c_char};

use bnn_core::{Isa, Kernel};

/// The ABI that this header describes; compare with `bnn_abi_version()`. It changes only when a
/// program compiled against the old header would no longer work.
pub const BNN_ABI_VERSION: u32 = 1;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version has no 0 byte"),
    };

export! {
    /// The ABI of the library that was linked or loaded. Refuse to run where it differs from
    /// `BNN_ABI_VERSION`. Cannot fail.
    pub fn bnn_abi_version() -> u32 {
        Ok(BNN_ABI_VERSION)
    }
}

export! {
    /// The library's version, such as "1.2.3".
    ///
    /// Returns a static string; never NULL, never to be freed.
    pub fn bnn_version() -> *const c_char {
        Ok(VERSION.as_ptr())
    }
}

export! {
    /// The instruction set in use, by the name that `BNN_ISA` would ask for it: "portable", "popcnt",
    /// "avx2", "avx512", "amx", "neon", "simd128". It is the fastest that this CPU has, or the one that the environment variable
    /// `BNN_ISA` names; the variable is read once, and not at all by a build without `std`. Later
    /// versions may add names.
    ///
    /// Returns a static string, never NULL, never to be freed: "" where `BNN_ISA` asks for what is
    /// unknown or absent, and `bnn_last_error_message()` says which.
    pub fn bnn_isa() -> *const c_char {
        Ok(isa_name(Kernel::active()?.isa()).as_ptr())
    }
}

/// [`Isa::name`] as C wants it, closed by a 0.
fn isa_name(isa: Isa) -> &'static CStr {
    match isa {
        Isa::Portable => c"portable",
        Isa::Popcnt => c"popcnt",
        Isa::Avx2 => c"avx2",
        Isa::Avx512 => c"avx512",
        Isa::Amx => c"amx",
        Isa::Neon => c"neon",
        Isa::Simd128 => c"simd128",
        _ => c"other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instruction_sets_have_the_core_s_names() {
        for kernel in Kernel::available() {
            assert_eq!(isa_name(kernel.isa()).to_str(), Ok(kernel.name()));
        }
    }
}
