//! Measures time on a machine that other programs use too.

use std::time::{Duration, Instant};

/// Nanoseconds of the fastest run of `work`. After one run to warm up, it is repeated for about
/// `budget` and at least 5 times. The fastest run is the least disturbed one.
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

/// Turns of each contender.
const TURNS: u32 = 5;

/// The fastest run of each of several contenders on the same work; each has the whole budget.
/// Contenders take turns, so that a disturbance affects all of them. A turn has several runs, so
/// that most runs find the caches as the same contender left them.
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
