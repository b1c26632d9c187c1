//! What a kernel is called, and which kernels are the same.

use core::fmt;

use super::isa::Isa;
use super::types::Kernel;

impl Kernel {
    /// The instruction set it is written for.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel({})", self.isa.name())
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        self.isa == other.isa
    }
}

impl Eq for Kernel {}
