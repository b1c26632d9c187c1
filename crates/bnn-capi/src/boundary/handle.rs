//! Handles: objects that the library allocates and that C knows by a pointer only.
#![allow(unsafe_code, reason = "the C boundary")]

use std::alloc::{self, Layout};

use super::argument::Argument;
use super::ledger::{Ledger, Region};
use super::pointer::checked;
use crate::builder::bnn_builder_t;
use crate::conv2d::bnn_conv2d_t;
use crate::error::Error;
use crate::linear::bnn_linear_t;
use crate::packed_model::bnn_packed_model_t;

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

/// Lets handles be arguments: `*mut *mut` receives a new one, and a box, which C gives back to be
/// freed, may be NULL.
macro_rules! handles {
    ($($type:ty),+) => {$(
        // Shared between threads.
        const _: fn() = || {
            fn shareable<T: Send + Sync>() {}
            shareable::<$type>();
        };

        impl Argument for *mut *mut $type {
            type Checked<'call> = NewHandle<'call, $type>;

            unsafe fn check<'call>(
                self,
                name: &'static str,
                ledger: &'call Ledger,
            ) -> Result<NewHandle<'call, $type>, Error> {
                let place = checked(name, self.cast_const())?.cast_mut();
                Ok(NewHandle { place, name, ledger })
            }
        }

        impl Argument for Option<Box<$type>> {
            type Checked<'call> = Self;

            unsafe fn check(self, _: &'static str, _: &Ledger) -> Result<Self, Error> {
                Ok(self)
            }
        }
    )+};
}

handles!(
    bnn_linear_t,
    bnn_conv2d_t,
    bnn_builder_t,
    bnn_packed_model_t
);

/// Lets handles be arguments that calls read.
macro_rules! read {
    ($($type:ty),+) => {$(
        impl Argument for *const $type {
            type Checked<'call> = &'call $type;

            unsafe fn check<'call>(
                self,
                name: &'static str,
                _: &'call Ledger,
            ) -> Result<&'call $type, Error> {
                let pointer = checked(name, self)?;
                // SAFETY: non-null and aligned, and by the caller's promise a handle that nobody
                // frees or changes during the call.
                Ok(unsafe { &*pointer })
            }
        }
    )+};
}

// That of a packed model is in `packed_model`: a call must not write to its file.
read!(bnn_linear_t, bnn_conv2d_t, bnn_builder_t);

/// The one handle that calls change.
impl Argument for *mut bnn_builder_t {
    type Checked<'call> = &'call mut bnn_builder_t;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        _: &'call Ledger,
    ) -> Result<&'call mut bnn_builder_t, Error> {
        let pointer = checked(name, self.cast_const())?.cast_mut();
        // SAFETY: non-null and aligned, and by the caller's promise a handle that no other call
        // uses during this one.
        Ok(unsafe { &mut *pointer })
    }
}
