//! Kernels that are asked for: by instruction set, or by its name, as the variable `BNN_ISA` does.

use std::sync::OnceLock;

use super::isa::{Isa, for_each_isa};
use super::types::Kernel;
use crate::error::{Error, ShortName};

macro_rules! define_names {
    ($($(#[$doc:meta])* $isa:ident, $name:literal, $built:meta, $($module:ident)::+;)+) => {
        const ALL: &[Isa] = &[$(Isa::$isa),+];

        /// All names that `BNN_ISA` may hold, for messages.
        const NAMES: &str = concat!($(", ", $name),+).split_at(", ".len()).1;
    };
}
for_each_isa!(define_names);

impl Kernel {
    /// What [`Kernel::active`] returns.
    pub(super) fn chosen() -> Result<&'static Kernel, Error> {
        static ACTIVE: OnceLock<Result<&'static Kernel, Error>> = OnceLock::new();
        *ACTIVE.get_or_init(|| match std::env::var_os("BNN_ISA") {
            Some(name) if !name.is_empty() => Self::by_name(&name.to_string_lossy()),
            _ => Self::fastest(),
        })
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
        let isa = ALL.iter().find(|isa| isa.name() == name);
        Self::for_isa(*isa.ok_or(Error::IsaUnknown {
            name: ShortName::new(name),
            known: NAMES,
        })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::dispatch::TABLE;

    #[test]
    fn unknown_and_absent_names_are_told_apart() {
        assert_eq!(
            Kernel::by_name("avx3"),
            Err(Error::IsaUnknown {
                name: ShortName::new("avx3"),
                known: NAMES,
            })
        );
        assert_eq!(
            Kernel::by_name("portable").map(Kernel::isa),
            Ok(Isa::Portable)
        );
        for &isa in ALL {
            let found = Kernel::for_isa(isa).map(Kernel::isa);
            assert!(found == Ok(isa) || found == Err(Error::IsaAbsent { name: isa.name() }));
        }
    }

    #[test]
    fn every_kernel_stands_under_its_own_name() {
        for kernel in TABLE {
            let same_isa = TABLE.iter().filter(|other| other.isa() == kernel.isa());
            assert_eq!(same_isa.count(), 1, "{kernel:?}");
            assert!(ALL.contains(&kernel.isa()), "{kernel:?}");
        }
        let names: Vec<_> = NAMES.split(", ").collect();
        assert!(ALL.iter().map(|isa| isa.name()).eq(names));
    }
}
