//! A node and the nodes after it that compute each element from one of the same place: what a
//! packed graph computes in one pass. The sums of a product, tile by tile, go through the product's
//! own step and all that follow; only tensors that another group reads are written.
//!
//! `plan` cuts a graph into groups, `steps` is what each node does, `scaled` the arithmetic of
//! fixed point, `tile` takes a tile through the steps, in `memory`; `outputs` are the tensors that are
//! written.

mod memory;
pub(super) mod outputs;
pub(super) mod plan;
mod scaled;
pub(super) mod steps;
mod tile;

use alloc::vec::Vec;

use super::tensor::RowNumbers;
use crate::gemm::epilogue::Tile;
use crate::gemm::output::TileSink;
use crate::gemm::sink::CutSink;
use crate::kernel::{NR, Sums, vectorised};
use memory::TileMemory;
use outputs::GroupOutputs;
use steps::Step;
use tile::{Place, TileLoop};

/// Steps of a group at most.
pub(super) const MOST_STEPS: usize = 8;

/// Nodes of a group at most: two steps may come first that load what the head has made.
const MOST_NODES: usize = MOST_STEPS - 2;

/// Pixels that go through all panels together, where no product cuts them.
const PIXELS: usize = 128;

/// Numbers that steps read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Numbers<'r> {
    Bytes(&'r [u8]),
    Fixed(&'r [i16]),
    Real(&'r [f32]),
    Integer(&'r [i32]),
}

impl<'r> Numbers<'r> {
    /// Those of a tensor; `None`: it is of bits.
    pub(super) fn of(numbers: RowNumbers<'r>) -> Option<Self> {
        Some(match numbers {
            RowNumbers::Bytes(x) => Self::Bytes(x),
            RowNumbers::Fixed(x) => Self::Fixed(x),
            RowNumbers::Real(x) => Self::Real(x),
            RowNumbers::Bits(_) => return None,
        })
    }
}

/// A tensor that is there, a row of numbers for each pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beside<'r> {
    pub(super) numbers: Numbers<'r>,
    /// The pixel of the batch at which they begin.
    pub(super) first: usize,
    pub(super) channels: usize,
}

/// A group at work, or the part of a thread.
pub(super) struct GroupRun<'r, 'o> {
    pub(super) steps: &'r [Step<'r>],
    /// What each step reads beside.
    pub(super) beside: [[Option<Beside<'r>>; 2]; MOST_STEPS],
    pub(super) outputs: GroupOutputs<'o>,
}

impl GroupRun<'_, '_> {
    /// Takes pixels through all steps, which begin with a tensor: `pixels` of `channels` channels
    /// from pixel `first` on.
    pub(super) fn pixels(&mut self, first: usize, pixels: usize, channels: usize) {
        for done in (0..pixels).step_by(PIXELS) {
            for col in (0..channels).step_by(NR) {
                let place = Place {
                    first: first + done,
                    pixels: PIXELS.min(pixels - done),
                    col,
                    at: col,
                    used: NR.min(channels - col),
                };
                self.tile(place, None);
            }
        }
    }

    fn tile(&mut self, place: Place, sums: Option<&[Sums]>) {
        TileMemory::lend(|memory| {
            vectorised(TileLoop {
                steps: self.steps,
                beside: &self.beside,
                sums,
                outputs: &mut self.outputs,
                place,
                memory,
            });
        });
    }
}

impl TileSink for GroupRun<'_, '_> {
    fn take(&mut self, tile: &Tile<'_>) {
        let place = Place {
            first: tile.first,
            pixels: tile.sums.len(),
            col: tile.col,
            at: tile.at,
            used: tile.used,
        };
        self.tile(place, Some(tile.sums));
    }
}

impl<'r, 'o> GroupRun<'r, 'o> {
    fn of_parts(self, cut: impl FnOnce(GroupOutputs<'o>) -> Vec<GroupOutputs<'o>>) -> Vec<Self> {
        let (steps, beside) = (self.steps, self.beside);
        let parts = cut(self.outputs).into_iter();
        let parts = parts.map(|outputs| GroupRun {
            steps,
            beside,
            outputs,
        });
        parts.collect()
    }
}

impl CutSink for GroupRun<'_, '_> {
    fn by_samples(self, each: usize) -> Vec<Self> {
        self.of_parts(|outputs| outputs.by_samples(each))
    }

    fn by_columns(self, each: usize) -> Vec<Self> {
        self.of_parts(|outputs| outputs.by_columns(each))
    }
}
