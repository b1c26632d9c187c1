//! The boundary between C and Rust: the macro that makes every exported function, and the types of
//! its arguments. Unsafe code is in this module only, and in what its macros make. It knows no room
//! above it: each says of its own types what pointers to them are (`Readable`, `Writable`,
//! `Handle`, `plain!`).

#[macro_use]
mod plain;
mod argument;
#[cfg(feature = "std")]
mod handle;
mod ledger;
mod model;
#[cfg(feature = "std")]
mod optional;
#[cfg(feature = "std")]
mod packed_model;
mod pointer;
#[cfg(feature = "std")]
pub(crate) mod process;
#[cfg(feature = "conv")]
mod stream;
#[cfg(feature = "std")]
mod text;
mod untyped;

pub(crate) use argument::Argument;
#[cfg(feature = "std")]
pub(crate) use handle::{Handle, NewHandle};
pub(crate) use ledger::{Ledger, MAX_REGIONS};
pub(crate) use model::{model_in, model_words};
#[cfg(feature = "std")]
pub(crate) use optional::{OptionalInput, OptionalIntegers, OptionalOutput};
#[cfg(feature = "std")]
pub(crate) use packed_model::KeptModel;
pub(crate) use plain::{Plain, field_bytes};
pub(crate) use pointer::{Input, Output, Readable, Writable};
#[cfg(feature = "conv")]
pub(crate) use stream::{StreamWords, set_stream_state, stream_memory, stream_state, stream_words};
#[cfg(feature = "std")]
pub(crate) use text::TextPointer;
pub(crate) use untyped::{UntypedInput, UntypedOutput};

use core::ffi::c_char;

use crate::error::Error;
use crate::last_error;
use crate::status::bnn_status_t;

/// Makes an exported C function of a safe one.
///
/// Written: `pub fn name(arguments as C sees them) -> what C gets { body }`. The body sees each
/// `*const T` as an `Input` and each `*mut T` as an `Output`, already known to be non-null and
/// aligned (an `OptionalInput` or `OptionalOutput` as an `Option` of one), each handle as a
/// reference, and gives a `Result` of [`Return::Value`]. Unsafe code in the body is denied. A panic
/// in it becomes an error.
macro_rules! export {
    (
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $return:ty $body:block
    ) => {
        $(#[$attribute])*
        ///
        /// # Safety
        /// Every pointer is valid for as many elements as said above, for the time of the call.
        #[allow(unsafe_code, reason = "the C boundary; the body below denies it again")]
        #[allow(clippy::too_many_arguments, reason = "C has no slices")]
        #[unsafe(no_mangle)]
        $visibility unsafe extern "C" fn $name($($argument: $type),*) -> $return {
            const {
                let regions = 0 $(+ <$type as $crate::boundary::Argument>::REGIONS)*;
                assert!(regions <= $crate::boundary::MAX_REGIONS);
            }

            #[deny(unsafe_code)]
            #[allow(clippy::too_many_arguments, reason = "as C sees them")]
            fn body(
                $($argument: <$type as $crate::boundary::Argument>::Checked<'_>),*
            ) -> Result<<$return as $crate::boundary::Return>::Value, $crate::error::Error> $body

            $crate::boundary::call(|_ledger| {
                body($(
                    // SAFETY: what is asked of the caller above is what `check` asks.
                    unsafe {
                        $crate::boundary::Argument::check($argument, stringify!($argument), _ledger)
                    }?
                ),*)
            })
        }
    };
}

/// What an exported function returns.
pub(crate) trait Return {
    /// What its body gives when all went well.
    type Value;
    /// What C gets then.
    fn done(value: Self::Value) -> Self;
    /// What C gets otherwise.
    fn failed(status: bnn_status_t) -> Self;
}

impl Return for bnn_status_t {
    type Value = ();
    fn done((): ()) -> Self {
        bnn_status_t::BNN_OK
    }
    fn failed(status: bnn_status_t) -> Self {
        status
    }
}

/// For functions that free: C gets nothing.
#[cfg(feature = "std")]
impl Return for () {
    type Value = ();
    fn done((): ()) {}
    fn failed(_: bnn_status_t) {}
}

impl Return for u32 {
    type Value = Self;
    fn done(value: Self) -> Self {
        value
    }
    fn failed(_: bnn_status_t) -> Self {
        0
    }
}

impl Return for usize {
    type Value = Self;
    fn done(value: Self) -> Self {
        value
    }
    fn failed(_: bnn_status_t) -> Self {
        0
    }
}

/// A string that outlives the call; "" on failure, so that C may print it unasked.
impl Return for *const c_char {
    type Value = Self;
    fn done(value: Self) -> Self {
        value
    }
    fn failed(_: bnn_status_t) -> Self {
        c"".as_ptr()
    }
}

/// Runs the body of an exported function and turns its result into what C gets.
pub(crate) fn call<R: Return>(body: impl FnOnce(&Ledger) -> Result<R::Value, Error>) -> R {
    let ledger = Ledger::default();
    match caught(|| body(&ledger)) {
        Ok(value) => R::done(value),
        Err(error) => {
            last_error::set(&error);
            R::failed(error.status())
        }
    }
}

/// Turns a panic into an error. It can leave only the outputs of the call half written, and the
/// status says so; hence `AssertUnwindSafe`.
#[cfg(feature = "std")]
fn caught<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Err(Error::Panic(text.unwrap_or_else(|| "panic".to_owned())))
    })
}

/// Without an operating system nothing unwinds: a panic ends in the panic handler.
#[cfg(not(feature = "std"))]
fn caught<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    body()
}

#[cfg(all(test, feature = "std"))]
mod tests {
    #![allow(unsafe_code, reason = "exported functions are called as C would")]

    use super::*;
    use std::ffi::CStr;

    export! {
        /// Panics with its argument.
        fn bnn_test_panic(number: usize) -> bnn_status_t {
            assert!(number == 0, "deliberate {number}");
            Ok(())
        }
    }

    export! {
        /// Panics, having promised a number.
        fn bnn_test_panic_for_size() -> usize {
            std::panic::panic_any(7_u8)
        }
    }

    fn last_message() -> String {
        // SAFETY: the message is a string that stays until this thread's next failed call.
        unsafe { CStr::from_ptr(last_error::message()) }
            .to_string_lossy()
            .into_owned()
    }

    #[test]
    fn a_panic_becomes_a_status_and_a_message() {
        // SAFETY: no pointers.
        let status = unsafe { bnn_test_panic(31) };
        assert_eq!(status, bnn_status_t::BNN_ERROR_INTERNAL);
        assert_eq!(
            last_message(),
            "bug in the library, please report: deliberate 31"
        );
        // SAFETY: no pointers.
        assert_eq!(unsafe { bnn_test_panic(0) }, bnn_status_t::BNN_OK);
    }

    #[test]
    fn a_panic_in_a_function_without_status_gives_its_neutral_value() {
        // SAFETY: no pointers.
        assert_eq!(unsafe { bnn_test_panic_for_size() }, 0);
        assert!(last_message().ends_with("panic"));
    }
}
