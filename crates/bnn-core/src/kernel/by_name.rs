//! Kernels that are asked for: by instruction set, or by its name, as the variable `BNN_ISA` does.

use super::isa::Isa;
use super::types::Kernel;
use crate::error::{Error, ShortName};

impl Kernel {
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
