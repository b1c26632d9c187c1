//! Which micro-kernels there are, and which one this CPU gets: the one dispatch site.
//!
//! A kernel sums products of +-1 by counting mismatching bits (`popcount(a ^ b)`) between rows of
//! activations and rows of weights. It knows two layouts of the weights: its own *panels*, and the *canonical* rows of the
//! bit law. To add an instruction set: one file in `arch/` and one line in [`TABLE`] (and its name
//! in [`Isa`]).

mod arch;
pub(crate) mod packing;

use core::fmt;

use crate::error::{Error, ShortName};

/// Most rows that a tile takes at once, over all kernels.
pub(crate) const MAX_MR: usize = 8;
/// Most weight rows in a panel, over all kernels; every kernel's `nr` divides 64.
pub(crate) const MAX_NR: usize = 64;

/// Sums of up to `mr` rows of signs against each of a panel's `nr` weight rows:
/// `sums[r * nr + j] = k - 2 * popcount(rows[r] ^ weights[j])`.
///
/// A panel holds its `nr` weight rows interleaved by word, `[word][nr]`, each group of `nr` words
/// arranged by the kernel ([`Arrange`]); all rows have the panel's number of words. Arithmetic is modulo `2^32`: the sum itself fits `i32`.
#[cfg(feature = "alloc")]
pub(crate) type SignTile = fn(rows: &[&[u64]], panel: &[u64], k: u32, sums: &mut [i32]);

/// Sums of one sample of bit planes, as [`Planes`](crate::Planes) lays it out: of the row of zeros
/// and the `depth` planes after it, `sums[j] = (2^depth - 1) * c_zero - sum over b of 2^b * c_b`,
/// with `c = popcount(row ^ weights[j])`. Panels and arithmetic as in [`SignTile`].
#[cfg(feature = "alloc")]
pub(crate) type PlaneTile = fn(rows: &[&[u64]], panel: &[u64], sums: &mut [i32]);

/// Brings the words of a panel's `nr` rows at one place of k into the kernel's own order.
#[cfg(feature = "alloc")]
pub(crate) type Arrange = fn(words: &mut [u64]);

/// Counts the bits in which two rows of equal length differ.
pub(crate) type Count = fn(a: &[u64], b: &[u64]) -> u32;

/// An instruction set that a kernel is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// Plain Rust; on every target.
    Portable,
    /// x86-64 with the `popcnt` instruction.
    Popcnt,
    /// x86-64 with AVX2.
    Avx2,
    /// x86-64 with AVX-512 F and VPOPCNTDQ.
    Avx512,
}

impl Isa {
    /// The name by which `BNN_ISA` asks for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Popcnt => "popcnt",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        }
    }
}

/// All names that `BNN_ISA` may hold, for messages.
const NAMES: &str = "portable, popcnt, avx2, avx512";

const ISAS: [Isa; 4] = [Isa::Portable, Isa::Popcnt, Isa::Avx2, Isa::Avx512];

/// The kernels of this build, from the slowest to the fastest.
static TABLE: &[&Kernel] = &[
    &arch::portable::KERNEL,
    #[cfg(all(target_arch = "x86_64", feature = "alloc"))]
    &arch::popcnt::KERNEL,
    #[cfg(all(target_arch = "x86_64", feature = "alloc"))]
    &arch::avx2::KERNEL,
    #[cfg(all(target_arch = "x86_64", feature = "alloc"))]
    &arch::avx512::KERNEL,
];

/// A micro-kernel that this CPU can run: holding a `&'static Kernel` is the proof that it can.
pub struct Kernel {
    isa: Isa,
    /// Whether this CPU has what the functions below use.
    supported: fn() -> bool,
    mr: usize,
    nr: usize,
    #[cfg(feature = "alloc")]
    arrange: Arrange,
    #[cfg(feature = "alloc")]
    signs: SignTile,
    #[cfg(feature = "alloc")]
    planes: PlaneTile,
    count: Count,
    #[cfg(feature = "alloc")]
    packing: &'static packing::Packing,
}

impl Kernel {
    /// The kernels that this CPU can run, from the slowest to the fastest.
    pub fn available() -> impl Iterator<Item = &'static Kernel> {
        TABLE.iter().copied().filter(|kernel| (kernel.supported)())
    }

    /// The kernel for `isa`.
    ///
    /// # Errors
    /// [`Error::IsaAbsent`] where this CPU or this build does not have it.
    pub fn for_isa(isa: Isa) -> Result<&'static Kernel, Error> {
        Self::available()
            .find(|kernel| kernel.isa == isa)
            .ok_or(Error::IsaAbsent { name: isa.name() })
    }

    /// The kernel by the name that `BNN_ISA` would hold.
    ///
    /// # Errors
    /// [`Error::IsaUnknown`] for a name that is none, else as [`Kernel::for_isa`].
    pub fn by_name(name: &str) -> Result<&'static Kernel, Error> {
        let isa = ISAS.into_iter().find(|isa| isa.name() == name);
        Self::for_isa(isa.ok_or(Error::IsaUnknown {
            name: ShortName::new(name),
            known: NAMES,
        })?)
    }

    /// The kernel in use: the fastest that this CPU has, or with `std` the one that the variable
    /// `BNN_ISA` names, unless it is empty. The variable is read once, at the first call.
    ///
    /// # Errors
    /// Where `BNN_ISA` asks for what is unknown or absent: never a silent fallback.
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

    /// The instruction set it is written for.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The instruction set's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.isa.name()
    }

    /// Rows of activations per tile.
    pub(crate) fn mr(&self) -> usize {
        self.mr
    }

    /// Weight rows per panel.
    pub(crate) fn nr(&self) -> usize {
        self.nr
    }

    /// See [`Arrange`].
    #[cfg(feature = "alloc")]
    pub(crate) fn arrange(&self, words: &mut [u64]) {
        (self.arrange)(words);
    }

    /// See [`SignTile`]. Slices of other lengths than it wants are a bug of the caller's.
    #[cfg(feature = "alloc")]
    pub(crate) fn signs(&self, rows: &[&[u64]], panel: &[u64], k: u32, sums: &mut [i32]) {
        debug_assert!(rows.len() <= self.mr && sums.len() == rows.len() * self.nr);
        (self.signs)(rows, panel, k, sums);
    }

    /// See [`PlaneTile`]. Slices of other lengths than it wants are a bug of the caller's.
    #[cfg(feature = "alloc")]
    pub(crate) fn planes(&self, rows: &[&[u64]], panel: &[u64], sums: &mut [i32]) {
        debug_assert!(rows.len() >= 2 && sums.len() == self.nr);
        (self.planes)(rows, panel, sums);
    }

    /// See [`packing::Packing`].
    #[inline]
    pub(crate) fn packing(&self) -> &'static packing::Packing {
        #[cfg(feature = "alloc")]
        {
            self.packing
        }
        // The same, known when compiling: firmware links only the functions that it calls.
        #[cfg(not(feature = "alloc"))]
        {
            &arch::BASELINE_PACKING
        }
    }

    /// `popcount(a ^ b)`.
    pub(crate) fn count(&self, a: &[u64], b: &[u64]) -> u32 {
        (self.count)(a, b)
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel({}, {}x{})", self.name(), self.mr, self.nr)
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        self.isa == other.isa
    }
}

impl Eq for Kernel {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_keeps_the_bounds_that_the_drivers_rely_on() {
        for kernel in TABLE {
            assert!(kernel.mr >= 1 && kernel.mr <= MAX_MR, "{kernel:?}");
            assert!(kernel.nr <= MAX_NR && 64 % kernel.nr == 0, "{kernel:?}");
            assert!(NAMES.contains(kernel.name()), "{kernel:?}");
        }
    }

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
        for isa in ISAS {
            let found = Kernel::for_isa(isa).map(Kernel::isa);
            assert!(found == Ok(isa) || found == Err(Error::IsaAbsent { name: isa.name() }));
        }
    }
}

#[cfg(all(test, feature = "alloc"))]
mod kernel_laws;
#[cfg(all(test, feature = "alloc"))]
mod packing_laws;
