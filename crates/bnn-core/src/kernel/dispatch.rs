//! Which kernels this build has, and which one this CPU gets: the one dispatch site.

use super::arch;
use super::isa::{Isa, for_each_isa};
use super::loops::Loop;
use super::types::Kernel;
use crate::error::Error;

macro_rules! define_table {
    ($($(#[$doc:meta])* $isa:ident, $name:literal, $built:meta, $($module:ident)::+;)+) => {
        /// The kernels of this build, from the slowest to the fastest.
        static TABLE: &[&Kernel] = &[
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
        #[cfg(feature = "std")]
        {
            static ACTIVE: std::sync::OnceLock<Result<&'static Kernel, Error>> =
                std::sync::OnceLock::new();
            *ACTIVE.get_or_init(|| match std::env::var_os("BNN_ISA") {
                Some(name) if !name.is_empty() => Self::by_name(&name.to_string_lossy()),
                _ => Self::fastest(),
            })
        }
        #[cfg(not(feature = "std"))]
        Self::fastest()
    }

    fn fastest() -> Result<&'static Kernel, Error> {
        Self::available().last().ok_or(Error::IsaAbsent {
            name: Isa::Portable.name(),
        })
    }
}

/// Products by arithmetic.
#[cfg(feature = "conv")]
impl Kernel {
    /// Subtracts from each sum twice the number of bits in which `row` and a row of the same length
    /// in `others` differ in their `part`: words of 32 bits. By arithmetic, see
    /// [`Kernel::counts_by_arithmetic`].
    pub(crate) fn subtract_mismatches(
        row: &[u32],
        others: &[u32],
        part: core::ops::Range<usize>,
        sums: &mut [i32],
    ) {
        arch::portable::subtract_mismatches(row, others, part, sums);
    }
}

/// Runs a loop with the vectors of the kernel in use.
#[inline]
pub fn vectorised<L: Loop>(work: L) -> L::Output {
    // Other targets have their vectors in every build. An instruction set that is asked for and
    // absent is an error of the operations around the loop, which call kernels.
    #[cfg(all(bnn_x86, feature = "std"))]
    if let Ok(kernel) = Kernel::active() {
        return arch::x86_64::loops::run(kernel, work);
    }
    work.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_stands_under_its_own_name() {
        for kernel in TABLE {
            let same_isa = TABLE.iter().filter(|other| other.isa() == kernel.isa());
            assert_eq!(same_isa.count(), 1, "{kernel:?}");
            assert!(Isa::ALL.contains(&kernel.isa()), "{kernel:?}");
        }
        let names: alloc::vec::Vec<_> = Isa::NAMES.split(", ").collect();
        assert!(Isa::ALL.iter().map(|isa| isa.name()).eq(names));
    }
}
