//! The two values that a binary activation takes.

/// Why values are not those of a binary activation.
pub(crate) type Why = String;

/// A function from integers to numbers that takes two values, one below `step` and one from there
/// on; or one everywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    /// The least integer with the second value; only where there are two.
    pub(crate) step: i32,
    pub(crate) first: f32,
    pub(crate) second: f32,
}

impl Step {
    /// The step of a monotone function on the integers from `least` to `most`. Else a third value.
    pub(crate) fn find(least: i32, most: i32, f: impl Fn(i32) -> f32) -> Result<Self, f32> {
        let (first, second) = (f(least), f(most));
        let (mut below, mut step) = (least, most);
        while below.abs_diff(step) > 1 {
            // No overflow: halfway between two integers.
            let middle = ((i64::from(below) + i64::from(step)) / 2) as i32;
            match f(middle) == first {
                true => below = middle,
                false => step = middle,
            }
        }
        let found = f(step);
        match found == second && !first.is_nan() {
            true => Ok(Self {
                step,
                first,
                second,
            }),
            false => Err(found),
        }
    }

    pub(crate) fn is_constant(&self) -> bool {
        self.first == self.second
    }
}

/// The values of an activation: `low` for the bit -1 and `high` for +1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) low: f32,
    pub(crate) high: f32,
}

impl Pair {
    /// The pair of which all steps have their values.
    pub(crate) fn of(steps: &[Step]) -> Result<Self, Why> {
        let values = steps.iter().flat_map(|step| [step.first, step.second]);
        let (low, high) = values
            .clone()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| {
                (low.min(x), high.max(x))
            });
        if let Some(other) = values.clone().find(|&x| x != low && x != high) {
            return Err(format!(
                "channels take the values {low}, {other} and {high}, expected the same two in all"
            ));
        }
        if low == high || !low.is_finite() || !high.is_finite() {
            return Err(format!("all values are {low}, expected two of them"));
        }
        Ok(Self { low, high })
    }

    /// The value is `middle + half * bit`.
    pub(crate) fn middle(&self) -> f64 {
        (f64::from(self.low) + f64::from(self.high)) / 2.0
    }

    pub(crate) fn half(&self) -> f64 {
        (f64::from(self.high) - f64::from(self.low)) / 2.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn the_step_is_the_least_integer_of_the_second_value() {
        for (least, most) in [(-5, 5), (0, 255), (-7, 0), (i32::MIN, i32::MAX)] {
            for at in [-4, 0, 3, 5] {
                let found = Step::find(least, most, |s| if s >= at { 2.0 } else { -1.0 }).unwrap();
                if (least + 1..=most).contains(&at) {
                    assert_eq!((found.step, found.first, found.second), (at, -1.0, 2.0));
                } else {
                    assert!(found.is_constant());
                }
            }
        }
        assert_eq!(Step::find(-2, 2, |s| s.signum() as f32), Err(0.0));
        assert!(Step::find(0, 9, |_| f32::NAN).is_err());
    }

    #[test]
    fn all_channels_share_two_values() {
        let step = |first, second| Step {
            step: 0,
            first,
            second,
        };
        let pair = Pair::of(&[step(1.0, 0.0), step(0.0, 0.0)]).unwrap();
        assert_eq!((pair.middle(), pair.half()), (0.5, 0.5));
        assert!(Pair::of(&[step(1.0, -1.0), step(0.5, 0.5)]).is_err());
        assert!(Pair::of(&[step(1.0, 1.0)]).is_err());
        assert!(Pair::of(&[step(1.0, f32::INFINITY)]).is_err());
    }
}
