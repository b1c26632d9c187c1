//! The loop over the tiles of AMX-BF16: 32 x 32 sums of products, whose operands lie in tiles wherever a table says.

use core::arch::asm;

use super::amx::Tiles;
use super::bf16_layout::{SIDE, TILE};

/// Bytes of a row of a tile.
pub(super) const ROW: usize = 64;

/// Where the tiles of one side begin, and how far their rows and parts lie apart; all in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    /// From row to row of a tile.
    pub(super) row: usize,
    /// From the first 16 rows (left) or columns (right) to the second.
    pub(super) second: usize,
    /// From part to part of the same numbers; the right side has one part.
    pub(super) part: usize,
}

impl Side {
    /// Two tiles of 1 KiB each, without gaps, then the next part.
    pub(super) const DENSE: Self = Self {
        row: ROW,
        second: TILE * ROW,
        part: 2 * TILE * ROW,
    };

    /// Bytes from the begin of the first tile to the end of the last.
    fn reach(&self, parts: usize) -> Option<usize> {
        let rows = self.row.checked_mul(TILE - 1)?.checked_add(ROW)?;
        let parts = self.part.checked_mul(parts.checked_sub(1)?)?;
        rows.checked_add(self.second)?.checked_add(parts)
    }
}

/// A step: where its tiles of the left and of the right side lie, in bytes from where each side begins.
pub(super) type Step = [usize; 2];

/// The steps of a sum.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    steps: Vec<Step>,
    /// The farthest of each side.
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
    pub(super) left_side: Side,
    /// Parts of each number on the left.
    pub(super) parts: usize,
    pub(super) right: &'a [u64],
    pub(super) right_side: Side,
    pub(super) steps: &'a Steps,
}

/// What the loop reads; the offsets in its text are those of these fields.
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
    /// Adds the products of two sides to 32 rows of 32 sums, `stride` apart, or to zeros where they `begin`. Nothing
    /// happens where there is nothing to add or a side does not reach as far as the steps ask.
    pub(super) fn add(&self, operands: Operands<'_>, sums: &mut [f32], stride: usize, begin: bool) {
        let Operands {
            left,
            left_side,
            parts,
            right,
            right_side,
            steps,
        } = operands;
        let reaches = |side: Side, parts: usize, most: usize, words: &[u64]| {
            let end = side.reach(parts).and_then(|reach| reach.checked_add(most));
            end.is_some_and(|end| end <= size_of_val(words))
        };
        let sums_reach = (SIDE - 1).saturating_mul(stride).saturating_add(SIDE);
        let there = reaches(left_side, parts, steps.most[0], left)
            && reaches(right_side, 1, steps.most[1], right)
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
            left_row: left_side.row,
            left_second: left_side.second,
            left_part: left_side.part,
            parts,
            right_row: right_side.row,
            right_second: right_side.second,
            sums: sums.as_mut_ptr(),
            sums_row: stride * size_of::<f32>(),
            sums_second: TILE * stride * size_of::<f32>(),
            begin: usize::from(begin),
        };
        // SAFETY: in each of `count` steps, at least one, 2 tiles of the right side and `parts`, at least one, times 2 of
        // the left side are read, 16 rows of 64 bytes each; the farthest of them lie in the slices, as checked. Of 32 rows
        // of `sums`, `stride` elements apart, 32 elements each are read and written, which are there too. All tiles are
        // 16 x 64 bytes while `self` lives. The arguments are read only.
        unsafe {
            asm!(
                "mov {x}, [{arguments} + 80]",
                "mov {row}, [{arguments} + 88]",
                "mov {y}, {x}",
                "add {y}, [{arguments} + 96]",
                "cmp qword ptr [{arguments} + 104], 0",
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
                "mov {steps}, [{arguments} + 16]",
                "mov {count}, [{arguments} + 24]",
                "mov {row}, [{arguments} + 32]",
                "mov {right_row}, [{arguments} + 64]",
                "mov {part_bytes}, [{arguments} + 48]",
                "2:",
                "mov {x}, [{steps} + 8]",
                "add {x}, [{arguments} + 8]",
                "tileloadd tmm6, [{x} + {right_row}*1]",
                "add {x}, [{arguments} + 72]",
                "tileloadd tmm7, [{x} + {right_row}*1]",
                "mov {x}, [{steps}]",
                "add {x}, [{arguments}]",
                "mov {y}, {x}",
                "add {y}, [{arguments} + 40]",
                "mov {part}, [{arguments} + 56]",
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
                "add {steps}, 16",
                "dec {count}",
                "jnz 2b",
                "mov {x}, [{arguments} + 80]",
                "mov {row}, [{arguments} + 88]",
                "mov {y}, {x}",
                "add {y}, [{arguments} + 96]",
                "tilestored [{x} + {row}*1], tmm0",
                "tilestored [{x} + {row}*1 + 64], tmm1",
                "tilestored [{y} + {row}*1], tmm2",
                "tilestored [{y} + {row}*1 + 64], tmm3",
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
pub(super) struct Place {
    /// Columns of the matrix.
    pub(super) stride: usize,
    pub(super) row: usize,
    /// Rows that are there, at most 32.
    pub(super) rows: usize,
    pub(super) col: usize,
    /// Columns that are there, at most 32.
    pub(super) cols: usize,
    /// Whether the sums begin at 0.
    pub(super) begin: bool,
}

impl Place {
    /// Adds products to the sums of `out` there.
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
