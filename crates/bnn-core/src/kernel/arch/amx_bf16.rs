//! Products of `f32` with signs on the tiles of AMX-BF16: 8192 products in 16 cycles, 16 times what two multipliers
//! for 512 bits of `f32` do. An `f32` is the sum of three bfloat16, its upper 8 significant bits, the 8 below and
//! the 8 below those, so a third of that remains, and the products with +-1 are exact.
//!
//! Of the left side 32 rows by [`STEPS`] * 32 terms lie in the L1 cache, of the right side those terms by up to [`COLS`]
//! columns in L2; `bf16_layout` says how.
//! Output tiles of 32 x 32 are loaded and stored once for every [`STEPS`] * 32 terms.

use core::arch::asm;
use core::arch::x86_64::__cpuid_count;
use std::cell::Cell;
use std::sync::OnceLock;

use super::amx::Tiles;
use super::bf16_layout::{PAIR, PARTS, SIDE, STEPS, TERMS, TILE, fill_left, fill_right};
use crate::aligned::AlignedWords;
use crate::f32_product::{F32Right, F32Rows};

/// Columns of the right side that are laid out together: 256 KiB.
const COLS: usize = 1024;

type Sums = [[f32; SIDE]; SIDE];

/// Whether the tiles multiply bfloat16, where there are tiles. Asked once: a virtual machine takes its time to answer.
pub(super) fn supported() -> bool {
    static SUPPORTED: OnceLock<bool> = OnceLock::new();
    *SUPPORTED.get_or_init(|| __cpuid_count(7, 0).edx >> 22 & 1 == 1)
}

thread_local! {
    /// Both sides of the last product, laid out: fresh memory would cost more than filling it.
    static ROOM: Cell<Option<(AlignedWords, AlignedWords)>> = const { Cell::new(None) };
}

/// `out = a · b`. Sizes fit each other.
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
pub(super) fn multiply(a: F32Rows<'_>, b: F32Right<'_>, out: &mut [f32]) {
    let (mut left, mut right) = ROOM.take().unwrap_or_else(|| {
        (
            AlignedWords::zeros(STEPS * PARTS * PAIR),
            AlignedWords::zeros(STEPS * COLS / SIDE * PAIR),
        )
    });
    let (_, cols) = b.shape();
    let tiles = Tiles::configure();
    for first_term in (0..a.depth).step_by(STEPS * TERMS) {
        let terms = (a.depth - first_term).min(STEPS * TERMS);
        let steps = terms.div_ceil(TERMS);
        for first_col in (0..cols).step_by(COLS) {
            let width = (cols - first_col).min(COLS);
            let used = width.div_ceil(SIDE) * steps * PAIR;
            let right = right.words_mut().get_mut(..used).unwrap_or_default();
            for (i, pair) in right.chunks_exact_mut(steps * PAIR).enumerate() {
                fill_right(b, first_term, terms, first_col + i * SIDE, pair);
            }
            for first_row in (0..a.rows).step_by(SIDE) {
                let parts = fill_left(&a, first_row, first_term, terms, left.words_mut());
                for (i, right) in right.chunks_exact(steps * PAIR).enumerate() {
                    let place = Place {
                        stride: cols,
                        row: first_row,
                        rows: (a.rows - first_row).min(SIDE),
                        col: first_col + i * SIDE,
                        begin: first_term == 0,
                    };
                    place.add(&tiles, left.words(), parts, right, out);
                }
            }
        }
    }
    drop(tiles);
    ROOM.set(Some((left, right)));
}

/// Where 32 x 32 sums lie in the output.
struct Place {
    /// Columns of the output.
    stride: usize,
    row: usize,
    /// Rows that are there.
    rows: usize,
    col: usize,
    /// Whether the sums begin at 0.
    begin: bool,
}

impl Place {
    fn add(&self, tiles: &Tiles, left: &[u64], parts: usize, right: &[u64], out: &mut [f32]) {
        let at = self.row * self.stride + self.col;
        let cols = (self.stride - self.col).min(SIDE);
        let out = out.get_mut(at..).unwrap_or_default();
        if self.rows == SIDE && cols == SIDE {
            tiles.add_products(left, parts, right, out, self.stride, self.begin);
            return;
        }
        let mut sums: Sums = [[0.0; SIDE]; SIDE];
        if !self.begin {
            for (sums, out) in sums.iter_mut().zip(out.chunks(self.stride).take(self.rows)) {
                sums.iter_mut()
                    .zip(out)
                    .take(cols)
                    .for_each(|(s, x)| *s = *x);
            }
        }
        tiles.add_products(
            left,
            parts,
            right,
            sums.as_flattened_mut(),
            SIDE,
            self.begin,
        );
        for (sums, out) in sums.iter().zip(out.chunks_mut(self.stride).take(self.rows)) {
            out.iter_mut()
                .zip(sums)
                .take(cols)
                .for_each(|(x, s)| *x = *s);
        }
    }
}

impl Tiles {
    /// Adds the products of a laid out left side, of which `parts` parts are not zero, with a pair of tiles of the
    /// right side to 32 rows of 32 sums, `stride` apart, or to zeros where they `begin`.
    fn add_products(
        &self,
        left: &[u64],
        parts: usize,
        right: &[u64],
        sums: &mut [f32],
        stride: usize,
        begin: bool,
    ) {
        let steps = right.len() / PAIR;
        let reach = (SIDE - 1).saturating_mul(stride).saturating_add(SIDE);
        if steps == 0 || parts == 0 || left.len() < steps * parts * PAIR || sums.len() < reach {
            return;
        }
        let below = sums.as_mut_ptr().wrapping_add(TILE * stride);
        // SAFETY: `steps` times, 2 tiles of 1 KiB of `right` are read, and `parts` times as many of `left`; both are
        // there, as checked. Of 32 rows of `sums`, `stride` elements apart, 32 elements each are read and written, which are
        // there too. All tiles are 16 x 64 bytes while `self` lives.
        unsafe {
            asm!(
                "test {part:e}, {part:e}",
                "jnz 4f",
                "tileloadd tmm0, [{c} + {stride}*1]",
                "tileloadd tmm1, [{c} + {stride}*1 + 64]",
                "tileloadd tmm2, [{d} + {stride}*1]",
                "tileloadd tmm3, [{d} + {stride}*1 + 64]",
                "jmp 2f",
                "4:",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                "tileloadd tmm6, [{b} + {row}*1]",
                "tileloadd tmm7, [{b} + {row}*1 + 1024]",
                "mov {part:e}, {parts:e}",
                "3:",
                "tileloadd tmm4, [{a} + {row}*1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{a} + {row}*1 + 1024]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {a}, 2048",
                "dec {part:e}",
                "jnz 3b",
                "add {b}, 2048",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{c} + {stride}*1], tmm0",
                "tilestored [{c} + {stride}*1 + 64], tmm1",
                "tilestored [{d} + {stride}*1], tmm2",
                "tilestored [{d} + {stride}*1 + 64], tmm3",
                c = in(reg) sums.as_mut_ptr(),
                d = in(reg) below,
                stride = in(reg) stride * size_of::<f32>(),
                a = inout(reg) left.as_ptr() => _,
                b = inout(reg) right.as_ptr() => _,
                steps = inout(reg) steps => _,
                parts = in(reg) parts,
                part = inout(reg) usize::from(begin) => _,
                row = in(reg) 64_usize,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}
