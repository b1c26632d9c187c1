//! The loop over the tiles of AMX-BF16: 32 x 32 sums of products, whose operands a table of steps
//! locates.

use core::arch::asm;
use core::mem::offset_of;

use super::bf16_layout::SIDE;
use super::tiles::{TILE, Tiles};

/// Bytes of a row of a tile.
pub(super) const ROW: usize = 64;

/// The distances of tiles of one side, of their rows and of their parts; all in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct TileStrides {
    /// The distance from row to row of a tile.
    pub(super) row: usize,
    /// The distance from the first 16 rows (left) or columns (right) to the second.
    pub(super) second: usize,
    /// The distance from part to part of the same numbers; the right side has one part.
    pub(super) part: usize,
}

impl TileStrides {
    /// Two tiles of 1 KiB each, without gaps, then the next part.
    pub(super) const DENSE: Self = Self {
        row: ROW,
        second: TILE * ROW,
        part: 2 * TILE * ROW,
    };

    /// Bytes from the start of the first tile to the end of the last.
    fn reach(&self, parts: usize) -> Option<usize> {
        let rows = self.row.checked_mul(TILE - 1)?.checked_add(ROW)?;
        let parts = self.part.checked_mul(parts.checked_sub(1)?)?;
        rows.checked_add(self.second)?.checked_add(parts)
    }
}

/// A step: where its tiles of the left and of the right side lie, in bytes from the start of each
/// side.
pub(super) type Step = [usize; 2];

/// The steps of a sum.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    steps: Vec<Step>,
    /// The largest offset of each side.
    most: Step,
}

impl Steps {
    pub(super) fn new(steps: impl Iterator<Item = Step>) -> Self {
        let steps: Vec<Step> = steps.collect();
        let most = |side: usize| steps.iter().map(|step| step[side]).max().unwrap_or(0);
        Self {
            most: [most(0), most(1)],
            steps,
        }
    }
}

/// The operands of 32 x 32 sums.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operands<'a> {
    pub(super) left: &'a [u64],
    pub(super) left_strides: TileStrides,
    /// Parts of each number on the left.
    pub(super) parts: usize,
    pub(super) right: &'a [u64],
    pub(super) right_strides: TileStrides,
    pub(super) steps: &'a Steps,
}

/// The arguments of the loop, in memory because they exceed the registers.
#[repr(C)]
struct Arguments {
    left: *const u64,
    right: *const u64,
    steps: *const Step,
    count: usize,
    left_row: usize,
    left_second: usize,
    left_part: usize,
    parts: usize,
    right_row: usize,
    right_second: usize,
    sums: *mut f32,
    sums_row: usize,
    sums_second: usize,
    begin: usize,
}

impl Tiles {
    /// Adds the products of two sides to 32 rows of 32 sums, `stride` apart, or to zeros if the
    /// sums `begin`. Does nothing if there are no steps, or if a side is shorter than the steps
    /// need.
    pub(super) fn add(&self, operands: Operands<'_>, sums: &mut [f32], stride: usize, begin: bool) {
        let Operands {
            left,
            left_strides,
            parts,
            right,
            right_strides,
            steps,
        } = operands;
        let reaches = |side: TileStrides, parts: usize, most: usize, words: &[u64]| {
            let end = side.reach(parts).and_then(|reach| reach.checked_add(most));
            end.is_some_and(|end| end <= size_of_val(words))
        };
        let sums_reach = (SIDE - 1).saturating_mul(stride).saturating_add(SIDE);
        let there = reaches(left_strides, parts, steps.most[0], left)
            && reaches(right_strides, 1, steps.most[1], right)
            && sums_reach <= sums.len();
        debug_assert!(there, "operands of tiles that are not there");
        if !there || steps.steps.is_empty() {
            return;
        }
        let arguments = Arguments {
            left: left.as_ptr(),
            right: right.as_ptr(),
            steps: steps.steps.as_ptr(),
            count: steps.steps.len(),
            left_row: left_strides.row,
            left_second: left_strides.second,
            left_part: left_strides.part,
            parts,
            right_row: right_strides.row,
            right_second: right_strides.second,
            sums: sums.as_mut_ptr(),
            sums_row: stride * size_of::<f32>(),
            sums_second: TILE * stride * size_of::<f32>(),
            begin: usize::from(begin),
        };
        // SAFETY: in each of `count` steps, at least one, 2 tiles of the right side and `parts`, at
        // least one, times 2 of the left side are read, 16 rows of 64 bytes each; the farthest of
        // them lie in the slices, as checked. Of 32 rows of `sums`, `stride` elements apart, 32
        // elements each are read and written, which are there too. All tiles are 16 x 64 bytes
        // while `self` lives. The arguments are read only.
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
                "mov {steps}, [{arguments} + {steps_at}]",
                "mov {count}, [{arguments} + {count_at}]",
                "mov {row}, [{arguments} + {left_row}]",
                "mov {right_row}, [{arguments} + {right_row_at}]",
                "mov {part_bytes}, [{arguments} + {left_part}]",
                "2:",
                "mov {x}, [{steps} + {right_step}]",
                "add {x}, [{arguments} + {right}]",
                "tileloadd tmm6, [{x} + {right_row}*1]",
                "add {x}, [{arguments} + {right_second}]",
                "tileloadd tmm7, [{x} + {right_row}*1]",
                "mov {x}, [{steps}]",
                "add {x}, [{arguments} + {left}]",
                "mov {y}, {x}",
                "add {y}, [{arguments} + {left_second}]",
                "mov {part}, [{arguments} + {parts}]",
                "3:",
                "tileloadd tmm4, [{x} + {row}*1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{y} + {row}*1]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {x}, {part_bytes}",
                "add {y}, {part_bytes}",
                "dec {part}",
                "jnz 3b",
                "add {steps}, {step}",
                "dec {count}",
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
                steps_at = const offset_of!(Arguments, steps),
                count_at = const offset_of!(Arguments, count),
                left_row = const offset_of!(Arguments, left_row),
                left_second = const offset_of!(Arguments, left_second),
                left_part = const offset_of!(Arguments, left_part),
                parts = const offset_of!(Arguments, parts),
                right_row_at = const offset_of!(Arguments, right_row),
                right_second = const offset_of!(Arguments, right_second),
                sums = const offset_of!(Arguments, sums),
                sums_row = const offset_of!(Arguments, sums_row),
                sums_second = const offset_of!(Arguments, sums_second),
                begin = const offset_of!(Arguments, begin),
                step = const size_of::<Step>(),
                right_step = const size_of::<usize>(),
                arguments = in(reg) &arguments,
                x = out(reg) _,
                y = out(reg) _,
                row = out(reg) _,
                steps = out(reg) _,
                count = out(reg) _,
                right_row = out(reg) _,
                part_bytes = out(reg) _,
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
