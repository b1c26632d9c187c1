//! The loop over the tiles of AMX-BF16: 32 x 32 sums of products.

use core::arch::asm;
use core::mem::offset_of;

use super::bf16_layout::{PAIR, SIDE};
use super::tiles::{TILE, Tiles};

/// Bytes of a row of a tile.
const ROW: usize = 64;

/// Bytes of a tile. Those of both sides follow each other without gaps.
const TILE_BYTES: usize = TILE * ROW;

/// The operands of 32 x 32 sums.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operands<'a> {
    /// `[step][part][2 tiles]`: the first 16 rows and the second.
    pub(super) left: &'a [u64],
    /// Parts of each number on the left.
    pub(super) parts: usize,
    /// `[step][2 tiles]`: the first 16 columns and the second.
    pub(super) right: &'a [u64],
    /// Steps of 32 terms.
    pub(super) steps: usize,
}

/// The arguments of the loop, in memory because they exceed the registers.
#[repr(C)]
struct Arguments {
    left: *const u64,
    right: *const u64,
    steps: usize,
    parts: usize,
    sums: *mut f32,
    sums_row: usize,
    sums_second: usize,
    begin: usize,
}

impl Tiles {
    /// Adds the products of two sides to 32 rows of 32 sums, `stride` apart, or to zeros if the
    /// sums `begin`. Does nothing if there are no steps or parts, or if a side is shorter than the
    /// steps need.
    pub(super) fn add(&self, operands: Operands<'_>, sums: &mut [f32], stride: usize, begin: bool) {
        let Operands {
            left,
            parts,
            right,
            steps,
        } = operands;
        let right_words = steps.saturating_mul(PAIR);
        let sums_reach = (SIDE - 1).saturating_mul(stride).saturating_add(SIDE);
        let there = right_words.saturating_mul(parts) <= left.len()
            && right_words <= right.len()
            && sums_reach <= sums.len();
        debug_assert!(there, "operands of tiles that are not there");
        if !there || steps == 0 || parts == 0 {
            return;
        }
        let arguments = Arguments {
            left: left.as_ptr(),
            right: right.as_ptr(),
            steps,
            parts,
            sums: sums.as_mut_ptr(),
            sums_row: stride * size_of::<f32>(),
            sums_second: TILE * stride * size_of::<f32>(),
            begin: usize::from(begin),
        };
        // SAFETY: in each of `steps` steps, at least one, 2 tiles of the right side and `parts`, at
        // least one, times 2 of the left side are read, 16 rows of 64 bytes each, all of them one
        // after the other from the start of their slices, which are as long as that, as checked. Of
        // 32 rows of `sums`, `stride` elements apart, 32 elements each are read and written, which
        // are there too. All tiles are 16 x 64 bytes while `self` lives. The arguments are read
        // only.
        unsafe {
            asm!(
                "mov {x}, [{arguments} + {sums}]",
                "mov {row}, [{arguments} + {sums_row}]",
                "mov {y}, {x}",
                "add {y}, [{arguments} + {sums_second}]",
                "cmp qword ptr [{arguments} + {begin}], 0",
                "jne 4f",
                "tileloadd tmm0, [{x} + {row}*1]",
                "tileloadd tmm1, [{x} + {row}*1 + 64]",
                "tileloadd tmm2, [{y} + {row}*1]",
                "tileloadd tmm3, [{y} + {row}*1 + 64]",
                "jmp 5f",
                "4:",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "5:",
                "mov {step}, [{arguments} + {steps}]",
                "mov {x}, [{arguments} + {left}]",
                "mov {y}, [{arguments} + {right}]",
                "mov {row}, {tile_row}",
                "2:",
                "tileloadd tmm6, [{y} + {row}*1]",
                "tileloadd tmm7, [{y} + {row}*1 + {tile}]",
                "add {y}, {pair}",
                "mov {part}, [{arguments} + {parts}]",
                "3:",
                "tileloadd tmm4, [{x} + {row}*1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{x} + {row}*1 + {tile}]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {x}, {pair}",
                "dec {part}",
                "jnz 3b",
                "dec {step}",
                "jnz 2b",
                "mov {x}, [{arguments} + {sums}]",
                "mov {row}, [{arguments} + {sums_row}]",
                "mov {y}, {x}",
                "add {y}, [{arguments} + {sums_second}]",
                "tilestored [{x} + {row}*1], tmm0",
                "tilestored [{x} + {row}*1 + 64], tmm1",
                "tilestored [{y} + {row}*1], tmm2",
                "tilestored [{y} + {row}*1 + 64], tmm3",
                left = const offset_of!(Arguments, left),
                right = const offset_of!(Arguments, right),
                steps = const offset_of!(Arguments, steps),
                parts = const offset_of!(Arguments, parts),
                sums = const offset_of!(Arguments, sums),
                sums_row = const offset_of!(Arguments, sums_row),
                sums_second = const offset_of!(Arguments, sums_second),
                begin = const offset_of!(Arguments, begin),
                tile_row = const ROW,
                tile = const TILE_BYTES,
                pair = const PAIR * size_of::<u64>(),
                arguments = in(reg) &arguments,
                x = out(reg) _,
                y = out(reg) _,
                row = out(reg) _,
                step = out(reg) _,
                part = out(reg) _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

/// Where 32 x 32 sums, or fewer at the edges, lie in a row-major matrix.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutputTile {
    /// Columns of the matrix.
    pub(super) stride: usize,
    pub(super) row: usize,
    /// Rows that exist, at most 32.
    pub(super) rows: usize,
    pub(super) col: usize,
    /// Columns that exist, at most 32.
    pub(super) cols: usize,
    /// Whether the sums start at 0.
    pub(super) begin: bool,
}

impl OutputTile {
    /// Adds products to these sums of `out`.
    pub(super) fn add(&self, tiles: &Tiles, operands: Operands<'_>, out: &mut [f32]) {
        let at = self.row * self.stride + self.col;
        let out = out.get_mut(at..).unwrap_or_default();
        if self.rows == SIDE && self.cols == SIDE {
            tiles.add(operands, out, self.stride, self.begin);
            return;
        }
        let mut sums = [[0.0; SIDE]; SIDE];
        if !self.begin {
            for (sums, out) in sums.iter_mut().zip(out.chunks(self.stride).take(self.rows)) {
                let pairs = sums.iter_mut().zip(out).take(self.cols);
                pairs.for_each(|(sum, x)| *sum = *x);
            }
        }
        tiles.add(operands, sums.as_flattened_mut(), SIDE, self.begin);
        for (sums, out) in sums.iter().zip(out.chunks_mut(self.stride).take(self.rows)) {
            let pairs = out.iter_mut().zip(sums).take(self.cols);
            pairs.for_each(|(x, sum)| *x = *sum);
        }
    }
}
