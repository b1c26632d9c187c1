//! Turns raw pointers of C into slices of Rust. The checks of null, alignment, size and overlap are
//! here and cannot be left out, because there is no other way to get a slice.
#![allow(unsafe_code, reason = "the C boundary")]

use core::slice;

use super::argument::Argument;
use super::ledger::{Ledger, Region};
use super::plain::Plain;
use crate::error::Error;

/// A type to which a `*const` of C's may point.
pub(crate) trait Readable: Sized + 'static {
    /// What the body of a function gets for the pointer.
    type Seen<'call>;
    /// How many regions of memory the pointer may enter into the ledger.
    const REGIONS: usize = 1;

    /// The body's view of what lies there.
    fn seen(input: Input<'_, Self>) -> Self::Seen<'_>;
}

/// A type to which a `*mut` of C's may point.
pub(crate) trait Writable: Sized + 'static {
    /// What the body of a function gets for the pointer.
    type Seen<'call>;
    /// How many regions of memory the pointer may enter into the ledger.
    const REGIONS: usize = 1;

    /// The body's view of what lies there.
    fn seen(output: Output<'_, Self>) -> Self::Seen<'_>;
}

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

impl<'call, T> Input<'call, T> {
    /// The argument's name, for messages.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The memory of the call, for what the argument itself points to.
    pub(crate) fn ledger(&self) -> &'call Ledger {
        self.ledger
    }
}

impl<'call, T: Plain> Input<'call, T> {
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
    pub(crate) fn one(self) -> Result<&'call T, Error> {
        match self.read(1)? {
            [one] => Ok(one),
            // A slice of length 1 has one element.
            _ => Err(Error::Core(bnn_core::Error::Zero { what: "elements" })),
        }
    }

    /// A copy of the one element.
    #[cfg(feature = "std")]
    pub(crate) fn get(self) -> Result<T, Error> {
        self.one().copied()
    }
}

#[cfg(feature = "conv")]
impl<'call, T> Output<'call, T> {
    /// The memory of the call, for what the argument itself points to.
    pub(crate) fn ledger(&self) -> &'call Ledger {
        self.ledger
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

    /// The one element, to change.
    pub(crate) fn one(self) -> Result<&'call mut T, Error> {
        match self.write(1)? {
            [one] => Ok(one),
            // A slice of length 1 has one element.
            _ => Err(Error::Core(bnn_core::Error::Zero { what: "elements" })),
        }
    }

    /// The place of the one element.
    pub(crate) fn place(self) -> Result<Place<'call, T>, Error> {
        self.one().map(Place)
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

impl<T: Readable> Argument for *const T {
    type Checked<'call> = T::Seen<'call>;
    const REGIONS: usize = T::REGIONS;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<T::Seen<'call>, Error> {
        let pointer = checked(name, self)?;
        Ok(T::seen(Input {
            pointer,
            name,
            ledger,
        }))
    }
}

impl<T: Writable> Argument for *mut T {
    type Checked<'call> = T::Seen<'call>;
    const REGIONS: usize = T::REGIONS;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<T::Seen<'call>, Error> {
        let pointer = checked(name, self.cast_const())?.cast_mut();
        Ok(T::seen(Output {
            pointer,
            name,
            ledger,
        }))
    }
}

/// Lets pointers to numbers be arguments.
macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl Readable for $type {
            type Seen<'call> = Input<'call, Self>;

            fn seen(input: Input<'_, Self>) -> Input<'_, Self> {
                input
            }
        }

        impl Writable for $type {
            type Seen<'call> = Output<'call, Self>;

            fn seen(output: Output<'_, Self>) -> Output<'_, Self> {
                output
            }
        }
    )+};
}

numbers!(u8, u64, i32, f32, usize, *const u8);

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
