//! How long a piece of work takes on a machine that others use too.

use std::time::{Duration, Instant};

/// Nanoseconds of the fastest run of `work`, repeated for about `budget` and at least 5 times, after
/// one run to warm up. The fastest run is the one that was disturbed least.
pub(crate) fn best_ns<E>(
    budget: Duration,
    mut work: impl FnMut() -> Result<(), E>,
) -> Result<f64, E> {
    work()?;
    let start = Instant::now();
    let mut best = Duration::MAX;
    let mut runs = 0;
    while runs < 5 || start.elapsed() < budget {
        let run = Instant::now();
        work()?;
        best = best.min(run.elapsed());
        runs += 1;
    }
    Ok(best.as_nanos() as f64)
}
