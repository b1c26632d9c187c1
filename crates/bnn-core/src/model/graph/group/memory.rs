//! The memory of a tile between the steps of a group.

use alloc::vec::Vec;

use crate::kernel::NR;
use crate::memory;

/// Pixels whose lanes lie in one array. Loops over so many are neither unrolled as a whole, nor cut
/// in another way than along the lanes, so that each becomes a loop of full vectors.
pub(super) const TOGETHER: usize = 4;

/// Such arrays that go through all steps together: they stay in the L1 cache.
const ARRAYS: usize = 8;

/// Pixels that go through all steps together.
pub(super) const PIXELS: usize = TOGETHER * ARRAYS;

/// Numbers of [`TOGETHER`] pixels.
pub(super) type Lanes<T = i32> = [T; TOGETHER * NR];

/// Numbers of some pixels.
#[repr(align(64))]
pub(super) struct Slab<T>(pub(super) [Lanes<T>; ARRAYS]);

impl<T: Copy + Default> Slab<T> {
    fn new() -> Self {
        Self([[T::default(); TOGETHER * NR]; ARRAYS])
    }

    /// The numbers of each pixel.
    #[inline(always)]
    pub(super) fn pixels(&self) -> &[[T; NR]] {
        self.0.as_flattened().as_chunks().0
    }

    #[inline(always)]
    pub(super) fn pixels_mut(&mut self) -> &mut [[T; NR]] {
        self.0.as_flattened_mut().as_chunks_mut().0
    }
}

/// The numbers of each channel of a panel, three at most, for each of [`TOGETHER`] pixels.
#[repr(align(64))]
pub(super) struct OfChannels(pub(super) [Lanes; 3]);

/// The current numbers, and room for those of tensors.
pub(super) struct Slabs {
    pub(super) lanes: Slab<i32>,
    pub(super) beside: Slab<i32>,
    pub(super) narrow: Slab<i16>,
    pub(super) bytes: Slab<u8>,
}

/// What a tile works in.
pub(super) struct TileMemory {
    pub(super) slabs: Slabs,
    pub(super) numbers: OfChannels,
}

memory::lent!(static TILE_MEMORY: Vec<TileMemory>);

impl TileMemory {
    fn new() -> Self {
        Self {
            slabs: Slabs {
                lanes: Slab::new(),
                beside: Slab::new(),
                narrow: Slab::new(),
                bytes: Slab::new(),
            },
            numbers: OfChannels([[0; TOGETHER * NR]; 3]),
        }
    }

    /// Calls `work` with memory that the thread keeps, or that lies on the stack where the system
    /// has none; it holds anything.
    pub(super) fn lend<R>(work: impl FnOnce(&mut TileMemory) -> R) -> R {
        TILE_MEMORY.lend(|kept| {
            if kept.is_empty() && kept.try_reserve_exact(1).is_ok() {
                kept.push(Self::new());
            }
            let mut own;
            work(match kept.first_mut() {
                Some(memory) => memory,
                None => {
                    own = Self::new();
                    &mut own
                }
            })
        })
    }
}
