//! `void *`: memory of elements whose type the call decides.
#![allow(unsafe_code, reason = "the C boundary")]

use core::ffi::c_void;

use super::argument::Argument;
use super::ledger::Ledger;
use super::plain::Plain;
use super::pointer::{Input, Output, checked};
use crate::error::Error;

/// Memory that a call reads, of elements whose type the call decides.
#[derive(Debug)]
pub(crate) struct UntypedInput<'call>(Input<'call, c_void>);

/// Memory that a call writes, of elements whose type the call decides.
#[derive(Debug)]
pub(crate) struct UntypedOutput<'call>(Output<'call, c_void>);

impl<'call> UntypedInput<'call> {
    /// The first `len` elements, as [`Input::read`] gives them.
    pub(crate) fn read<T: Plain>(self, len: usize) -> Result<&'call [T], Error> {
        let Input {
            pointer,
            name,
            ledger,
        } = self.0;
        let pointer = checked(name, pointer.cast::<T>())?;
        Input {
            pointer,
            name,
            ledger,
        }
        .read(len)
    }
}

impl<'call> UntypedOutput<'call> {
    /// The first `len` elements, to write, as [`Output::write`] gives them. The pointer may be NULL
    /// if no elements are asked for.
    pub(crate) fn write<T: Plain>(self, len: usize) -> Result<&'call mut [T], Error> {
        if len == 0 {
            return Ok(&mut []);
        }
        let Output {
            pointer,
            name,
            ledger,
        } = self.0;
        let pointer = checked(name, pointer.cast::<T>().cast_const())?.cast_mut();
        Output {
            pointer,
            name,
            ledger,
        }
        .write(len)
    }
}

impl Argument for *const c_void {
    type Checked<'call> = UntypedInput<'call>;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<UntypedInput<'call>, Error> {
        Ok(UntypedInput(Input {
            pointer: self,
            name,
            ledger,
        }))
    }
}

impl Argument for *mut c_void {
    type Checked<'call> = UntypedOutput<'call>;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<UntypedOutput<'call>, Error> {
        Ok(UntypedOutput(Output {
            pointer: self,
            name,
            ledger,
        }))
    }
}
