//! The text of the last failed call, with the numbers.

use core::ffi::c_char;
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::error::Error;

/// Bytes of a message with its closing 0; longer ones are cut.
const CAPACITY: usize = 256;

/// Where a message is kept. No thread waits for another here: the bytes are atomic so that the
/// place may be a static without `unsafe`.
type Place = [AtomicU8; CAPACITY];

const fn empty() -> Place {
    [const { AtomicU8::new(0) }; CAPACITY]
}

#[cfg(feature = "std")]
std::thread_local! {
    // Not allocated and never dropped: a message outlives every call of its thread.
    static MESSAGE: Place = const { empty() };
}

/// Calls `f` with this thread's place.
#[cfg(feature = "std")]
fn with_place<T>(f: impl FnOnce(&Place) -> T) -> T {
    MESSAGE.with(f)
}

/// Calls `f` with the place of the program, which has one thread.
#[cfg(not(feature = "std"))]
fn with_place<T>(f: impl FnOnce(&Place) -> T) -> T {
    static MESSAGE: Place = empty();
    f(&MESSAGE)
}

/// Keeps the message of `error`.
pub(crate) fn set(error: &Error) {
    with_place(|place| {
        let mut writer = Writer { place, len: 0 };
        // The only error that a writer gives is that the rest did not fit.
        let _cut = write!(writer, "{error}");
        if let Some(end) = place.get(writer.len) {
            end.store(0, Relaxed);
        }
    });
}

/// The message, closed by a 0.
pub(crate) fn message() -> *const c_char {
    with_place(|place| place.as_ptr().cast())
}

struct Writer<'a> {
    place: &'a Place,
    len: usize,
}

impl Write for Writer<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = CAPACITY - 1 - self.len;
        let fits = s.floor_char_boundary(room);
        for (to, from) in self.place.iter().skip(self.len).zip(s.bytes().take(fits)) {
            // A 0 inside the text would end it early for C.
            to.store(if from == 0 { b'?' } else { from }, Relaxed);
        }
        self.len += fits;
        if fits < s.len() {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    fn read() -> String {
        with_place(|place| {
            let bytes = place.iter().map(|byte| byte.load(Relaxed));
            let bytes: Vec<u8> = bytes.take_while(|b| *b != 0).collect();
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
