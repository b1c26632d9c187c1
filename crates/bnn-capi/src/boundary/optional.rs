//! Pointers to numbers that may be NULL.
#![allow(unsafe_code, reason = "the C boundary")]

use super::argument::Argument;
use super::ledger::Ledger;
use super::pointer::{Input, Output};
use crate::error::Error;

/// `const float *` that may be NULL.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct OptionalInput(*const f32);

/// `const int32_t *` that may be NULL.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct OptionalIntegers(*const i32);

/// `float *` that may be NULL.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct OptionalOutput(*mut f32);

macro_rules! inputs {
    ($($optional:ident: $number:ty),+) => {$(
        impl Argument for $optional {
            type Checked<'call> = Option<Input<'call, $number>>;

            unsafe fn check<'call>(
                self,
                name: &'static str,
                ledger: &'call Ledger,
            ) -> Result<Option<Input<'call, $number>>, Error> {
                if self.0.is_null() {
                    return Ok(None);
                }
                // SAFETY: not null; the caller of this function promises what `check` asks of its
                // caller.
                unsafe { self.0.check(name, ledger) }.map(Some)
            }
        }
    )+};
}

inputs!(OptionalInput: f32, OptionalIntegers: i32);

impl Argument for OptionalOutput {
    type Checked<'call> = Option<Output<'call, f32>>;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<Option<Output<'call, f32>>, Error> {
        if self.0.is_null() {
            return Ok(None);
        }
        // SAFETY: not null; the caller of this function promises what `check` asks of its caller.
        unsafe { self.0.check(name, ledger) }.map(Some)
    }
}

#[cfg(test)]
impl From<Option<&[f32]>> for OptionalInput {
    fn from(given: Option<&[f32]>) -> Self {
        Self(given.map_or(core::ptr::null(), <[f32]>::as_ptr))
    }
}

#[cfg(test)]
impl From<Option<&mut Vec<f32>>> for OptionalOutput {
    fn from(given: Option<&mut Vec<f32>>) -> Self {
        Self(given.map_or(core::ptr::null_mut(), Vec::as_mut_ptr))
    }
}

#[cfg(test)]
impl From<Option<&[i32]>> for OptionalIntegers {
    fn from(given: Option<&[i32]>) -> Self {
        Self(given.map_or(core::ptr::null(), <[i32]>::as_ptr))
    }
}
