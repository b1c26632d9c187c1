//! What a status, and the last failed call, mean in words.

use core::ffi::c_char;

use crate::last_error;
use crate::status::text;

export! {
    /// A short English text for a `bnn_status_t`. Any number may be passed; the text of a number
    /// that is not a status is "unknown status".
    ///
    /// Returns a static string; never NULL, never to be freed.
    pub fn bnn_status_string(status: i32) -> *const c_char {
        Ok(text(status).as_ptr())
    }
}

export! {
    /// Says what was wrong in the calling thread's most recent failed call, with the numbers; "" if
    /// no call has failed. A call that succeeds does not change the message.
    ///
    /// Returns a string of at most 255 bytes that belongs to the library. It is valid until the
    /// next failed call on the same thread or the end of that thread. Never NULL, never to be
    /// freed.
    ///
    /// A build without `std` has no threads: there the message is the static text of the last
    /// failed call's status, without numbers, unless it is built with `messages`.
    pub fn bnn_last_error_message() -> *const c_char {
        Ok(last_error::message())
    }
}
