//! Handles: objects that the library allocates and that C knows by a pointer only.
#![allow(unsafe_code, reason = "the C boundary")]

use std::alloc::{self, Layout};

use super::argument::Argument;
use super::ledger::{Ledger, Region};
use super::pointer::{Input, Output, checked};
use crate::error::Error;

/// An object that the library allocates and that C knows by a pointer only; threads share it.
pub(crate) trait Handle: Send + Sync + Sized + 'static {}

impl<'call, T: Handle> Input<'call, T> {
    /// The object.
    pub(crate) fn handle(self) -> &'call T {
        // SAFETY: non-null and aligned (`checked`), and by the caller's promise to `check` a handle
        // that nobody frees or changes during the call.
        unsafe { &*self.pointer }
    }
}

impl<'call, T: Handle> Output<'call, T> {
    /// The object, to change.
    pub(crate) fn handle(self) -> &'call mut T {
        // SAFETY: non-null and aligned (`checked`), and by the caller's promise to `check` a handle
        // that no other call uses during this one.
        unsafe { &mut *self.pointer }
    }
}

/// Where C gets a new handle.
#[derive(Debug)]
pub(crate) struct NewHandle<'call, T> {
    place: *mut *mut T,
    name: &'static str,
    ledger: &'call Ledger,
}

impl<T> NewHandle<'_, T> {
    /// Hands `value` over to C. Nothing is written if the place overlaps another argument or there
    /// is no memory.
    pub(crate) fn put(self, value: T) -> Result<(), Error> {
        self.ledger
            .enter(Region::of(self.name, self.place, 1, true)?)?;
        const { assert!(size_of::<T>() > 0) };
        let layout = Layout::new::<T>();
        // Instead of `Box::new`, which ends the process if there is no memory.
        // SAFETY: the size is not 0.
        let memory = unsafe { alloc::alloc(layout) }.cast::<T>();
        if memory.is_null() {
            let bytes = layout.size();
            return Err(bnn_core::Error::OutOfMemory { bytes }.into());
        }
        // SAFETY: memory of the right size and alignment, as a box has it; the place is non-null
        // and aligned (`check`), and writable by the caller's promise.
        unsafe {
            memory.write(value);
            self.place.write(memory);
        }
        Ok(())
    }
}

/// Receives a new handle.
impl<T: Handle> Argument for *mut *mut T {
    type Checked<'call> = NewHandle<'call, T>;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<NewHandle<'call, T>, Error> {
        let place = checked(name, self.cast_const())?.cast_mut();
        Ok(NewHandle {
            place,
            name,
            ledger,
        })
    }
}

/// A handle that C gives back to be freed; NULL is legal.
impl<T: Handle> Argument for Option<Box<T>> {
    type Checked<'call> = Self;

    unsafe fn check(self, _: &'static str, _: &Ledger) -> Result<Self, Error> {
        Ok(self)
    }
}
