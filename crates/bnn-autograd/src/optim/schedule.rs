//! The learning rate over the course of a training.

use std::f64::consts::PI;

use crate::error::Error;

/// The factor of the learning rate at each step, 0 to 1. A schedule fits every rule, and groups
/// with different rates can share one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    warmup: u64,
    shape: Shape,
}

/// The course after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Constant(f64),
    Steps { every: u64, factor: f64 },
    Exponential(f64),
    Linear { from: f64, to: f64, steps: u64 },
    Cosine { steps: u64 },
}

impl Schedule {
    /// A constant factor, 0 to 1.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn constant(factor: f64) -> Result<Self, Error> {
        check_factor(factor)?;
        Ok(Self::of(Shape::Constant(factor)))
    }

    /// `factor^floor(step / every)`: multiplied by `factor` after every `every` steps (PyTorch's
    /// `StepLR`).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a factor outside 0 to 1 or every 0 steps.
    pub fn steps(every: u64, factor: f64) -> Result<Self, Error> {
        check_steps(every)?;
        check_factor(factor)?;
        Ok(Self::of(Shape::Steps { every, factor }))
    }

    /// `factor^step` (PyTorch's `ExponentialLR`).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a factor outside 0 to 1.
    pub fn exponential(factor: f64) -> Result<Self, Error> {
        check_factor(factor)?;
        Ok(Self::of(Shape::Exponential(factor)))
    }

    /// Linear from one factor to another in `steps` steps, then constant (PyTorch's
    /// `LinearLR`).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for factors outside 0 to 1 or 0 steps.
    pub fn linear(from: f64, to: f64, steps: u64) -> Result<Self, Error> {
        check_factor(from)?;
        check_factor(to)?;
        check_steps(steps)?;
        Ok(Self::of(Shape::Linear { from, to, steps }))
    }

    /// Half a cosine from 1 down to 0 in `steps` steps, then 0 (Loshchilov & Hutter 2017,
    /// arXiv 1608.03983; PyTorch's `CosineAnnealingLR`).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for 0 steps.
    pub fn cosine(steps: u64) -> Result<Self, Error> {
        check_steps(steps)?;
        Ok(Self::of(Shape::Cosine { steps }))
    }

    fn of(shape: Shape) -> Self {
        Self { warmup: 0, shape }
    }

    /// Adds a linear rise to the initial factor in `warmup` steps, after which the schedule starts.
    #[must_use]
    pub fn with_warmup(self, warmup: u64) -> Self {
        Self { warmup, ..self }
    }

    /// The factor of a step, counted from 0.
    #[must_use]
    pub fn at(&self, step: u64) -> f64 {
        match step.checked_sub(self.warmup) {
            Some(step) => self.shape.at(step),
            None => self.shape.at(0) * share(step + 1, self.warmup),
        }
    }
}

impl Default for Schedule {
    /// The whole learning rate at every step.
    fn default() -> Self {
        Self::of(Shape::Constant(1.0))
    }
}

impl Shape {
    fn at(self, step: u64) -> f64 {
        match self {
            Self::Constant(factor) => factor,
            Self::Steps { every, factor } => factor.powf((step / every) as f64),
            Self::Exponential(factor) => factor.powf(step as f64),
            Self::Linear { from, to, steps } => {
                let done = share(step, steps);
                from * (1.0 - done) + to * done
            }
            Self::Cosine { steps } => 0.5 * (1.0 + (PI * share(step, steps)).cos()),
        }
    }
}

/// The share of `of` steps that is done.
fn share(step: u64, of: u64) -> f64 {
    step.min(of) as f64 / of as f64
}

fn check_factor(factor: f64) -> Result<(), Error> {
    let inside = (0.0..=1.0).contains(&factor);
    Error::check_range("factor of the learning rate", "0 to 1", factor, inside)
}

fn check_steps(steps: u64) -> Result<(), Error> {
    Error::check_range("steps of a schedule", "at least 1", steps as f64, steps > 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cosine_with_warm_up_rises_to_one_and_falls_to_zero() {
        let schedule = Schedule::cosine(100).unwrap().with_warmup(10);
        let factors: Vec<f64> = (0..120).map(|step| schedule.at(step)).collect();
        assert!((factors[0] - 0.1).abs() < 1e-12);
        assert_eq!(factors[9], 1.0);
        assert!((factors[60] - 0.5).abs() < 1e-12);
        assert!(factors[..10].is_sorted());
        assert!(factors[10..].is_sorted_by(|a, b| a >= b));
        assert!(factors[109] > 0.0);
        assert_eq!(factors[110..], [0.0; 10]);
    }

    #[test]
    fn settings_outside_their_range_are_refused() {
        assert!(Schedule::constant(f64::NAN).is_err());
        assert!(Schedule::constant(1.1).is_err());
        assert!(Schedule::steps(0, 0.5).is_err());
        assert!(Schedule::steps(1, -0.5).is_err());
        assert!(Schedule::exponential(2.0).is_err());
        assert!(Schedule::linear(0.0, 1.0, 0).is_err());
        assert!(Schedule::linear(0.0, 1.5, 3).is_err());
        assert!(Schedule::cosine(0).is_err());
    }

    proptest! {
        #[test]
        fn every_schedule_stays_between_nothing_and_all_and_warm_up_only_delays_it(
            factor in 0.0..=1.0_f64, to in 0.0..=1.0_f64, steps in 1_u64..200, warmup in 0_u64..50,
            step: u64,
        ) {
            let schedules = [
                Schedule::constant(factor),
                Schedule::steps(steps, factor),
                Schedule::exponential(factor),
                Schedule::linear(factor, to, steps),
                Schedule::cosine(steps),
            ];
            for schedule in schedules {
                let schedule = schedule.unwrap();
                let warmed = schedule.with_warmup(warmup);
                for step in (0..300).chain([step, u64::MAX]) {
                    prop_assert!((0.0..=1.0).contains(&warmed.at(step)), "{warmed:?} at {step}");
                }
                prop_assert_eq!(warmed.at(warmup + steps), schedule.at(steps));
                if warmup > 0 {
                    prop_assert_eq!(warmed.at(warmup - 1), schedule.at(0));
                }
            }
        }
    }
}
