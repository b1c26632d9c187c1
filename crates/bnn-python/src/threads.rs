//! The package's own threads, which share the work of large calls.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Refusal};

/// The most threads that can be asked for.
const MOST: usize = 1024;

/// `None` until the first call that computes. Without a lock: a child process made by `fork` may be
/// made while another thread of its parent holds one.
static POOL: ArcSwapOption<ThreadPool> = ArcSwapOption::const_empty();

/// The number of threads that were asked for; 0 for the default.
static WANTED: AtomicUsize = AtomicUsize::new(0);

/// Products of an element with a sign, or steps like it, that are done sooner than another thread
/// wakes up.
const SMALL: usize = 1 << 18;

thread_local! {
    /// A pool of the calling thread alone, which has no other thread: what is small is computed
    /// where it is asked for. `None` where the thread already belongs to a pool.
    static HERE: Option<ThreadPool> =
        ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().ok();
}

/// Does `work` of `steps` steps, with the GIL released meanwhile: on the package's threads, or on
/// the calling one if it is small.
pub(crate) fn run<R: Send>(
    py: Python<'_>,
    steps: usize,
    work: impl FnOnce() -> Result<R, Refusal> + Send,
) -> PyResult<R> {
    if is_small(steps) {
        return Ok(py.detach(work)?);
    }
    let pool = pool()?;
    Ok(py.detach(|| pool.install(work))?)
}

/// Whether work of `steps` steps is to be done by the calling thread, which is made a pool of its own
/// for it.
pub(crate) fn is_small(steps: usize) -> bool {
    // The pool is kept until the thread ends, after which nothing of it is used.
    steps <= SMALL && HERE.try_with(Option::is_some).unwrap_or(false)
}

/// Steps of work whose sizes multiply to them.
pub(crate) fn steps(sizes: &[usize]) -> usize {
    sizes
        .iter()
        .fold(1, |steps, &size| steps.saturating_mul(size))
}

/// Work of which it is not known how small it is.
pub(crate) const MANY: usize = usize::MAX;

fn pool() -> PyResult<Arc<ThreadPool>> {
    if let Some(pool) = POOL.load_full() {
        return Ok(pool);
    }
    let pool = Arc::new(build(WANTED.load(Ordering::Relaxed))?);
    // Another thread may have been faster; then its pool is everyone's.
    let before = POOL.compare_and_swap(&None::<Arc<ThreadPool>>, Some(Arc::clone(&pool)));
    Ok(match &*before {
        Some(first) => Arc::clone(first),
        None => pool,
    })
}

fn build(threads: usize) -> PyResult<ThreadPool> {
    let built = ThreadPoolBuilder::new().num_threads(threads).build();
    built.map_err(|error| {
        PyRuntimeError::new_err(format!("{threads} threads could not be started: {error}"))
    })
}

/// Does the work of nodes in ONNX Runtime as that of calls: on the package's threads, or on the
/// calling one if it is small.
pub(crate) fn share_with_onnxruntime() {
    bnn_onnxruntime::internal::run_by(|steps, work| {
        if is_small(steps) {
            return work();
        }
        match pool() {
            Ok(pool) => pool.install(work),
            Err(_) => work(),
        }
    });
}

/// Sets how many threads share the work of large calls, from the next call on. Results do not
/// depend on it.
#[pyfunction]
pub(crate) fn set_num_threads(threads: usize) -> PyResult<()> {
    if threads == 0 || threads > MOST {
        let expected = format!("threads: expected 1 to {MOST}, found {threads}");
        return Err(Error::new_err(expected));
    }
    let pool = build(threads)?;
    WANTED.store(threads, Ordering::Relaxed);
    POOL.store(Some(Arc::new(pool)));
    Ok(())
}

/// How many threads share the work of large calls: by default `RAYON_NUM_THREADS`, or one for each
/// CPU.
#[pyfunction]
pub(crate) fn num_threads() -> PyResult<usize> {
    Ok(pool()?.current_num_threads())
}

/// To be called in a child process made by `fork`, which has none of its parent's threads: the next
/// call starts as many of its own.
#[pyfunction]
pub(crate) fn forget_threads() {
    // To drop the pool would be to wake threads that do not exist.
    mem::forget(POOL.swap(None));
}
