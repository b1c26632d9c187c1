//! Strings of C.
#![allow(unsafe_code, reason = "the C boundary")]

use core::ffi::{CStr, c_char};

use super::argument::Argument;
use super::ledger::{Ledger, Region};
use super::pointer::checked;
use crate::error::Error;

/// `const char *`, apart from pointers to bytes: on some targets C's `char` is Rust's `u8`.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct TextPointer(*const c_char);

/// A string that a call reads.
#[derive(Debug)]
pub(crate) struct Text<'call> {
    text: &'call CStr,
    name: &'static str,
    ledger: &'call Ledger,
}

impl<'call> Text<'call> {
    /// The string, which no output of the call overlaps.
    pub(crate) fn text(self) -> Result<&'call CStr, Error> {
        let bytes = self.text.to_bytes_with_nul();
        self.ledger
            .enter(Region::of(self.name, bytes.as_ptr(), bytes.len(), false)?)?;
        Ok(self.text)
    }
}

impl Argument for TextPointer {
    type Checked<'call> = Text<'call>;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<Text<'call>, Error> {
        let pointer = checked(name, self.0)?;
        // SAFETY: non-null, and by the caller's promise a string that is closed by a 0 and that
        // nobody writes during the call.
        let text = unsafe { CStr::from_ptr(pointer) };
        Ok(Text { text, name, ledger })
    }
}
