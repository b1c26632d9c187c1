//! Why a call was refused: the core's errors, and what only a C caller can get wrong.

use core::fmt;

use crate::status::bnn_status_t::{self, *};

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    Null {
        argument: &'static str,
    },
    Misaligned {
        argument: &'static str,
        address: usize,
        align: usize,
    },
    Overlap {
        output: &'static str,
        other: &'static str,
    },
    /// The core refused one argument.
    Argument {
        argument: &'static str,
        error: bnn_core::Error,
    },
    /// The core refused the call.
    Core(bnn_core::Error),
    /// A panic was caught.
    #[cfg(feature = "std")]
    Panic(String),
}

impl Error {
    pub(crate) fn status(&self) -> bnn_status_t {
        match self {
            Error::Null { .. } => BNN_ERROR_NULL,
            Error::Misaligned { .. } => BNN_ERROR_MISALIGNED,
            Error::Overlap { .. } => BNN_ERROR_OVERLAP,
            Error::Argument { error, .. } | Error::Core(error) => status_of(error),
            #[cfg(feature = "std")]
            Error::Panic(_) => BNN_ERROR_INTERNAL,
        }
    }
}

fn status_of(error: &bnn_core::Error) -> bnn_status_t {
    use bnn_core::Error as Core;
    match error {
        Core::Zero { .. } => BNN_ERROR_ZERO,
        Core::Overflow { .. } => BNN_ERROR_OVERFLOW,
        Core::Mismatch { .. } => BNN_ERROR_MISMATCH,
        Core::TooShort { .. } => BNN_ERROR_TOO_SHORT,
        Core::OutOfRange { .. } => BNN_ERROR_RANGE,
        Core::TailBits { .. } => BNN_ERROR_TAIL_BITS,
        Core::IsaUnknown { .. } => BNN_ERROR_ISA_UNKNOWN,
        Core::IsaAbsent { .. } => BNN_ERROR_ISA_ABSENT,
        // Of convolutions, pools and packed weights, which this ABI does not have: no argument of C's can
        // bring them about. A function that brings one into reach gives it a number.
        Core::Indivisible { .. } | Core::Unsupported { .. } | Core::Layout { .. } => {
            BNN_ERROR_INTERNAL
        }
        // An error that a later core has added.
        _ => BNN_ERROR_INTERNAL,
    }
}

impl From<bnn_core::Error> for Error {
    fn from(error: bnn_core::Error) -> Self {
        Error::Core(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Null { argument } => write!(f, "{argument} is NULL"),
            Error::Misaligned {
                argument,
                address,
                align,
            } => write!(
                f,
                "{argument} is at address {address:#x}, expected a multiple of {align}"
            ),
            Error::Overlap { output, other } => write!(
                f,
                "{output} is written but overlaps {other}, expected memory of its own"
            ),
            Error::Argument { argument, error } => write!(f, "{argument}: {error}"),
            Error::Core(error) => error.fmt(f),
            #[cfg(feature = "std")]
            Error::Panic(message) => write!(f, "bug in the library, please report: {message}"),
        }
    }
}
