//! Products of two matrices in canonical rows: where it pays, the weights are laid out for this
//! call alone, a slab of panels at a time. All samples meet a slab before the next one takes its
//! memory.

use core::ops::Range;

use super::driver::compute_all;
use super::epilogue::TileEpilogue;
use super::output::{Columns, Grain, OutputRows, TiledOutput};
use super::parallel;
use super::product::Product;
use super::samples::Samples;
use super::weights::{Resolved, Storage, Weights};
use crate::aligned::AlignedWords;
use crate::kernel::{Kernel, NR};
use crate::memory;
use crate::shape::{WORD, row_words};

/// Panels of a slab, for each thread that shares the work: few, so that they stay in an L2 cache.
/// (As few as there can be in tests, so that most products have several slabs.)
const PANELS: usize = if cfg!(test) { ALIGNED } else { 16 };

/// How many times more panels a slab has if the kernel lays out its samples too, which it repeats
/// for each slab.
const MORE_PANELS: usize = if cfg!(test) { 1 } else { 4 };

/// Slabs begin on a word of output bits.
const ALIGNED: usize = WORD / NR;

/// Most words of a slab. If it cannot hold two panels, rows are longer than a million elements, and
/// kernels are fast in place. (In tests, rows of 128 words.)
const MOST_WORDS: usize = if cfg!(test) {
    ALIGNED * NR * 128
} else {
    (8 << 20) / size_of::<u64>()
};

/// Most words that a thread keeps for its next product.
const KEPT_WORDS: usize = (1 << 20) / size_of::<u64>();

/// Word products that take the time of laying out a word of weights: for vector kernels it is less.
const LAY_OUT: usize = 8;

/// Computes the whole product with weights that are laid out on the way, and returns whether it
/// did: not if they are laid out already, if it does not pay, or if there is no memory for it. Then
/// nothing is written.
pub(super) fn compute<E: TileEpilogue>(
    a: &Samples<'_>,
    w: &Resolved<'_>,
    epilogue: &E,
    c: &mut [E::Elem],
    stride: usize,
) -> bool {
    let Storage::Canonical(weights) = w.weights.storage else {
        return false;
    };
    let rows = a.len().saturating_mul(a.rows_per_sample());
    let (words, outputs) = (row_words(w.weights.cols), w.rows());
    if !w.kernel.lays_out_on_the_way(rows, outputs) {
        return false;
    }
    let kernel = w.kernel.for_size(rows, words, outputs);
    let threads = parallel::threads(&Product { a, w, epilogue });
    let panels = slab_panels(kernel, words, outputs, threads);
    if panels == 0 {
        return false;
    }
    let panel_words = kernel.panel_words(words);
    let slab_words = panels.saturating_mul(panel_words);
    SLAB.lend(|memory| {
        let workspace = Product {
            a,
            w: &laid_out(&[], outputs, w, kernel),
            epilogue,
        }
        .workspace_bytes();
        let Ok(slab) = memory.try_first(slab_words) else {
            return false;
        };
        if memory::available(workspace.saturating_mul(threads)).is_err() {
            memory.free_beyond(0);
            return false;
        }
        for first in (0..outputs).step_by(panels * NR) {
            let rows = first..outputs.min(first + panels * NR);
            let slab = slab.get_mut(..rows.len().div_ceil(NR) * panel_words);
            let slab = slab.unwrap_or_default();
            let source = weights.get(rows.start * words..rows.end * words);
            let layout = Panels {
                kernel,
                rows: source.unwrap_or_default(),
                words,
            };
            compute_all(&layout, slab, panel_words);
            let w = &laid_out(slab, rows.len(), w, kernel);
            let product = Product { a, w, epilogue };
            let columns = c.get_mut(first / E::COLUMNS..).unwrap_or_default();
            compute_all(&Slab { product, first }, columns, stride);
        }
        memory.free_beyond(KEPT_WORDS);
        true
    })
}

memory::lent!(static SLAB: AlignedWords);

/// `rows` of the weights `w`, laid out for `kernel`.
fn laid_out<'s>(
    slab: &'s [u64],
    rows: usize,
    w: &Resolved<'_>,
    kernel: &'static Kernel,
) -> Resolved<'s> {
    Resolved {
        weights: Weights {
            storage: Storage::Panels(slab),
            rows,
            cols: w.weights.cols,
            kernel: Some(kernel),
        },
        kernel,
    }
}

/// How many panels are laid out at a time; 0 if rows are too long.
fn slab_panels(kernel: &Kernel, words: usize, outputs: usize, threads: usize) -> usize {
    let wanted = match kernel.reads_rows() {
        true => PANELS,
        false => PANELS * MORE_PANELS,
    };
    let most = MOST_WORDS / kernel.panel_words(words);
    let panels = wanted.saturating_mul(threads).min(most);
    (panels / ALIGNED * ALIGNED).min(outputs.div_ceil(NR))
}

/// Panels as outputs, so that threads share the work of laying them out.
struct Panels<'w> {
    kernel: &'static Kernel,
    /// Canonical rows.
    rows: &'w [u64],
    /// Words of a row.
    words: usize,
}

impl TiledOutput for Panels<'_> {
    type Elem = u64;

    fn shape(&self) -> [usize; 2] {
        let panels = self.rows.len().div_ceil(NR * self.words);
        [panels, self.kernel.panel_words(self.words)]
    }

    fn grain(&self) -> Grain {
        Grain {
            work: self.rows.len().saturating_mul(LAY_OUT),
            samples: 1,
            columns: None,
        }
    }

    fn part(&self, range: Range<usize>, _: &Columns, out: &mut impl OutputRows<u64>) {
        let [_, panel_words] = self.shape();
        let sources = self.rows.chunks(NR * self.words).skip(range.start);
        for (i, source) in sources.take(range.len()).enumerate() {
            let panel = out.row(i).and_then(|rest| rest.get_mut(..panel_words));
            if let Some(panel) = panel {
                self.kernel.fill_panel(source, self.words, panel);
            }
        }
    }
}

/// A product with the weight rows from `first` on. Columns of the output count from there; the
/// epilogue has parameters for all outputs.
struct Slab<'p, E> {
    product: Product<'p, E>,
    first: usize,
}

impl<E: TileEpilogue> TiledOutput for Slab<'_, E> {
    type Elem = E::Elem;

    fn shape(&self) -> [usize; 2] {
        self.product.shape()
    }

    fn grain(&self) -> Grain {
        self.product.grain()
    }

    fn part(&self, range: Range<usize>, columns: &Columns, out: &mut impl OutputRows<E::Elem>) {
        let columns = Columns {
            rows: columns.rows.clone(),
            first: columns.first + self.first,
            origin: columns.origin + self.first,
        };
        self.product.part(range, &columns, out);
    }
}
