//! The message of the last failed call: of each thread with `std`, of the program without.

pub(crate) use imp::{message, set};

#[cfg(feature = "std")]
mod imp {
    use core::cell::Cell;
    use core::ffi::c_char;
    use core::fmt::{self, Write};

    use crate::error::Error;

    /// Bytes of a message with its closing 0; longer ones are cut.
    const CAPACITY: usize = 256;

    thread_local! {
        // Not allocated and never dropped: a message outlives every call of its thread.
        static MESSAGE: [Cell<u8>; CAPACITY] = const { [const { Cell::new(0) }; CAPACITY] };
    }

    /// Keeps the message of `error` for this thread.
    pub(crate) fn set(error: &Error) {
        MESSAGE.with(|place| {
            let mut writer = Writer { place, len: 0 };
            // The only error that a writer gives is that the rest did not fit.
            let _cut = write!(writer, "{error}");
            if let Some(end) = place.get(writer.len) {
                end.set(0);
            }
        });
    }

    /// This thread's message, closed by a 0.
    pub(crate) fn message() -> *const c_char {
        MESSAGE.with(|place| place.as_ptr().cast())
    }

    struct Writer<'a> {
        place: &'a [Cell<u8>; CAPACITY],
        len: usize,
    }

    impl Write for Writer<'_> {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            let room = CAPACITY - 1 - self.len;
            let fits = s.floor_char_boundary(room);
            for (to, from) in self.place.iter().skip(self.len).zip(s.bytes().take(fits)) {
                // A 0 inside the text would end it early for C.
                to.set(if from == 0 { b'?' } else { from });
            }
            self.len += fits;
            if fits < s.len() {
                return Err(fmt::Error);
            }
            Ok(())
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn read() -> String {
            MESSAGE.with(|place| {
                let bytes: Vec<u8> = place
                    .iter()
                    .map(Cell::get)
                    .take_while(|b| *b != 0)
                    .collect();
                String::from_utf8_lossy(&bytes).into_owned()
            })
        }

        #[test]
        fn a_message_belongs_to_its_thread() {
            set(&Error::Null { argument: "x" });
            assert_eq!(read(), "x is NULL");
            let other = std::thread::spawn(read).join();
            assert_eq!(other.ok().as_deref(), Some(""));
            set(&Error::Null { argument: "c" });
            assert_eq!(read(), "c is NULL");
        }

        #[test]
        fn a_long_message_is_cut_at_a_character_and_closed() {
            set(&Error::Panic("é".repeat(CAPACITY)));
            let cut = read();
            assert!(cut.len() == CAPACITY - 1 || cut.len() == CAPACITY - 2);
            assert!(cut.ends_with('é'));
            set(&Error::Panic("a\0b".to_owned()));
            assert!(read().ends_with("a?b"));
        }
    }
}

#[cfg(not(feature = "std"))]
mod imp {
    use core::ffi::c_char;
    use core::sync::atomic::{AtomicI32, Ordering};

    use crate::error::Error;
    use crate::status::{bnn_status_t, text};

    /// A status alone, so that an interrupt between two calls cannot tear a text.
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
}
