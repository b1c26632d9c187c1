//! The threads that share the work of a node: those of rayon, or of whoever has some of its own.

use std::sync::OnceLock;

/// Work to be done, once.
pub type Work<'a> = &'a mut (dyn FnMut() + Send);

/// Who does it: of so many steps, each the product of an element with a sign or like it.
static RUNNER: OnceLock<fn(usize, Work<'_>)> = OnceLock::new();

/// From now on `runner` does the work of nodes, on the threads that it likes: it is told how many
/// steps it takes, and is to call it once.
/// The first runner stays.
pub fn run_by(runner: fn(usize, Work<'_>)) {
    // Whoever comes later finds that the first one stays.
    let _ = RUNNER.set(runner);
}

/// Does `work` of so many steps; `None` if the runner has not called it.
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
