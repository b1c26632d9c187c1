//! Outputs on several threads: whether it is worth it, along which side it is cut, and the cut.
//! No two threads share an output element, and every output is computed as on one thread.

use std::error::Error;
use std::sync::OnceLock;
use std::vec::Vec;

use rayon::prelude::*;

use super::driver::{Columns, Parts, Rows, Strided};
use crate::shape::WORD;

/// Word products below which one thread is faster than waking a second: some 20 microseconds.
const WORTH_A_THREAD: usize = 1 << 16;

/// How outputs are shared out: into how many parts of which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Split {
    Samples(usize),
    /// And how many columns an element has.
    Outputs(usize, usize),
}

/// `None`: one thread. The ambient rayon pool gives the number of threads.
fn split(outputs: &impl Parts) -> Option<Split> {
    let ([m, n], grain) = (outputs.shape(), outputs.grain());
    if grain.work < WORTH_A_THREAD || !has_pool() {
        return None;
    }
    let threads = rayon::current_num_threads();
    // Two parts a thread even out what the system takes from one of them.
    let parts = 2 * threads;
    let samples = m.div_ceil(grain.samples);
    let columns = grain.columns.filter(|_| n > WORD);
    match columns {
        _ if threads == 1 => None,
        Some(columns) if samples < parts => Some(Split::Outputs(parts, columns)),
        _ if samples > 1 => Some(Split::Samples(parts)),
        _ => None,
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

/// Computes all outputs in parts, if that is worth it, and says whether it was. `c` holds a row of
/// outputs per sample, `stride` elements apart.
pub(super) fn compute<P: Parts>(outputs: &P, c: &mut [P::Elem], stride: usize) -> bool {
    let [m, n] = outputs.shape();
    match split(outputs) {
        None => return false,
        Some(Split::Samples(parts)) => {
            let each = m.div_ceil(parts).next_multiple_of(outputs.grain().samples);
            let chunks = c.par_chunks_mut(each.saturating_mul(stride));
            chunks
                .take(m.div_ceil(each))
                .enumerate()
                .for_each(|(i, c)| {
                    let samples = i * each..((i + 1) * each).min(m);
                    outputs.part(samples, &Columns::all(n), &mut Strided { c, stride });
                });
        }
        Some(Split::Outputs(parts, in_element)) => {
            let each = n.div_ceil(parts).next_multiple_of(WORD);
            let tasks = cut_rows(c, m, stride, n.div_ceil(in_element), each / in_element);
            tasks.into_par_iter().enumerate().for_each(|(i, mut rows)| {
                let columns = Columns {
                    rows: i * each..((i + 1) * each).min(n),
                    first: 0,
                    origin: i * each,
                };
                outputs.part(0..m, &columns, &mut rows);
            });
        }
    }
    true
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
