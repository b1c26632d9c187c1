//! The status of the last failed call, so that an interrupt between two calls cannot tear a text.

use core::ffi::c_char;
use core::sync::atomic::{AtomicI32, Ordering};

use crate::error::Error;
use crate::status::{bnn_status_t, text};

static LAST: AtomicI32 = AtomicI32::new(bnn_status_t::BNN_OK as i32);

/// Keeps the status of `error`.
pub(crate) fn set(error: &Error) {
    LAST.store(error.status() as i32, Ordering::Relaxed);
}

/// The text of the status, or "" where no call has failed.
pub(crate) fn message() -> *const c_char {
    match LAST.load(Ordering::Relaxed) {
        0 => c"".as_ptr(),
        status => text(status).as_ptr(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_empty_until_a_call_fails_then_the_text_of_its_status() {
        assert_eq!(message(), c"".as_ptr());
        set(&Error::Null { argument: "x" });
        assert_eq!(
            message(),
            text(bnn_status_t::BNN_ERROR_NULL as i32).as_ptr()
        );
    }
}
