//! The loops around a kernel. Samples are taken in blocks: a block is packed and laid out once, and
//! then meets panel after panel, while it stays in the L2 cache and the panel in L1. Each panel's sums
//! go to the epilogue while they are in the cache.

use core::ops::Range;

use super::epilogue::Epilogue;
use super::samples::Samples;
use super::weights::Resolved;
#[cfg(feature = "alloc")]
use crate::aligned::AlignedWords;
#[cfg(feature = "alloc")]
use crate::kernel::{NR, Sums};
#[cfg(feature = "alloc")]
use crate::planes::MAX_DEPTH;

/// Bytes of the laid out block beyond which it holds fewer samples; one tile of a kernel's `mr` rows it
/// always holds.
#[cfg(feature = "alloc")]
const BLOCK_BYTES: usize = 512 << 10;

/// Which outputs of each sample a call computes, and where they go.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    /// Weight rows to multiply with. Starts on a panel.
    pub(crate) rows: Range<usize>,
    /// The column of the output that weight row 0 makes.
    pub(crate) first: usize,
    /// The column at which the rows that are written begin.
    pub(crate) origin: usize,
}

impl Columns {
    /// All `n` outputs of whole rows.
    pub(crate) fn all(n: usize) -> Self {
        Self {
            rows: 0..n,
            first: 0,
            origin: 0,
        }
    }
}

/// Outputs `[m, n]` of which any part can be computed by itself.
pub(crate) trait TiledOutput: Sync {
    /// What the outputs are made of.
    type Elem: Copy + Send;

    /// `[m, n]`.
    fn shape(&self) -> [usize; 2];

    /// How the outputs are best cut.
    #[cfg(feature = "std")]
    fn grain(&self) -> Grain;

    /// Computes the outputs `columns` of the samples `range`.
    fn part(&self, range: Range<usize>, columns: &Columns, out: &mut impl OutputRows<Self::Elem>);
}

/// How [`TiledOutput`] are best cut.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grain {
    /// Word products in all.
    pub(crate) work: usize,
    /// Samples that are computed together.
    pub(crate) samples: usize,
    /// Output columns in an element; `None` where a row must not be cut.
    pub(crate) columns: Option<usize>,
}

/// A product with its epilogue.
pub(crate) struct Product<'p, E> {
    pub(crate) a: &'p Samples<'p>,
    pub(crate) w: &'p Resolved<'p>,
    pub(crate) epilogue: &'p E,
}

impl<E: Epilogue> TiledOutput for Product<'_, E> {
    type Elem = E::Elem;

    fn shape(&self) -> [usize; 2] {
        [self.a.len(), self.w.rows()]
    }

    #[cfg(feature = "std")]
    fn grain(&self) -> Grain {
        Grain {
            work: (self.a.len() * self.a.sample_words()).saturating_mul(self.w.rows()),
            samples: self.w.kernel().mr(),
            columns: Some(E::COLUMNS),
        }
    }

    /// In memory that it allocates: at most [`BLOCK_BYTES`] or one tile of the kernel's for the block, the
    /// bits of the block, and its sums.
    #[cfg(feature = "alloc")]
    fn part(&self, range: Range<usize>, columns: &Columns, out: &mut impl OutputRows<E::Elem>) {
        let (a, kernel) = (self.a, self.w.kernel());
        let words = a.sample_words() / a.rows_per_sample();
        let tile_words = kernel
            .block_words(kernel.mr(), words)
            .max(kernel.mr() * words);
        let tiles = (BLOCK_BYTES / (tile_words * size_of::<u64>()))
            .clamp(1, kernel.block_rows() / kernel.mr());
        let samples = (tiles * kernel.mr() / a.rows_per_sample()).max(1);
        let samples = samples.min(range.len());
        let rows = samples * a.rows_per_sample();
        let mut block = AlignedWords::zeros(self.w.block_words(rows, words));
        let mut room = alloc::vec![0; samples * a.room_words()];
        let mut sums = alloc::vec![Sums([0; NR]); rows];
        let workspace = Workspace {
            samples,
            room: &mut room,
            block: block.words_mut(),
            sums: &mut sums,
        };
        self.part_in(workspace, range, columns, out);
    }

    #[cfg(not(feature = "alloc"))]
    fn part(&self, range: Range<usize>, columns: &Columns, out: &mut impl OutputRows<E::Elem>) {
        self.part_in_place(range, columns, out);
    }
}

#[cfg(feature = "alloc")]
impl<E: Epilogue> Product<'_, E> {
    fn part_in(
        &self,
        workspace: Workspace<'_>,
        range: Range<usize>,
        columns: &Columns,
        out: &mut impl OutputRows<E::Elem>,
    ) {
        let Self { a, w, epilogue } = *self;
        let rows_per_sample = a.rows_per_sample();
        let epilogues = w.kernel().epilogues();
        for first in range.clone().step_by(workspace.samples) {
            let samples = first..(first + workspace.samples).min(range.end);
            let rows = a.rows(samples.clone(), w.kernel(), workspace.room);
            let sums = workspace.sums.get_mut(..samples.len() * rows_per_sample);
            let sums = sums.unwrap_or_default();
            let block = w.fill_block(rows, workspace.block);
            for panel_start in columns.rows.clone().step_by(NR) {
                w.multiply(
                    samples.len() * rows_per_sample,
                    block,
                    panel_start / NR,
                    sums,
                );
                a.correct(samples.clone(), panel_start, sums);
                let used = NR.min(columns.rows.end - panel_start);
                let col = columns.first + panel_start;
                let parameters = epilogue.panel(col, used);
                for (sample, sums) in samples.clone().zip(sums.chunks_exact_mut(rows_per_sample)) {
                    let planes;
                    let sums = match sums {
                        [signs] => signs,
                        sums => {
                            planes = weigh_planes(sums);
                            &planes
                        }
                    };
                    if let Some(row) = out.row(sample - range.start) {
                        E::write(
                            epilogues,
                            &parameters,
                            sums,
                            used,
                            row,
                            col - columns.origin,
                        );
                    }
                }
            }
        }
    }
}

/// Where a thread writes: the columns that it was given of the samples that it was given.
pub(crate) trait OutputRows<T> {
    fn row(&mut self, sample: usize) -> Option<&mut [T]>;
}

/// Whole rows, a stride apart.
pub(crate) struct Strided<'c, T> {
    pub(crate) c: &'c mut [T],
    pub(crate) stride: usize,
}

impl<T> OutputRows<T> for Strided<'_, T> {
    fn row(&mut self, sample: usize) -> Option<&mut [T]> {
        self.c.get_mut(sample * self.stride..)
    }
}

/// Memory that a product works in.
#[cfg(feature = "alloc")]
struct Workspace<'s> {
    /// Samples of a block.
    samples: usize,
    /// Packed rows of a block, where they are not packed yet.
    room: &'s mut [u64],
    /// The block as the kernel wants it; empty where weights are canonical.
    block: &'s mut [u64],
    /// The sums of a block with a panel.
    sums: &'s mut [Sums],
}

/// From the sums of a row of zeros, `s_0`, and of bit planes, `s_b`, those of the integers (see
/// [`Planes`](crate::Planes)): `c(0) - c(x_b) = (s_b - s_0) / 2`, so the sum over `b` of `2^b` times
/// that. All sums have the parity of `k`, hence halves differ by just the half of the difference.
#[cfg(feature = "alloc")]
fn weigh_planes(sums: &[Sums]) -> Sums {
    let mut totals = Sums([0; NR]);
    if let Some((zero, planes)) = sums.split_first() {
        for (b, plane) in planes.iter().enumerate() {
            for ((total, s_b), s_0) in totals.0.iter_mut().zip(plane.0).zip(zero.0) {
                // Wrapping: the lanes behind the last weight row hold anything.
                let half = (s_b >> 1).wrapping_sub(s_0 >> 1);
                *total = total.wrapping_add(half.wrapping_shl(b as u32));
            }
        }
    }
    totals
}

// `weigh_planes` shifts an `i32` by the number of a plane.
#[cfg(feature = "alloc")]
const _: () = assert!(MAX_DEPTH < 31);
