//! Products in tiles, in memory that they allocate: the loops around a micro-kernel.
//!
//! Samples are taken in blocks: a block is packed and laid out once, and then meets panel after
//! panel, while it stays in the L2 cache and the panel in L1. Each panel's sums go to the epilogue
//! while they are in the cache.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::epilogue::{Tile, TileEpilogue};
use super::output::{Columns, OutputRows};
use super::product::Product;
use crate::aligned::AlignedWords;
use crate::kernel::{NR, Sums};
use crate::memory;
use crate::planes::MAX_DEPTH;

/// Words of the laid out block beyond which it holds fewer samples; it always holds at least one
/// tile of the kernel's `mr` rows.
const BLOCK_WORDS: usize = (512 << 10) / size_of::<u64>();

impl<E: TileEpilogue> Product<'_, E> {
    /// Computes the outputs `columns` of the samples `range`, in memory that the thread keeps: at
    /// most [`BLOCK_WORDS`] or one tile of the kernel's for the block, the bits of the block, and
    /// its sums.
    pub(super) fn compute(
        &self,
        range: Range<usize>,
        columns: &Columns,
        out: &mut impl OutputRows<E::Elem>,
    ) {
        let needs = self.needs(range.len());
        MEMORY.lend(|memory| {
            if memory.block.words().len() < needs.block_words {
                memory.block = AlignedWords::zeros(needs.block_words);
            }
            if memory.room.len() < needs.room_words {
                memory.room = vec![0; needs.room_words];
            }
            if memory.sums.len() < needs.rows {
                memory.sums = vec![Sums([0; NR]); needs.rows];
            }
            let block = memory.block.words_mut();
            let workspace = BlockWorkspace {
                samples: needs.samples,
                room: memory.room.get_mut(..needs.room_words).unwrap_or_default(),
                block: block.get_mut(..needs.block_words).unwrap_or_default(),
                sums: memory.sums.get_mut(..needs.rows).unwrap_or_default(),
            };
            self.compute_in(workspace, range, columns, out);
            // Rows that are longer than most take more, which a thread does not keep.
            if memory.bytes() > MOST_KEPT {
                *memory = Memory::default();
            }
        });
    }

    /// Bytes of memory that [`compute`](Self::compute) works in for any number of samples.
    pub(super) fn workspace_bytes(&self) -> usize {
        let needs = self.needs(self.a.len());
        let words = needs.block_words + needs.room_words;
        words * size_of::<u64>() + needs.rows * size_of::<Sums>()
    }

    /// The memory that [`compute`](Self::compute) needs for `samples` samples.
    fn needs(&self, samples: usize) -> WorkspaceSizes {
        let (a, kernel) = (self.a, self.w.kernel());
        let words = a.sample_words() / a.rows_per_sample();
        let tile_words = kernel
            .block_words(kernel.mr(), words)
            .max(kernel.mr() * words);
        let tiles = (BLOCK_WORDS / tile_words).clamp(1, kernel.block_rows() / kernel.mr());
        let most = (tiles * kernel.mr() / a.rows_per_sample()).max(1);
        let samples = samples.min(most);
        let rows = samples * a.rows_per_sample();
        WorkspaceSizes {
            samples,
            rows,
            block_words: self.w.block_words(rows, words),
            room_words: samples * a.room_words(),
        }
    }

    fn compute_in(
        &self,
        workspace: BlockWorkspace<'_>,
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
                if rows_per_sample > 1 {
                    for sample in 0..samples.len() {
                        let planes = sample * rows_per_sample..(sample + 1) * rows_per_sample;
                        let totals = weigh_planes(sums.get(planes).unwrap_or_default());
                        if let Some(place) = sums.get_mut(sample) {
                            *place = totals;
                        }
                    }
                }
                let tile = Tile {
                    epilogues,
                    sums: sums.get(..samples.len()).unwrap_or_default(),
                    used,
                    first: samples.start - range.start,
                    col,
                    at: col - columns.origin,
                };
                epilogue.tile(&tile, out);
            }
        }
    }
}

/// The sizes of a [`BlockWorkspace`].
struct WorkspaceSizes {
    samples: usize,
    /// Rows of a block, which are the samples or their bit planes.
    rows: usize,
    block_words: usize,
    room_words: usize,
}

/// The memory of a thread for the workspaces of its products.
#[derive(Default)]
struct Memory {
    block: AlignedWords,
    room: Vec<u64>,
    sums: Vec<Sums>,
}

impl Memory {
    fn bytes(&self) -> usize {
        let words = self.block.words().len() + self.room.len();
        words * size_of::<u64>() + size_of_val(self.sums.as_slice())
    }
}

memory::lent!(static MEMORY: Memory);

/// Bytes of it that a thread keeps.
const MOST_KEPT: usize = 4 << 20;

/// The memory that a product works in.
struct BlockWorkspace<'s> {
    /// Samples of a block.
    samples: usize,
    /// Room for the packed rows of a block, if they are not packed yet.
    room: &'s mut [u64],
    /// The block as the kernel wants it; empty if weights are canonical.
    block: &'s mut [u64],
    /// The sums of a block with a panel.
    sums: &'s mut [Sums],
}

/// Computes the sums of integers from those of a row of zeros, `s_0`, and of bit planes, `s_b` (see
/// [`Planes`](crate::Planes)): the sum over `b` of `2^b * (c(0) - c(x_b))`, where `c(0) - c(x_b) =
/// (s_b - s_0) / 2`. All sums have the parity of `k`, so the difference of the halves is half of
/// the difference.
fn weigh_planes(sums: &[Sums]) -> Sums {
    let mut totals = Sums([0; NR]);
    if let Some((zero, planes)) = sums.split_first() {
        for (b, plane) in planes.iter().enumerate() {
            for ((total, s_b), s_0) in totals.0.iter_mut().zip(plane.0).zip(zero.0) {
                // Wrapping, because the lanes after the last weight row may hold anything.
                let half = (s_b >> 1).wrapping_sub(s_0 >> 1);
                *total = total.wrapping_add(half.wrapping_shl(b as u32));
            }
        }
    }
    totals
}

// `weigh_planes` shifts an `i32` by the number of a plane.
const _: () = assert!(MAX_DEPTH < 31);
