//! Which kernels this build has, and which one this CPU gets: the one dispatch site.

use super::arch;
use super::isa::{Isa, for_each_isa};
use super::types::Kernel;
use crate::error::{Error, ShortName};

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

    /// The kernel for `isa`.
    ///
    /// # Errors
    /// [`Error::IsaAbsent`] if this CPU or this build does not have it.
    pub(crate) fn for_isa(isa: Isa) -> Result<&'static Kernel, Error> {
        Self::available()
            .find(|kernel| kernel.isa() == isa)
            .ok_or(Error::IsaAbsent { name: isa.name() })
    }

    /// The kernel by the name that `BNN_ISA` would hold.
    ///
    /// # Errors
    /// [`Error::IsaUnknown`] if no instruction set has this name; [`Error::IsaAbsent`] if this CPU
    /// or this build does not have it.
    pub(crate) fn by_name(name: &str) -> Result<&'static Kernel, Error> {
        let isa = Isa::ALL.iter().find(|isa| isa.name() == name);
        Self::for_isa(*isa.ok_or(Error::IsaUnknown {
            name: ShortName::new(name),
            known: Isa::NAMES,
        })?)
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

    #[test]
    fn unknown_and_absent_names_are_told_apart() {
        assert_eq!(
            Kernel::by_name("avx3"),
            Err(Error::IsaUnknown {
                name: ShortName::new("avx3"),
                known: Isa::NAMES,
            })
        );
        assert_eq!(
            Kernel::by_name("portable").map(Kernel::isa),
            Ok(Isa::Portable)
        );
        for &isa in Isa::ALL {
            let found = Kernel::for_isa(isa).map(Kernel::isa);
            assert!(found == Ok(isa) || found == Err(Error::IsaAbsent { name: isa.name() }));
        }
    }
}
