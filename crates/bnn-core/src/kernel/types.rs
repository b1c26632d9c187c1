//! What a kernel is: the functions of an instruction set that `arch` fills in. The files beside
//! this one that extend [`Kernel`] say what it does with them.

use core::fmt;

#[cfg(feature = "std")]
use super::f32_operands::F32Functions;
use super::isa::Isa;
#[cfg(feature = "alloc")]
use super::micro_kernel::Functions;
#[cfg(feature = "std")]
use super::sign_tables::SignTables;

/// A micro-kernel that this CPU can run: holding a `&'static Kernel` is the proof that it can.
pub struct Kernel {
    isa: Isa,
    /// Whether this CPU has the instructions that the kernel's functions use.
    pub(super) supported: fn() -> bool,
    #[cfg(feature = "alloc")]
    pub(super) functions: Functions,
    /// A kernel with the same panels that is faster for small products.
    #[cfg(feature = "alloc")]
    pub(super) lighter: Option<Lighter>,
    /// A way to multiply `f32` with signs that is faster than tables.
    #[cfg(feature = "std")]
    pub(super) f32: Option<F32Functions>,
    /// Products of `f32` with signs by tables.
    #[cfg(feature = "std")]
    pub(super) sign_tables: Option<&'static SignTables>,
}

/// See [`Kernel::lighter`].
#[cfg(feature = "alloc")]
pub(super) struct Lighter {
    pub(super) kernel: &'static Kernel,
    /// Whether it should multiply `rows` rows of `words` words with `outputs` weight rows.
    pub(super) takes: fn(rows: usize, words: usize, outputs: usize) -> bool,
}

impl Kernel {
    #[cfg(feature = "alloc")]
    pub(super) const fn new(isa: Isa, supported: fn() -> bool, functions: Functions) -> Self {
        Self {
            isa,
            supported,
            functions,
            lighter: None,
            #[cfg(feature = "std")]
            f32: None,
            #[cfg(feature = "std")]
            sign_tables: None,
        }
    }

    /// Gives small products to another kernel.
    #[cfg(bnn_amx)]
    pub(super) const fn with_lighter(mut self, lighter: Lighter) -> Self {
        self.lighter = Some(lighter);
        self
    }

    /// Without an allocator there is one kernel, and the compiler knows its functions
    /// ([`in_place`](super::in_place)).
    #[cfg(not(feature = "alloc"))]
    pub(super) const fn new(isa: Isa, supported: fn() -> bool) -> Self {
        Self { isa, supported }
    }

    /// The instruction set it is written for.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Whether it has no instruction that counts bits, so that a product of bits takes many.
    #[inline]
    pub(crate) fn counts_by_arithmetic(&self) -> bool {
        // Without an allocator there is no other.
        cfg!(not(feature = "alloc")) || self.isa == Isa::Portable
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
