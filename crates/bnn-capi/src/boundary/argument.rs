//! What an exported function may take, and what its body gets for it.

use super::ledger::Ledger;
use crate::error::Error;

/// An argument of an exported function, on its way from C to the function's body.
pub(crate) trait Argument {
    /// What the body sees.
    type Checked<'call>;
    /// How many regions of memory it may enter into the ledger.
    const REGIONS: usize = 1;

    /// Checks what can be told from the argument alone.
    ///
    /// # Safety
    /// A pointer that is not null and is aligned must be valid, for `'call`, for as many elements
    /// as the body asks of it: initialised for an input, writable for an output, and not touched
    /// by other threads as C's memory model has it. A handle is one that the library gave out and
    /// that has not been freed.
    #[allow(unsafe_code, reason = "the C boundary")]
    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<Self::Checked<'call>, Error>;
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        #[allow(unsafe_code, reason = "the C boundary")]
        impl Argument for $type {
            type Checked<'call> = Self;
            const REGIONS: usize = 0;

            unsafe fn check(self, _: &'static str, _: &Ledger) -> Result<Self, Error> {
                Ok(self)
            }
        }
    )+};
}

numbers!(usize, i32, u32, f32);
