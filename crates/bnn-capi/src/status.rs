//! Status numbers: what a call that can fail returns.

use core::ffi::CStr;

/// The result of a call. Numbers are fixed and never reused; later versions may add some.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    non_camel_case_types,
    reason = "the names of the header, so that a search finds both sides"
)]
pub enum bnn_status_t {
    /// Success.
    BNN_OK = 0,
    /// A pointer is NULL.
    BNN_ERROR_NULL = 1,
    /// A pointer is not aligned to its element type.
    BNN_ERROR_MISALIGNED = 2,
    /// A dimension is 0; every dimension must be at least 1.
    BNN_ERROR_ZERO = 3,
    /// A size is too large to compute with or to address.
    BNN_ERROR_OVERFLOW = 4,
    /// Two sizes that must be equal are not.
    BNN_ERROR_MISMATCH = 5,
    /// A buffer or a stride is smaller than the shape needs.
    BNN_ERROR_TOO_SHORT = 6,
    /// A number lies outside its range.
    BNN_ERROR_RANGE = 7,
    /// A bit after the last element of a packed row is set.
    BNN_ERROR_TAIL_BITS = 8,
    /// An output overlaps an input or another output.
    BNN_ERROR_OVERLAP = 9,
    /// BNN_ISA names no instruction set that this build knows.
    BNN_ERROR_ISA_UNKNOWN = 10,
    /// The instruction set is known, but this CPU or this build does not have it.
    BNN_ERROR_ISA_ABSENT = 11,
    /// A bug in the library, caught. Outputs may be partly written.
    BNN_ERROR_INTERNAL = 12,
    /// A number is not a multiple of the one that it is divided by.
    BNN_ERROR_INDIVISIBLE = 13,
    /// Arguments that cannot be used together.
    BNN_ERROR_UNSUPPORTED = 14,
    /// A number is infinite or NaN where only finite numbers have a meaning.
    BNN_ERROR_NOT_FINITE = 15,
    /// The bytes are not a model file, or a model file of a version that this library does not
    /// read.
    BNN_ERROR_MODEL_FORMAT = 16,
    /// A model file was truncated, or changed since it was written.
    BNN_ERROR_MODEL_DAMAGED = 17,
    /// A model file breaks a rule of its format.
    BNN_ERROR_MODEL_INVALID = 18,
    /// A bnn_model_t or a bnn_stream_t has not been opened.
    BNN_ERROR_NOT_OPEN = 19,
    /// A layer cannot follow the layers before it, or a model file cannot hold it.
    BNN_ERROR_LAYER = 20,
    /// The system gave no threads.
    BNN_ERROR_THREADS = 21,
    /// The system has too little memory left.
    BNN_ERROR_NO_MEMORY = 22,
    /// A file cannot be read.
    BNN_ERROR_FILE = 23,
}

use bnn_status_t::*;

const TEXTS: [(bnn_status_t, &CStr); 24] = [
    (BNN_OK, c"ok"),
    (BNN_ERROR_NULL, c"a pointer is NULL"),
    (BNN_ERROR_MISALIGNED, c"a pointer is not aligned"),
    (BNN_ERROR_ZERO, c"a dimension is 0"),
    (BNN_ERROR_OVERFLOW, c"a size is too large"),
    (BNN_ERROR_MISMATCH, c"two sizes that must be equal differ"),
    (BNN_ERROR_TOO_SHORT, c"a buffer or stride is too short"),
    (BNN_ERROR_RANGE, c"a number is out of range"),
    (BNN_ERROR_TAIL_BITS, c"a bit after a row's end is set"),
    (BNN_ERROR_OVERLAP, c"an output overlaps another argument"),
    (BNN_ERROR_ISA_UNKNOWN, c"unknown instruction set"),
    (BNN_ERROR_ISA_ABSENT, c"instruction set not available"),
    (BNN_ERROR_INTERNAL, c"internal error"),
    (
        BNN_ERROR_INDIVISIBLE,
        c"a number is not a multiple of another",
    ),
    (BNN_ERROR_UNSUPPORTED, c"arguments cannot be used together"),
    (BNN_ERROR_NOT_FINITE, c"a number is not finite"),
    (
        BNN_ERROR_MODEL_FORMAT,
        c"not a model file of a known version",
    ),
    (BNN_ERROR_MODEL_DAMAGED, c"a model file is damaged"),
    (
        BNN_ERROR_MODEL_INVALID,
        c"a model file breaks a rule of its format",
    ),
    (BNN_ERROR_NOT_OPEN, c"a model has not been opened"),
    (BNN_ERROR_LAYER, c"a layer cannot be added"),
    (BNN_ERROR_THREADS, c"the system gave no threads"),
    (BNN_ERROR_NO_MEMORY, c"the system has no memory left"),
    (BNN_ERROR_FILE, c"a file cannot be read"),
];

/// The text of a status number; any `i32` may be asked for.
pub(crate) fn text(status: i32) -> &'static CStr {
    TEXTS
        .iter()
        .find(|(known, _)| *known as i32 == status)
        .map_or(c"unknown status", |(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_own_text_at_its_own_number() {
        for (i, (status, own)) in TEXTS.iter().enumerate() {
            assert_eq!(*status as usize, i);
            assert_eq!(text(i as i32), *own);
            assert_eq!(TEXTS.iter().filter(|(_, other)| other == own).count(), 1);
        }
    }

    #[test]
    fn numbers_that_are_no_status_are_said_to_be_unknown() {
        for status in [-1, TEXTS.len() as i32, i32::MIN, i32::MAX] {
            assert_eq!(text(status), c"unknown status");
        }
    }
}
