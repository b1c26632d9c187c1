//! The threads that share the work of a node: those of rayon, or those of a caller that has its
//! own.

use std::sync::OnceLock;

/// Work to be done, once.
pub type Work<'a> = &'a mut (dyn FnMut() + Send);

/// Runs [`Work`], given its steps: products of an element with a sign, or operations as long.
static RUNNER: OnceLock<fn(usize, Work<'_>)> = OnceLock::new();

/// Sets `runner` to do the work of nodes from now on, on threads of its own choice. It is given the
/// number of steps and the work, which it must call once. The first runner stays.
pub fn run_by(runner: fn(usize, Work<'_>)) {
    // A later call changes nothing: the first runner stays.
    let _ = RUNNER.set(runner);
}

/// Does `work` of `steps` steps; `None` if the runner has not called it.
pub(crate) fn run<R: Send>(steps: usize, work: impl FnOnce() -> R + Send) -> Option<R> {
    let mut work = Some(work);
    let mut result = None;
    let mut once = || {
        if let Some(work) = work.take() {
            result = Some(work());
        }
    };
    match RUNNER.get() {
        Some(runner) => runner(steps, &mut once),
        None => once(),
    }
    result
}
