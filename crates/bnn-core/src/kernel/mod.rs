//! Which micro-kernels there are, and which one this CPU gets: the one dispatch site.
//!
//! A kernel multiplies a *block* of activation rows with a *panel* of [`NR`] weight rows. It has its own
//! layout of either side: a panel is filled once, when weights are packed; a block is filled once per
//! call and then meets every panel. It also counts the mismatches of two *canonical* rows (those of the
//! bit law), for weights that are read in place. To add an instruction set: one file in `arch/` and one
//! line in [`TABLE`] (and its name in [`Isa`]).

mod arch;
mod endings;
#[cfg(feature = "std")]
pub(crate) mod grid;
pub(crate) mod packing;

use core::fmt;

#[cfg(feature = "std")]
use crate::bits::BitMatrixView;
use crate::error::{Error, ShortName};
#[cfg(feature = "std")]
use crate::f32_product::{F32Product, F32Right, F32Rows};
pub(crate) use endings::{Endings, Factors};
#[cfg(feature = "std")]
use grid::Grid;

/// Weight rows in a panel, for every kernel; divides 64. Without an allocator there are no panels, and
/// this is how many canonical rows are taken at once.
pub(crate) const NR: usize = if cfg!(feature = "alloc") { 32 } else { 16 };

/// Sums of one activation row with a panel, on a cache line: a vector or tile that straddles two takes
/// twice the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "alloc", repr(C, align(64)))]
pub(crate) struct Sums(pub(crate) [i32; NR]);

/// Products of +-1 between the rows of a block and the weight rows of a panel, modulo `2^32`:
/// `sums[r].0[j] = k - 2 * popcount(rows[r] ^ weights[j])`.
///
/// `k` is the number of elements in use; the bits behind them, up to whole words, are equal on both
/// sides and do not count.
#[cfg(feature = "alloc")]
pub(crate) type Multiply = fn(block: Block<'_>, panel: &[u64], sums: &mut [Sums]);

/// Lays out canonical rows of `words` words each, one after the other. Every word of the layout is
/// written.
#[cfg(feature = "alloc")]
pub(crate) type Fill = fn(rows: &[u64], words: usize, layout: &mut [u64]);

/// A block of activation rows in a kernel's own layout.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    /// As [`Kernel::fill_block`] gives it.
    pub(crate) layout: &'a [u64],
    pub(crate) rows: usize,
    /// Words per row.
    pub(crate) words: usize,
    /// Elements per row.
    pub(crate) k: u32,
}

/// How a kernel wants its operands, and the product of two that it has laid out.
#[cfg(feature = "alloc")]
struct Layout {
    /// Rows of a block that are multiplied together in registers.
    mr: usize,
    /// Rows of a block beyond which a larger one gains nothing; a multiple of `mr`.
    block_rows: usize,
    /// `None`: a block is the canonical rows.
    block: Option<BlockLayout>,
    panel_words: fn(words: usize) -> usize,
    /// From up to [`NR`] rows; those that are missing mean nothing.
    fill_panel: Fill,
    multiply: Multiply,
    /// A kernel with the same panels that is faster for small products.
    lighter: Option<Lighter>,
}

/// How a kernel lays out a block.
#[cfg(feature = "alloc")]
struct BlockLayout {
    words: fn(rows: usize, words: usize) -> usize,
    fill: Fill,
}

/// See [`Layout::lighter`].
#[cfg(feature = "alloc")]
struct Lighter {
    kernel: &'static Kernel,
    /// Whether it is to multiply `rows` rows of `words` words with `outputs` weight rows.
    takes: fn(rows: usize, words: usize, outputs: usize) -> bool,
}

/// `out = a · b`; see [`F32Product`](crate::F32Product). Sizes fit each other.
#[cfg(feature = "std")]
pub(crate) type F32Multiply = fn(a: F32Rows<'_>, b: F32Right<'_>, out: &mut [f32]);

/// A fast way to multiply `f32` with signs.
#[cfg(feature = "std")]
struct F32Way {
    /// Whether this CPU has what it takes besides the kernel's own instructions.
    supported: fn() -> bool,
    multiply: F32Multiply,
    /// The gradient of the images of a convolution: `grid, dy, filters` to `dx`; sizes fit each other.
    image_gradient: F32Gradient,
    /// The gradient of its filters: `grid, dy, images` to `dw`.
    filter_gradient: F32Gradient,
}

/// See [`conv::F32Gradients`](crate::conv::F32Gradients).
#[cfg(feature = "std")]
pub(crate) type F32Gradient =
    fn(grid: &Grid, dy: &[f32], signs: BitMatrixView<'_>, out: &mut [f32]);

/// Counts the bits in which two rows of equal length differ.
#[cfg(feature = "alloc")]
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
    /// x86-64 with AMX-INT8 and AVX-512 BW, VBMI and VPOPCNTDQ, on Linux.
    Amx,
    /// 64-bit Arm with NEON.
    Neon,
    /// WebAssembly with 128-bit vectors.
    Simd128,
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
            Isa::Amx => "amx",
            Isa::Neon => "neon",
            Isa::Simd128 => "simd128",
        }
    }
}

/// All names that `BNN_ISA` may hold, for messages.
const NAMES: &str = "portable, popcnt, avx2, avx512, amx, neon, simd128";

const ISAS: [Isa; 7] = [
    Isa::Portable,
    Isa::Popcnt,
    Isa::Avx2,
    Isa::Avx512,
    Isa::Amx,
    Isa::Neon,
    Isa::Simd128,
];

/// The kernels of this build, from the slowest to the fastest.
static TABLE: &[&Kernel] = &[
    &arch::portable::KERNEL,
    #[cfg(all(target_arch = "x86_64", feature = "alloc"))]
    &arch::popcnt::KERNEL,
    #[cfg(all(target_arch = "x86_64", feature = "alloc"))]
    &arch::avx2::KERNEL,
    #[cfg(all(target_arch = "x86_64", feature = "alloc"))]
    &arch::avx512::KERNEL,
    #[cfg(all(
        target_arch = "x86_64",
        target_pointer_width = "64",
        target_os = "linux",
        feature = "std"
    ))]
    &arch::amx::KERNEL,
    #[cfg(all(target_arch = "aarch64", target_feature = "neon", feature = "alloc"))]
    &arch::neon::KERNEL,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128", feature = "alloc"))]
    &arch::simd128::KERNEL,
];

/// A micro-kernel that this CPU can run: holding a `&'static Kernel` is the proof that it can.
pub struct Kernel {
    isa: Isa,
    /// Whether this CPU has what the functions below use.
    supported: fn() -> bool,
    #[cfg(feature = "alloc")]
    layout: Layout,
    #[cfg(feature = "alloc")]
    endings: &'static Endings,
    #[cfg(feature = "alloc")]
    count: Count,
    #[cfg(feature = "alloc")]
    packing: &'static packing::Packing,
    #[cfg(feature = "std")]
    f32_product: Option<F32Way>,
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

    /// The kernel that multiplies `rows` rows of `words` words with this kernel's panels of `outputs`
    /// weight rows: this one, or a lighter one.
    #[cfg(feature = "alloc")]
    pub(crate) fn for_size(
        &'static self,
        rows: usize,
        words: usize,
        outputs: usize,
    ) -> &'static Kernel {
        match &self.layout.lighter {
            Some(lighter) if (lighter.takes)(rows, words, outputs) => lighter.kernel,
            _ => self,
        }
    }

    /// See [`Layout`].
    #[cfg(feature = "alloc")]
    pub(crate) fn mr(&self) -> usize {
        self.layout.mr
    }

    /// See [`Layout`].
    #[cfg(feature = "alloc")]
    pub(crate) fn block_rows(&self) -> usize {
        self.layout.block_rows
    }

    /// Words of room for laying out a block of `rows` rows of `words` words.
    #[cfg(feature = "alloc")]
    pub(crate) fn block_words(&self, rows: usize, words: usize) -> usize {
        let layout = self.layout.block.as_ref();
        layout.map_or(0, |layout| (layout.words)(rows, words))
    }

    /// Lays out a block of rows, in `room` of [`Kernel::block_words`] words or where they are.
    #[cfg(feature = "alloc")]
    pub(crate) fn fill_block<'s>(
        &self,
        rows: &'s [u64],
        words: usize,
        room: &'s mut [u64],
    ) -> &'s [u64] {
        debug_assert_eq!(room.len(), self.block_words(rows.len() / words, words));
        match &self.layout.block {
            None => rows,
            Some(layout) => {
                (layout.fill)(rows, words, room);
                room
            }
        }
    }

    /// Words that a panel of rows of `words` words takes in this kernel's layout.
    #[cfg(feature = "alloc")]
    pub(crate) fn panel_words(&self, words: usize) -> usize {
        (self.layout.panel_words)(words)
    }

    /// Lays out up to [`NR`] rows of weights.
    #[cfg(feature = "alloc")]
    pub(crate) fn fill_panel(&self, rows: &[u64], words: usize, panel: &mut [u64]) {
        debug_assert!(rows.len() <= NR * words && panel.len() == self.panel_words(words));
        (self.layout.fill_panel)(rows, words, panel);
    }

    /// See [`Multiply`]. Slices of other lengths than it wants are a bug of the caller's.
    #[cfg(feature = "alloc")]
    pub(crate) fn multiply(&self, block: Block<'_>, panel: &[u64], sums: &mut [Sums]) {
        debug_assert_eq!(panel.len(), self.panel_words(block.words));
        debug_assert_eq!(sums.len(), block.rows);
        (self.layout.multiply)(block, panel, sums);
    }

    #[cfg_attr(
        not(feature = "alloc"),
        expect(
            dead_code,
            reason = "only products in tiles, which take memory, write so"
        )
    )]
    /// See [`Endings`].
    pub(crate) fn endings(&self) -> &'static Endings {
        #[cfg(feature = "alloc")]
        return self.endings;
        // Not a field there: it would be in every program, and with it the instructions of floats.
        #[cfg(not(feature = "alloc"))]
        &endings::PORTABLE
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

    /// The fast way to multiply `f32` with signs, if there is one.
    #[cfg(feature = "std")]
    pub(crate) fn f32_product(&self) -> Option<F32Product> {
        Some(F32Product::new(self.f32_way()?.multiply))
    }

    /// The fast ways to the gradients of images and of filters, if there are any.
    #[cfg(feature = "std")]
    pub(crate) fn f32_gradients(&self) -> Option<[F32Gradient; 2]> {
        let way = self.f32_way()?;
        Some([way.image_gradient, way.filter_gradient])
    }

    #[cfg(feature = "std")]
    fn f32_way(&self) -> Option<&F32Way> {
        self.f32_product.as_ref().filter(|way| (way.supported)())
    }

    /// Products of +-1 between `row` and each of the rows of the same length in `others`, one after the other:
    /// `sums[i] = k - 2 * popcount(row ^ others[i])`, modulo `2^32`; `k` as in [`Multiply`]. `others` has a row for
    /// each sum: sums without one mean nothing.
    pub(crate) fn dot_rows(&self, row: &[u64], others: &[u64], k: i32, sums: &mut [i32]) {
        #[cfg(feature = "alloc")]
        {
            let mut others = others;
            for sum in sums {
                let Some((other, rest)) = others.split_at_checked(row.len()) else {
                    return;
                };
                *sum = k.wrapping_sub(((self.count)(row, other) << 1).cast_signed());
                others = rest;
            }
        }
        // As in [`Kernel::packing`].
        #[cfg(not(feature = "alloc"))]
        {
            arch::portable::dot_rows(row, others, k, sums);
        }
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel({})", self.name())
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
    fn the_table_keeps_the_bounds_that_the_driver_relies_on() {
        for kernel in TABLE {
            #[cfg(feature = "alloc")]
            assert_eq!(kernel.block_rows() % kernel.mr(), 0, "{kernel:?}");
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
