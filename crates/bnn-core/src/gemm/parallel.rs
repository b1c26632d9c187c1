//! Outputs on several threads: whether it is worth it, along which side to cut, and the cut. No two
//! threads share an output element, and every output is computed as on one thread.

use std::cell::Cell;
use std::error::Error;
use std::sync::OnceLock;
use std::vec::Vec;

use rayon::prelude::*;

use super::output::{Columns, OutputRows, Strided, TiledOutput};
use super::sink::{CutSink, SinkRows};
use crate::shape::WORD;

/// Word products below which one thread is faster than waking a second: some 15 microseconds.
/// (Measured: with half as many, two threads take 1.1 times as long if the second was asleep, and
/// 0.65 times if it was awake; from twice as many on, two threads win in both cases.)
pub const WORTH_A_THREAD: usize = if cfg!(test) { 1 << 13 } else { 1 << 17 };

/// Most word products in a part: about a millisecond for a vector kernel. (Small in tests, so that
/// they run several rounds.)
const PART: usize = if cfg!(test) { 1 << 14 } else { 1 << 24 };

/// How outputs are shared among threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Split {
    cut: Cut,
    /// Into how many parts that side is cut.
    parts: usize,
    /// How many parts are computed before the next ones are handed out. In between, threads that
    /// have finished look for other work in the pool, so a long product does not delay it for long.
    round: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Samples,
    /// Cuts along outputs, with the number of columns in an element.
    Outputs(usize),
}

thread_local! {
    /// Whether the thread is inside [`single_threaded`].
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` and computes all products and convolutions of this crate in it on the calling
/// thread, however large they are. Results do not depend on it.
///
/// ```
/// use bnn_core::internal::single_threaded;
/// use bnn_core::{BitMatrix, gemm_i32};
///
/// # fn main() -> Result<(), bnn_core::Error> {
/// let (x, w) = (BitMatrix::zeros(300, 4000)?, BitMatrix::zeros(500, 4000)?);
/// let mut y = vec![0; 300 * 500];
/// single_threaded(|| gemm_i32(x.view(), w.view(), &mut y, 500))?;
/// # Ok(())
/// # }
/// ```
pub fn single_threaded<R>(work: impl FnOnce() -> R) -> R {
    /// Restores the previous state, also if `work` unwinds.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ALONE.set(self.0);
        }
    }
    let _before = Restore(ALONE.replace(true));
    work()
}

/// `None`: one thread. The ambient rayon pool gives the number of threads.
fn split(outputs: &impl TiledOutput) -> Option<Split> {
    let ([m, n], grain) = (outputs.shape(), outputs.grain());
    if grain.work < WORTH_A_THREAD || ALONE.get() || !has_pool() {
        return None;
    }
    let threads = rayon::current_num_threads();
    // Two parts a thread even out what the system takes from one of them.
    let round = 2 * threads;
    let samples = m.div_ceil(grain.samples);
    let columns = grain.columns.filter(|_| n > WORD);
    let cut = match columns {
        _ if threads == 1 => return None,
        Some(columns) if samples < round => Cut::Outputs(columns),
        _ if samples > 1 => Cut::Samples,
        _ => return None,
    };
    let parts = round.max(grain.work.div_ceil(PART));
    Some(Split { cut, parts, round })
}

/// Whether there is a pool of threads: the one that the caller is in, or the global one, which is
/// started here if necessary. If the system gives no threads, products run on one.
fn has_pool() -> bool {
    static GLOBAL: OnceLock<bool> = OnceLock::new();
    rayon::current_thread_index().is_some()
        || *GLOBAL.get_or_init(|| {
            let started = rayon::ThreadPoolBuilder::new().build_global();
            // An error without a source means that the global pool exists already.
            started.is_ok() || started.is_err_and(|error| error.source().is_none())
        })
}

/// How many threads would share the outputs.
pub(super) fn threads(outputs: &impl TiledOutput) -> usize {
    match split(outputs) {
        Some(_) => rayon::current_num_threads(),
        None => 1,
    }
}

/// Computes all outputs in parts, if that is worth it, and returns whether it did. `c` holds a row
/// of outputs per sample, `stride` elements apart.
pub(super) fn compute<P: TiledOutput>(outputs: &P, c: &mut [P::Elem], stride: usize) -> bool {
    let [m, n] = outputs.shape();
    let Some(Split { cut, parts, round }) = split(outputs) else {
        return false;
    };
    match cut {
        Cut::Samples => {
            let each = m.div_ceil(parts).next_multiple_of(outputs.grain().samples);
            let part = each.saturating_mul(stride);
            // The elements after the last row are not outputs.
            let parts = m.div_ceil(each);
            let rounds = c.chunks_mut(part.saturating_mul(round));
            for (c, first) in rounds.zip((0..parts).step_by(round)) {
                let chunks = c.par_chunks_mut(part).take(parts - first).enumerate();
                chunks.for_each(|(i, c)| {
                    let i = first + i;
                    let samples = i * each..((i + 1) * each).min(m);
                    outputs.part(samples, &Columns::all(n), &mut Strided { c, stride });
                });
            }
        }
        Cut::Outputs(in_element) => {
            let each = n.div_ceil(parts).next_multiple_of(WORD);
            let mut tasks = cut_rows(c, m, stride, n.div_ceil(in_element), each / in_element);
            for (tasks, first) in tasks.chunks_mut(round).zip((0..).step_by(round)) {
                tasks.par_iter_mut().enumerate().for_each(|(i, rows)| {
                    let i = first + i;
                    let columns = Columns {
                        rows: i * each..((i + 1) * each).min(n),
                        first: 0,
                        origin: i * each,
                    };
                    outputs.part(0..m, &columns, rows);
                });
            }
        }
    }
    true
}

/// Computes all outputs in parts for a sink, if that is worth it; else gives the sink back.
pub(super) fn compute_tiles<P, S>(outputs: &P, sink: S) -> Result<(), S>
where
    P: TiledOutput<Elem = ()>,
    S: CutSink,
{
    let [m, n] = outputs.shape();
    let Some(Split { cut, parts, round }) = split(outputs) else {
        return Err(sink);
    };
    let (mut sinks, each) = match cut {
        Cut::Samples => {
            let each = m.div_ceil(parts).next_multiple_of(outputs.grain().samples);
            (sink.by_samples(each), each)
        }
        Cut::Outputs(_) => {
            let each = n.div_ceil(parts).next_multiple_of(WORD);
            (sink.by_columns(each), each)
        }
    };
    for (sinks, first) in sinks.chunks_mut(round).zip((0..).step_by(round)) {
        sinks.par_iter_mut().enumerate().for_each(|(i, sink)| {
            let start = (first + i) * each;
            let out = &mut SinkRows(sink);
            match cut {
                Cut::Samples => {
                    outputs.part(start..(start + each).min(m), &Columns::all(n), out);
                }
                Cut::Outputs(_) => {
                    let columns = Columns {
                        rows: start..(start + each).min(n),
                        first: 0,
                        origin: start,
                    };
                    outputs.part(0..m, &columns, out);
                }
            }
        });
    }
    Ok(())
}

/// TiledOutput of rows that lie apart.
impl<T> OutputRows<T> for Vec<&mut [T]> {
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

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::println;

    use super::super::output::Grain;
    use super::*;

    /// Outputs that are worth any number of threads; each says whether another thread than `caller`
    /// made it.
    struct Elsewhere {
        caller: std::thread::ThreadId,
    }

    impl TiledOutput for Elsewhere {
        type Elem = bool;

        fn shape(&self) -> [usize; 2] {
            [64, 1]
        }

        fn grain(&self) -> Grain {
            Grain {
                work: usize::MAX,
                samples: 1,
                columns: None,
            }
        }

        fn part(&self, range: Range<usize>, _: &Columns, out: &mut impl OutputRows<bool>) {
            for i in 0..range.len() {
                if let Some([elsewhere, ..]) = out.row(i) {
                    *elsewhere = std::thread::current().id() != self.caller;
                }
            }
        }
    }

    fn made_elsewhere() -> bool {
        let caller = std::thread::current().id();
        let mut found = [false; 64];
        compute(&Elsewhere { caller }, &mut found, 1) && found.contains(&true)
    }

    #[test]
    fn what_is_to_stay_on_a_thread_stays_there_and_nothing_else() {
        if !has_pool() || rayon::current_num_threads() == 1 {
            println!("skipped: there is no other thread here");
            return;
        }
        assert!(made_elsewhere(), "a pool's threads are not the caller");
        single_threaded(|| {
            assert!(!made_elsewhere());
            single_threaded(|| assert!(!made_elsewhere()));
            assert!(!made_elsewhere(), "the inner call ended, not the outer one");
        });
        assert!(made_elsewhere());
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            single_threaded(|| panic!("deliberate"))
        }));
        assert!(unwound.is_err() && made_elsewhere());
    }
}
