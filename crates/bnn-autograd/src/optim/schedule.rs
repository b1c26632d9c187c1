//! The learning rate over the course of a training.

use std::f64::consts::PI;

use crate::error::Error;

/// Linear warm-up, then half a cosine down to 0 (Loshchilov & Hutter 2017, arXiv 1608.03983).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmupCosine {
    peak: f64,
    warmup: u64,
    total: u64,
}

impl WarmupCosine {
    /// Rises to `peak` in `warmup` steps and has fallen to 0 after `total` steps.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a peak that is negative or not finite, or a warm-up that is not
    /// shorter than the whole.
    pub fn new(peak: f64, warmup: u64, total: u64) -> Result<Self, Error> {
        super::check_learning_rate(peak)?;
        let inside = warmup < total;
        Error::check_range(
            "warm-up steps",
            "less than all steps",
            warmup as f64,
            inside,
        )?;
        Ok(Self {
            peak,
            warmup,
            total,
        })
    }

    /// The learning rate of a step, counted from 0; 0 from the end on.
    #[must_use]
    pub fn at(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * (step + 1) as f64 / self.warmup as f64;
        }
        let done = (step - self.warmup) as f64 / (self.total - self.warmup) as f64;
        self.peak * 0.5 * (1.0 + (PI * done.min(1.0)).cos())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_to_its_peak_and_falls_to_zero() {
        let schedule = WarmupCosine::new(0.1, 10, 110).unwrap();
        let rates: Vec<f64> = (0..120).map(|step| schedule.at(step)).collect();
        assert!((rates[0] - 0.01).abs() < 1e-12);
        assert!((rates[9] - 0.1).abs() < 1e-12);
        assert!((rates[60] - 0.05).abs() < 1e-12);
        assert!(rates[..10].is_sorted());
        assert!(rates[10..].is_sorted_by(|a, b| a >= b));
        assert!(rates[109] > 0.0);
        assert_eq!(rates[110..], [0.0; 10]);
    }

    #[test]
    fn a_warm_up_as_long_as_the_whole_is_refused() {
        assert!(WarmupCosine::new(0.1, 5, 5).is_err());
        assert!(WarmupCosine::new(f64::NAN, 0, 5).is_err());
        assert!(WarmupCosine::new(0.1, 0, 1).is_ok());
    }
}
