//! In the place of `parallel` where the feature `std` is off: everything is computed on the calling
//! thread.

use super::output::TiledOutput;

/// Runs `work`: without threads there is nothing to keep it from.
pub(crate) fn single_threaded<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// How many threads would share the outputs.
pub(super) fn threads(_: &impl TiledOutput) -> usize {
    1
}

/// Computes nothing, and gives the sink back.
pub(super) fn compute_tiles<P, S>(_: &P, sink: S) -> Result<(), S> {
    Err(sink)
}

/// Computes nothing, and says so.
pub(super) fn compute<P: TiledOutput>(_: &P, _: &mut [P::Elem], _: usize) -> bool {
    false
}
