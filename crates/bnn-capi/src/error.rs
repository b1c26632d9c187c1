//! Why a call was refused: the core's errors, and what only a C caller can get wrong.

use core::fmt;

use bnn_core::model::ModelError;

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
    /// The core refused a model file, or the arguments of a run.
    Model(ModelError),
    /// A model or a stream that the function `by` never opened.
    NotOpen {
        argument: &'static str,
        by: &'static str,
    },
    /// The layers or the builder refused the call.
    #[cfg(feature = "std")]
    Refused {
        status: bnn_status_t,
        message: String,
    },
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
            Error::Model(error) => status_of_model(error),
            Error::NotOpen { .. } => BNN_ERROR_NOT_OPEN,
            #[cfg(feature = "std")]
            Error::Refused { status, .. } => *status,
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
        Core::Indivisible { .. } => BNN_ERROR_INDIVISIBLE,
        Core::Unsupported { .. } => BNN_ERROR_UNSUPPORTED,
        #[cfg(feature = "std")]
        Core::OutOfMemory { .. } => BNN_ERROR_NO_MEMORY,
        // An error that a later core has added.
        _ => BNN_ERROR_INTERNAL,
    }
}

fn status_of_model(error: &ModelError) -> bnn_status_t {
    match error {
        ModelError::NotAModel | ModelError::Version { .. } => BNN_ERROR_MODEL_FORMAT,
        ModelError::Size { .. } | ModelError::Checksum { .. } => BNN_ERROR_MODEL_DAMAGED,
        ModelError::Alignment => BNN_ERROR_MISALIGNED,
        ModelError::Section { .. } | ModelError::Layer { .. } => BNN_ERROR_MODEL_INVALID,
        ModelError::ElementType { .. } => BNN_ERROR_MISMATCH,
        ModelError::Core(error) => status_of(error),
        // An error that a later core has added.
        _ => BNN_ERROR_INTERNAL,
    }
}

impl From<bnn_core::Error> for Error {
    fn from(error: bnn_core::Error) -> Self {
        Error::Core(error)
    }
}

impl From<ModelError> for Error {
    fn from(error: ModelError) -> Self {
        Error::Model(error)
    }
}

#[cfg(feature = "std")]
impl From<bnn_autograd::Error> for Error {
    fn from(error: bnn_autograd::Error) -> Self {
        match error {
            bnn_autograd::Error::Core(error) => Error::Core(error),
            // Not reached: sizes are checked before the call, with the names of the header.
            other => Error::Refused {
                status: BNN_ERROR_INTERNAL,
                message: other.to_string(),
            },
        }
    }
}

#[cfg(feature = "std")]
impl From<bnn_autograd::export::ExportError> for Error {
    fn from(error: bnn_autograd::export::ExportError) -> Self {
        use bnn_autograd::export::ExportError;
        let status = match error {
            ExportError::Layer { .. } | ExportError::Rounding { .. } => BNN_ERROR_LAYER,
            ExportError::NotFinite { .. } => BNN_ERROR_NOT_FINITE,
            ExportError::Network(error) => return error.into(),
            // What the format has no room for, or no place. Sizes alone have statuses of their own.
            ExportError::Model(
                ModelError::Layer { .. }
                | ModelError::Core(
                    bnn_core::Error::OutOfRange { .. } | bnn_core::Error::Mismatch { .. },
                ),
            ) => BNN_ERROR_LAYER,
            ExportError::Model(error) => return error.into(),
            // An error that a later bnn-autograd has added.
            _ => BNN_ERROR_INTERNAL,
        };
        Error::Refused {
            status,
            message: error.to_string(),
        }
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
            Error::Model(error) => error.fmt(f),
            Error::NotOpen { argument, by } => {
                write!(
                    f,
                    "{argument} is not open, expected one that {by} has written"
                )
            }
            #[cfg(feature = "std")]
            Error::Refused { message, .. } => f.write_str(message),
            #[cfg(feature = "std")]
            Error::Panic(message) => write!(f, "bug in the library, please report: {message}"),
        }
    }
}
