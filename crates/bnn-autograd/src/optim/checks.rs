//! Checks of the numbers that configure a rule.

use crate::error::Error;

pub(super) fn check_learning_rate(learning_rate: f64) -> Result<(), Error> {
    check_not_negative("learning rate", learning_rate)
}

pub(super) fn check_not_negative(what: &'static str, x: f64) -> Result<(), Error> {
    let inside = x >= 0.0 && x.is_finite();
    Error::check_range(what, "at least 0 and finite", x, inside)
}

pub(super) fn check_decay(what: &'static str, decay: f64) -> Result<(), Error> {
    let inside = (0.0..1.0).contains(&decay);
    Error::check_range(what, "at least 0 and less than 1", decay, inside)
}
