//! Which kernels this build has, and which one this CPU gets: the one dispatch site.

use super::arch;
use super::isa::{Isa, for_each_isa};
use super::loops::Loop;
use super::types::Kernel;
use crate::error::Error;

macro_rules! define_table {
    ($($(#[$doc:meta])* $isa:ident, $name:literal, $built:meta, $($module:ident)::+;)+) => {
        /// The kernels of this build, from the slowest to the fastest.
        pub(super) static TABLE: &[&Kernel] = &[
            $(#[cfg($built)] &arch::$($module)::+::KERNEL),+
        ];
    };
}
for_each_isa!(define_table);

impl Kernel {
    /// The kernels that this CPU can run, from the slowest to the fastest.
    pub fn available() -> impl Iterator<Item = &'static Kernel> {
        TABLE.iter().copied().filter(|kernel| (kernel.supported)())
    }

    /// The kernel in use: the fastest that this CPU has or, with `std`, the one that the variable
    /// `BNN_ISA` names, unless it is empty. The variable is read once, at the first call.
    ///
    /// # Errors
    /// If `BNN_ISA` asks for an instruction set that is unknown or absent: there is no silent
    /// fallback.
    pub fn active() -> Result<&'static Kernel, Error> {
        Self::chosen()
    }

    /// The fastest that this CPU has.
    pub(super) fn fastest() -> Result<&'static Kernel, Error> {
        Self::available().last().ok_or(Error::IsaAbsent {
            name: Isa::Portable.name(),
        })
    }
}

/// Runs a loop with the vectors of the kernel in use.
#[inline]
pub fn vectorised<L: Loop>(work: L) -> L::Output {
    // Other targets have their vectors in every build. An instruction set that is asked for and
    // absent is an error of the operations around the loop, which call kernels.
    #[cfg(bnn_x86)]
    if let Ok(kernel) = Kernel::active() {
        return arch::x86_64::loops::run(kernel, work);
    }
    work.run()
}
