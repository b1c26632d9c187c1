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

/// Of how many turns a contender's time is made up.
const TURNS: u32 = 5;

/// As [`best_ns`], for several contenders on the same work, each with the budget for itself. They take
/// turns, so that a disturbance hits all of them. A turn is of several runs: all but the first find the
/// caches as they left them.
pub(crate) fn best_ns_in_turns<C: Copy, E>(
    budget: Duration,
    contenders: &[C],
    mut work: impl FnMut(C) -> Result<(), E>,
) -> Result<Vec<f64>, E> {
    let mut best = vec![Duration::MAX; contenders.len()];
    for _ in 0..TURNS {
        for (best, contender) in best.iter_mut().zip(contenders) {
            let start = Instant::now();
            let mut runs = 0;
            while runs < 2 || start.elapsed() < budget / TURNS {
                let run = Instant::now();
                work(*contender)?;
                *best = run.elapsed().min(*best);
                runs += 1;
            }
        }
    }
    Ok(best
        .iter()
        .map(|best| best.as_nanos().max(1) as f64)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contenders_take_turns_of_at_least_two_runs() {
        let mut runs = Vec::new();
        let times = best_ns_in_turns::<_, ()>(Duration::ZERO, &['a', 'b'], |contender| {
            runs.push(contender);
            Ok(())
        });
        assert!(times.is_ok_and(|times| times.len() == 2));
        assert_eq!(String::from_iter(runs), "aabb".repeat(TURNS as usize));
    }

    #[test]
    fn the_first_error_ends_it() {
        let mut runs = 0;
        let times = best_ns_in_turns(Duration::ZERO, &[1, 2], |contender| {
            runs += 1;
            if contender == 2 { Err("tired") } else { Ok(()) }
        });
        assert_eq!((times, runs), (Err("tired"), 3));
    }
}
