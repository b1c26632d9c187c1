//! The learning rate over the course of a training.

use std::f64::consts::PI;

use crate::error::Error;

/// The factor of the learning rate at each step, 0 to 1. A schedule fits every rule, and groups
/// with different rates can share one.
///
/// ```
/// use bnn_autograd::optim::{Course, Schedule};
///
/// let schedule = Schedule { warmup: 10, course: Course::Cosine { steps: 100 } };
/// assert_eq!((schedule.at(4), schedule.at(9), schedule.at(110)), (0.5, 1.0, 0.0));
/// assert_eq!(Schedule::from(Course::Exponential(0.5)).at(3), 0.125);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Steps of a linear rise to the initial factor, after which the course starts.
    pub warmup: u64,
    /// The factors after the warm-up.
    pub course: Course,
}

/// The course of the learning rate's factor from step to step. Factors are 0 to 1, and numbers
/// of steps at least 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Course {
    /// One factor for all steps.
    Constant(f64),
    /// `factor^floor(step / every)`: multiplied by `factor` after every `every` steps (PyTorch's
    /// `StepLR`).
    Steps {
        /// Steps with one factor.
        every: u64,
        /// The number that multiplies the factor.
        factor: f64,
    },
    /// This factor to the power of the step (PyTorch's `ExponentialLR`).
    Exponential(f64),
    /// Linear from one factor to another, then constant (PyTorch's `LinearLR`).
    Linear {
        /// The first factor.
        from: f64,
        /// The last factor.
        to: f64,
        /// Steps in between.
        steps: u64,
    },
    /// Half a cosine from 1 down to 0, then 0 (Loshchilov & Hutter 2017, arXiv 1608.03983;
    /// PyTorch's `CosineAnnealingLR`).
    Cosine {
        /// Steps from 1 to 0.
        steps: u64,
    },
}

impl Schedule {
    /// The factor of a step, counted from 0.
    #[must_use]
    pub fn at(&self, step: u64) -> f64 {
        match step.checked_sub(self.warmup) {
            Some(step) => self.course.at(step),
            None => self.course.at(0) * share(step + 1, self.warmup),
        }
    }

    /// Refuses factors outside 0 to 1, and a course of 0 steps.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.course {
            Course::Constant(factor) | Course::Exponential(factor) => check_factor(factor),
            Course::Steps { every, factor } => {
                check_steps(every)?;
                check_factor(factor)
            }
            Course::Linear { from, to, steps } => {
                check_factor(from)?;
                check_factor(to)?;
                check_steps(steps)
            }
            Course::Cosine { steps } => check_steps(steps),
        }
    }
}

impl From<Course> for Schedule {
    /// Without a warm-up.
    fn from(course: Course) -> Self {
        Self { warmup: 0, course }
    }
}

impl Default for Schedule {
    /// The whole learning rate at every step.
    fn default() -> Self {
        Course::Constant(1.0).into()
    }
}

impl Course {
    fn at(self, step: u64) -> f64 {
        match self {
            Self::Constant(factor) => factor,
            // `at` never panics; an optimizer refuses 0 steps.
            Self::Steps { every, factor } => factor.powf((step / every.max(1)) as f64),
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
        let course = Course::Cosine { steps: 100 };
        let schedule = Schedule { warmup: 10, course };
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
        let linear = |to, steps| Course::Linear {
            from: 0.0,
            to,
            steps,
        };
        let steps = |every, factor| Course::Steps { every, factor };
        for course in [
            Course::Constant(f64::NAN),
            Course::Constant(1.1),
            steps(0, 0.5),
            steps(1, -0.5),
            Course::Exponential(2.0),
            linear(1.0, 0),
            linear(1.5, 3),
            Course::Cosine { steps: 0 },
        ] {
            let schedule = Schedule::from(course);
            let refused = schedule.check();
            assert!(
                matches!(refused, Err(Error::OutOfRange { .. })),
                "{course:?}"
            );
            let _ = schedule.at(7); // does not panic
        }
    }

    proptest! {
        #[test]
        fn every_schedule_stays_between_nothing_and_all_and_warm_up_only_delays_it(
            factor in 0.0..=1.0_f64, to in 0.0..=1.0_f64, steps in 1_u64..200, warmup in 0_u64..50,
            step: u64,
        ) {
            let courses = [
                Course::Constant(factor),
                Course::Steps { every: steps, factor },
                Course::Exponential(factor),
                Course::Linear { from: factor, to, steps },
                Course::Cosine { steps },
            ];
            for course in courses {
                let (schedule, warmed) = (Schedule::from(course), Schedule { warmup, course });
                warmed.check().unwrap();
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
