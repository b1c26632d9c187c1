//! What library this is and what it runs on.

use core::ffi::{CStr, c_char};

use bnn_core::Kernel;
use bnn_core::internal::isa_c_name;

/// The ABI that this header describes; compare with `bnn_abi_version()`. It changes only when a
/// program compiled against the old header would no longer work.
pub const BNN_ABI_VERSION: u32 = 1;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version has no 0 byte"),
    };

export! {
    /// The ABI version of the library that was linked or loaded. Refuse to run if it differs from
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
    /// The instruction set in use: "portable", "popcnt", "avx2", "avx512", "amx", "neon" or
    /// "simd128". It is the fastest that this CPU has, or the one that the environment variable
    /// `BNN_ISA` names. The library reads the variable once; a build without `std` does not read
    /// it. Later versions may add names.
    ///
    /// Returns a static string, never NULL, never to be freed. It is "" if `BNN_ISA` names an
    /// instruction set that is unknown or absent; `bnn_last_error_message()` then says which.
    pub fn bnn_isa() -> *const c_char {
        Ok(isa_c_name(Kernel::active()?.isa()).as_ptr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instruction_sets_have_the_core_s_names() {
        for kernel in Kernel::available() {
            assert_eq!(isa_c_name(kernel.isa()).to_str(), Ok(kernel.isa().name()));
        }
    }
}
