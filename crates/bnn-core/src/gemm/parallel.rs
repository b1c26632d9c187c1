//! A product on several threads: whether it is worth it, along which side it is cut, and the cut.
//! No two threads share an output element, and every output is computed as on one thread.

use std::error::Error;
use std::sync::OnceLock;
use std::vec::Vec;

use rayon::prelude::*;

use super::driver::{Columns, Rows, Strided, product};
use super::epilogue::Epilogue;
use super::samples::Samples;
use super::weights::Resolved;
use crate::shape::WORD;

/// Word products below which one thread is faster than waking a second: some 20 microseconds.
const WORTH_A_THREAD: usize = 1 << 16;

/// How a product is shared out: into how many parts of which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Split {
    Samples(usize),
    Outputs(usize),
}

/// `None`: one thread. The ambient rayon pool gives the number of threads.
pub(super) fn split(a: &Samples<'_>, w: &Resolved<'_>) -> Option<Split> {
    let work = (a.len() * a.sample_words()).saturating_mul(w.rows());
    if work < WORTH_A_THREAD || !has_pool() {
        return None;
    }
    let threads = rayon::current_num_threads();
    // Two parts a thread even out what the system takes from one of them.
    let parts = 2 * threads;
    let samples = a.len().div_ceil(w.kernel().mr());
    let outputs = w.rows().div_ceil(WORD);
    if threads == 1 || samples.max(outputs) == 1 {
        None
    } else if samples >= parts || outputs == 1 {
        Some(Split::Samples(parts))
    } else {
        Some(Split::Outputs(parts))
    }
}

/// Whether there is a pool of threads: the one that the caller is in, or the global one, which is
/// started here if it is not yet. Where the system gives no threads, one has to do.
fn has_pool() -> bool {
    static GLOBAL: OnceLock<bool> = OnceLock::new();
    rayon::current_thread_index().is_some()
        || *GLOBAL.get_or_init(|| {
            let started = rayon::ThreadPoolBuilder::new().build_global();
            // Without a cause, the error is that there is one already.
            started.is_ok() || started.is_err_and(|error| error.source().is_none())
        })
}

/// Computes the product in parts.
pub(super) fn run<E: Epilogue>(
    split: Split,
    a: &Samples<'_>,
    w: &Resolved<'_>,
    epilogue: &E,
    c: &mut [E::Elem],
    stride: usize,
) {
    let (m, n) = (a.len(), w.rows());
    match split {
        Split::Samples(parts) => {
            let each = m.div_ceil(parts).next_multiple_of(w.kernel().mr());
            let chunks = c.par_chunks_mut(each.saturating_mul(stride));
            chunks
                .take(m.div_ceil(each))
                .enumerate()
                .for_each(|(i, c)| {
                    let samples = i * each..((i + 1) * each).min(m);
                    let all = Columns::all(n);
                    product(a, samples, w, &all, epilogue, &mut Strided { c, stride });
                });
        }
        Split::Outputs(parts) => {
            let each = n.div_ceil(parts).next_multiple_of(WORD);
            let tasks = cut_rows(c, m, stride, n.div_ceil(E::COLUMNS), each / E::COLUMNS);
            tasks.into_par_iter().enumerate().for_each(|(i, mut rows)| {
                let columns = Columns {
                    rows: i * each..((i + 1) * each).min(n),
                    first: 0,
                    origin: i * each,
                };
                product(a, 0..m, w, &columns, epilogue, &mut rows);
            });
        }
    }
}

/// Parts of rows that lie apart.
impl<T> Rows<T> for Vec<&mut [T]> {
    fn row(&mut self, sample: usize) -> Option<&mut [T]> {
        self.get_mut(sample).map(|row| &mut **row)
    }
}

/// Cuts each of `m` rows of `width` elements into parts of `each`; returns for each part its rows.
fn cut_rows<T>(
    c: &mut [T],
    m: usize,
    stride: usize,
    width: usize,
    each: usize,
) -> Vec<Vec<&mut [T]>> {
    let mut parts = Vec::new();
    parts.resize_with(width.div_ceil(each), || Vec::with_capacity(m));
    for row in c.chunks_mut(stride).take(m) {
        let (row, _) = row.split_at_mut(width);
        for (part, piece) in parts.iter_mut().zip(row.chunks_mut(each)) {
            part.push(piece);
        }
    }
    parts
}
