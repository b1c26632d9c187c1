//! What is done with a tile's sums: each epilogue writes its output straight from the tile, so a
//! layer's `i32` matrix exists only if the caller asked for the sums.

use super::Thresholds;
use super::output::OutputRows;
use crate::kernel::{self, Epilogues, Factors, NR};
use crate::shape::WORD;

/// An epilogue of a product, tile by tile. (`model::Epilogue` is what a file says of one.)
pub(crate) trait TileEpilogue: Sync {
    /// An element of the output.
    type Elem: Copy + Send;
    /// The parameters of a panel's outputs.
    type Panel;
    /// Output columns in one element. Columns come in order, and no element is split between two
    /// threads.
    const COLUMNS: usize;

    /// The parameters of the `used` outputs from `col` on, read once for all samples.
    fn panel(&self, col: usize, used: usize) -> Self::Panel;

    /// Writes the first `used` outputs of one sample to `row`, from its column `at` on.
    fn write(
        epilogues: &Epilogues,
        panel: &Self::Panel,
        sums: &kernel::Sums,
        used: usize,
        row: &mut [Self::Elem],
        at: usize,
    );

    /// Writes the outputs of a tile.
    fn tile(&self, tile: &Tile<'_>, out: &mut impl OutputRows<Self::Elem>) {
        let panel = self.panel(tile.col, tile.used);
        for (sample, sums) in (tile.first..).zip(tile.sums) {
            if let Some(row) = out.row(sample) {
                Self::write(tile.epilogues, &panel, sums, tile.used, row, tile.at);
            }
        }
    }

    /// The row itself, if its elements are the sums.
    fn sums(_row: &mut [Self::Elem]) -> Option<&mut [i32]> {
        None
    }

    /// Applies the epilogue to at most a panel's sums, those of the outputs from `col` on, in
    /// little code. Writes to `row` from its column `at` on.
    fn put(&self, sums: &[i32], col: usize, row: &mut [Self::Elem], at: usize);
}

/// The sums of consecutive samples with the outputs of a panel.
pub(crate) struct Tile<'s> {
    /// Those of the kernel in use.
    pub(crate) epilogues: &'static Epilogues,
    /// The sums of each sample; those after the first `used` mean nothing.
    pub(crate) sums: &'s [kernel::Sums],
    pub(crate) used: usize,
    /// The row of the first sample in what is written.
    pub(crate) first: usize,
    /// The first output.
    pub(crate) col: usize,
    /// The column of the first output in the rows that are written.
    pub(crate) at: usize,
}

/// Hands tiles to a [`TileSink`](super::output::TileSink).
pub(crate) struct Tiles;

impl TileEpilogue for Tiles {
    type Elem = ();
    type Panel = ();
    // Sinks may write bits.
    const COLUMNS: usize = WORD;

    fn panel(&self, _col: usize, _used: usize) {}

    fn write(_: &Epilogues, _: &(), _: &kernel::Sums, _: usize, _: &mut [()], _: usize) {}

    fn tile(&self, tile: &Tile<'_>, out: &mut impl OutputRows<()>) {
        if let Some(sink) = out.sink() {
            sink.take(tile);
        }
    }

    fn put(&self, _sums: &[i32], _col: usize, _row: &mut [()], _at: usize) {}
}

/// The sums themselves.
pub(crate) struct RawSums;

impl TileEpilogue for RawSums {
    type Elem = i32;
    type Panel = ();
    const COLUMNS: usize = 1;

    fn panel(&self, _col: usize, _used: usize) {}

    fn write(
        _epilogues: &Epilogues,
        _panel: &(),
        sums: &kernel::Sums,
        used: usize,
        row: &mut [i32],
        at: usize,
    ) {
        copy(&sums.0, used, row, at);
    }

    fn sums(row: &mut [i32]) -> Option<&mut [i32]> {
        Some(row)
    }

    fn put(&self, sums: &[i32], _col: usize, row: &mut [i32], at: usize) {
        let row = row.get_mut(at..).unwrap_or_default();
        for (out, sum) in row.iter_mut().zip(sums) {
            *out = *sum;
        }
    }
}

/// `scale * sum + bias`, rounded twice.
pub(crate) struct Affine<'a> {
    pub(crate) scale: &'a [f32],
    pub(crate) bias: &'a [f32],
}

impl TileEpilogue for Affine<'_> {
    type Elem = f32;
    type Panel = Factors;
    const COLUMNS: usize = 1;

    fn panel(&self, col: usize, used: usize) -> Factors {
        Factors {
            scale: lanes(self.scale, col, used, 0.0),
            bias: lanes(self.bias, col, used, 0.0),
        }
    }

    fn write(
        epilogues: &Epilogues,
        factors: &Factors,
        sums: &kernel::Sums,
        used: usize,
        row: &mut [f32],
        at: usize,
    ) {
        let whole = row.get_mut(at..).and_then(|row| row.first_chunk_mut());
        match whole {
            Some(out) if used == NR => (epilogues.affine)(sums, factors, out),
            _ => {
                let mut out = [0.0; NR];
                (epilogues.affine)(sums, factors, &mut out);
                copy(&out, used, row, at);
            }
        }
    }

    fn put(&self, sums: &[i32], col: usize, row: &mut [f32], at: usize) {
        let scale = self.scale.get(col..).unwrap_or_default();
        let bias = self.bias.get(col..).unwrap_or_default();
        let row = row.get_mut(at..).unwrap_or_default();
        for (((out, sum), scale), bias) in row.iter_mut().zip(sums).zip(scale).zip(bias) {
            *out = scale * *sum as f32 + bias;
        }
    }
}

/// One bit: whether the sum reaches the threshold.
pub(crate) struct Threshold<'a>(pub(crate) Thresholds<'a>);

impl TileEpilogue for Threshold<'_> {
    type Elem = u64;
    type Panel = [i32; NR];
    const COLUMNS: usize = WORD;

    fn panel(&self, col: usize, used: usize) -> [i32; NR] {
        match self.0 {
            Thresholds::I16(thresholds) => lanes(thresholds, col, used, 0),
            Thresholds::I32(thresholds) => lanes(thresholds, col, used, 0),
        }
    }

    fn write(
        epilogues: &Epilogues,
        thresholds: &[i32; NR],
        sums: &kernel::Sums,
        used: usize,
        row: &mut [u64],
        at: usize,
    ) {
        let bits = u64::from((epilogues.reached)(sums, thresholds)) & ((1 << used) - 1);
        join(bits, used, row, at);
    }

    fn put(&self, sums: &[i32], col: usize, row: &mut [u64], at: usize) {
        let bits = match self.0 {
            Thresholds::I16(thresholds) => reached(sums, thresholds, col),
            Thresholds::I32(thresholds) => reached(sums, thresholds, col),
        };
        join(bits.into(), sums.len(), row, at);
    }
}

/// Bit `j`: whether `sums[j]` reaches the threshold of output `col + j`.
fn reached<T: Copy + Into<i32>>(sums: &[i32], thresholds: &[T], col: usize) -> u32 {
    let thresholds = thresholds.get(col..).unwrap_or_default();
    if let (true, Some(sums), Some(thresholds)) =
        (BY_EIGHTS, sums.first_chunk(), thresholds.first_chunk())
    {
        return reached_by_eights::<T>(sums, thresholds);
    }
    let pairs = sums.iter().zip(thresholds).rev();
    pairs.fold(0, |bits, (sum, &threshold)| {
        bits << 1 | u32::from(*sum >= threshold.into())
    })
}

/// Whether the bits of whole panels are joined by eights: faster, and more code.
const BY_EIGHTS: bool = NR == u32::BITS as usize;

/// The same of a whole panel: the bits of eight sums do not wait for those of others.
fn reached_by_eights<T: Copy + Into<i32>>(sums: &[i32; NR], thresholds: &[T; NR]) -> u32 {
    let ((sums, _), (thresholds, _)) = (sums.as_chunks::<8>(), thresholds.as_chunks::<8>());
    let eights = sums.iter().zip(thresholds).map(|(sums, thresholds)| {
        let pairs = sums.iter().zip(thresholds).enumerate();
        pairs.fold(0, |bits, (j, (sum, &threshold))| {
            bits | u32::from(*sum >= threshold.into()) << j
        })
    });
    eights.rev().fold(0, |bits, eight| bits << 8 | eight)
}

/// Writes `used` bits to the columns from `at` on. Columns come in order: the first bits of a word
/// replace it, later ones are added.
#[inline(always)]
pub(crate) fn join(bits: u64, used: usize, row: &mut [u64], at: usize) {
    let (shift, mut places) = (at % WORD, row.iter_mut().skip(at / WORD));
    if let Some(word) = places.next() {
        *word = if shift == 0 {
            bits
        } else {
            *word | bits << shift
        };
    }
    if shift + used > WORD
        && let Some(word) = places.next()
    {
        *word = bits >> (WORD - shift);
    }
}

/// The `used` parameters from `col` on, filled up to a panel's width with `fill`.
fn lanes<T: Copy + Into<U>, U: Copy>(from: &[T], col: usize, used: usize, fill: U) -> [U; NR] {
    let mut lanes = [fill; NR];
    let from = from.get(col..col + used).unwrap_or_default();
    for (lane, &parameter) in lanes.iter_mut().zip(from) {
        *lane = parameter.into();
    }
    lanes
}

/// The first `used` of `from` to `row[at..]`.
fn copy<T: Copy>(from: &[T; NR], used: usize, row: &mut [T], at: usize) {
    let row = row.get_mut(at..).unwrap_or_default();
    match row.first_chunk_mut() {
        // The length is known, so no copy routine is called.
        Some(row) if used == NR => *row = *from,
        _ => {
            for (out, from) in row.iter_mut().zip(from).take(used) {
                *out = *from;
            }
        }
    }
}
