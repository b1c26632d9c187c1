//! Turns raw pointers of C into slices of Rust. The checks of null, alignment, size and overlap are
//! here and cannot be left out, because there is no other way to get a slice.
#![allow(unsafe_code, reason = "the C boundary")]

use core::slice;

use super::argument::Argument;
use super::ledger::{Ledger, Region};
use crate::error::Error;
use crate::model::layer::bnn_layer_t;
use crate::model::{bnn_model_t, bnn_tensor_t};
#[cfg(feature = "std")]
use crate::{
    builder::images::bnn_pool2d_options_t, conv2d::bnn_conv2d_options_t,
    linear::bnn_linear_options_t,
};

mod sealed {
    /// What pointers of C may point to: numbers, and structs of numbers, of which every pattern of
    /// bits is a value, without padding. Named in this file only, so that no other type is given.
    pub(crate) trait Plain: Copy {}
}

pub(super) use sealed::Plain;

/// Memory that a call reads.
#[derive(Debug)]
pub(crate) struct Input<'call, T> {
    pub(super) pointer: *const T,
    pub(super) name: &'static str,
    pub(super) ledger: &'call Ledger,
}

/// Memory that a call writes.
#[derive(Debug)]
pub(crate) struct Output<'call, T> {
    pub(super) pointer: *mut T,
    pub(super) name: &'static str,
    pub(super) ledger: &'call Ledger,
}

impl<'call, T: Plain> Input<'call, T> {
    /// The argument's name, for messages.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The first `len` elements, none of which any output of the call overlaps.
    pub(crate) fn read(self, len: usize) -> Result<&'call [T], Error> {
        self.ledger
            .enter(Region::of(self.name, self.pointer, len, false)?)?;
        // SAFETY: non-null and aligned (`checked`), at most isize::MAX bytes that do not wrap
        // (`Region::of`), written by nobody during the call (`enter`, and the caller's promise to
        // `check`), which also promises that they are initialised.
        Ok(unsafe { slice::from_raw_parts(self.pointer, len) })
    }

    /// The one element.
    #[cfg(feature = "std")]
    pub(crate) fn get(self) -> Result<T, Error> {
        let pointer = self.pointer;
        self.read(1)?;
        // SAFETY: the element has just been looked at as a slice of one.
        Ok(unsafe { pointer.read() })
    }
}

impl<'call, T: Plain> Output<'call, T> {
    /// The first `len` elements, to write; no other argument of the call overlaps them.
    pub(crate) fn write(self, len: usize) -> Result<&'call mut [T], Error> {
        self.ledger
            .enter(Region::of(self.name, self.pointer, len, true)?)?;
        // SAFETY: non-null and aligned (`checked`), at most isize::MAX bytes that do not wrap
        // (`Region::of`), used by nobody else during the call (the caller's promise to `check`).
        // The ledger refuses any second argument that overlaps, and an `Output` is used up, so the
        // slice is the only one. C may hand over memory that it never wrote: `T` is `Plain`, and
        // the library writes outputs before it reads any of them.
        Ok(unsafe { slice::from_raw_parts_mut(self.pointer, len) })
    }

    /// The place of the one element.
    pub(crate) fn place(self) -> Result<Place<'call, T>, Error> {
        match self.write(1)? {
            [place] => Ok(Place(place)),
            // A slice of length 1 has one element.
            _ => Err(Error::Core(bnn_core::Error::Zero { what: "elements" })),
        }
    }
}

/// The place of an element that is written after everything else has succeeded.
#[derive(Debug)]
pub(crate) struct Place<'call, T>(&'call mut T);

impl<T> Place<'_, T> {
    pub(crate) fn put(self, value: T) {
        *self.0 = value;
    }
}

/// Lets pointers to a type be arguments.
macro_rules! plain {
    ($($type:ty),+) => {$(
        impl Plain for $type {}

        impl Argument for *const $type {
            type Checked<'call> = Input<'call, $type>;

            unsafe fn check<'call>(
                self,
                name: &'static str,
                ledger: &'call Ledger,
            ) -> Result<Input<'call, $type>, Error> {
                let pointer = checked(name, self)?;
                Ok(Input { pointer, name, ledger })
            }
        }

        impl Argument for *mut $type {
            type Checked<'call> = Output<'call, $type>;

            unsafe fn check<'call>(
                self,
                name: &'static str,
                ledger: &'call Ledger,
            ) -> Result<Output<'call, $type>, Error> {
                let pointer = checked(name, self.cast_const())?.cast_mut();
                Ok(Output { pointer, name, ledger })
            }
        }
    )+};
}

// Pointers to them are arguments in `model` and `stream`.
impl Plain for bnn_model_t {}
#[cfg(feature = "conv")]
impl Plain for crate::stream::bnn_stream_t {}

plain!(
    u8,
    u64,
    i32,
    f32,
    usize,
    *const u8,
    bnn_tensor_t,
    bnn_layer_t
);
// Numbers of the pointer's size first, then numbers of 4 bytes: no padding.
const _: () = assert!(size_of::<bnn_tensor_t>() == 2 * size_of::<usize>() + 8);
const _: () = assert!(size_of::<bnn_layer_t>() == 24 * size_of::<usize>() + 16);
#[cfg(feature = "std")]
plain!(
    bnn_linear_options_t,
    bnn_conv2d_options_t,
    bnn_pool2d_options_t
);
#[cfg(feature = "std")]
const _: () = assert!(size_of::<bnn_conv2d_options_t>() == 15 * size_of::<usize>() + 8);

/// Refuses a pointer that is NULL or not aligned.
pub(super) fn checked<T>(argument: &'static str, pointer: *const T) -> Result<*const T, Error> {
    if pointer.is_null() {
        return Err(Error::Null { argument });
    }
    if !pointer.is_aligned() {
        return Err(Error::Misaligned {
            argument,
            address: pointer.addr(),
            align: align_of::<T>(),
        });
    }
    Ok(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_misaligned_pointers_are_refused_by_name() {
        assert_eq!(
            checked::<u64>("bits", core::ptr::null()),
            Err(Error::Null { argument: "bits" })
        );
        let odd = core::ptr::without_provenance::<u64>(0x1004);
        assert_eq!(
            checked("bits", odd),
            Err(Error::Misaligned {
                argument: "bits",
                address: 0x1004,
                align: align_of::<u64>()
            })
        );
    }
}
