//! What a kernel is: the vocabulary that `arch` fills in and the rest of the crate uses.

use core::fmt;
#[cfg(feature = "conv")]
use core::ops::Range;

#[cfg(feature = "std")]
use super::f32_operands::F32Functions;
use super::isa::Isa;
#[cfg(feature = "alloc")]
use super::micro_kernel::Functions;
#[cfg(feature = "std")]
use super::sign_tables::SignTables;

/// Weight rows in a panel, for every kernel; divides 64. Without an allocator there are no panels,
/// and this is how many canonical rows are multiplied at once.
pub(crate) const NR: usize = if cfg!(feature = "alloc") { 32 } else { 16 };

/// Sums of one activation row with a panel, on a cache line: a vector or tile that straddles two
/// lines takes twice the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "alloc", repr(C, align(64)))]
pub(crate) struct Sums(pub(crate) [i32; NR]);

/// A micro-kernel that this CPU can run: holding a `&'static Kernel` is the proof that it can.
pub struct Kernel {
    isa: Isa,
    /// Whether this CPU has the instructions that the kernel's functions use.
    pub(super) supported: fn() -> bool,
    #[cfg(feature = "alloc")]
    pub(super) functions: Functions,
    /// A way to multiply `f32` with signs that is faster than tables.
    #[cfg(feature = "std")]
    pub(super) f32: Option<F32Functions>,
    /// Products of `f32` with signs by tables.
    #[cfg(feature = "std")]
    pub(super) sign_tables: Option<&'static SignTables>,
}

impl Kernel {
    #[cfg(feature = "alloc")]
    pub(super) const fn new(isa: Isa, supported: fn() -> bool, functions: Functions) -> Self {
        Self {
            isa,
            supported,
            functions,
            #[cfg(feature = "std")]
            f32: None,
            #[cfg(feature = "std")]
            sign_tables: None,
        }
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

    /// Subtracts from each sum twice the number of bits in which `row` and a row of the same length
    /// in `others` differ in their `part`: words of 32 bits. By arithmetic, see
    /// [`Kernel::counts_by_arithmetic`].
    #[cfg(feature = "conv")]
    pub(crate) fn subtract_mismatches(
        row: &[u32],
        others: &[u32],
        part: Range<usize>,
        sums: &mut [i32],
    ) {
        super::arch::portable::subtract_mismatches(row, others, part, sums);
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
