//! Why a model file or a run is refused.

use core::fmt;

use crate::error::Error;

/// What is wrong with a model file, or with the arguments of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelError {
    /// The bytes do not begin with the magic of a model file.
    NotAModel,
    /// The file's major version is not one that this library reads.
    Version {
        /// The newest version that is read.
        expected: u16,
        /// The version of the file.
        found: u16,
    },
    /// The file is not as long as its header says.
    Size {
        /// Bytes that the header says.
        expected: usize,
        /// Bytes there are.
        found: usize,
    },
    /// The bytes do not begin at an address that is a multiple of 8.
    Alignment,
    /// The checksum differs: the file was changed or damaged.
    Checksum {
        /// The checksum that the file states.
        expected: u32,
        /// The checksum of the bytes there are.
        found: u32,
    },
    /// The section table, or a section, is not as the format wants it.
    Section {
        /// The condition that was expected to hold.
        expected: &'static str,
    },
    /// A layer is not as the format wants it.
    Layer {
        /// The layer, counted from 0.
        index: usize,
        /// The condition that was expected to hold.
        expected: &'static str,
    },
    /// A layer's shape or weights, or the arguments of a run, break a law.
    Core(Error),
    /// The input given is not of the model's input type, or the output not of its output type.
    ElementType {
        /// The input or the output, and the type that the model has.
        expected: &'static str,
    },
}

impl ModelError {
    /// The error in words that are known when compiling, without its numbers: what
    /// [`include_model!`](crate::include_model) has the compiler say.
    #[must_use]
    #[doc(hidden)]
    pub const fn brief(&self) -> &'static str {
        match *self {
            ModelError::NotAModel => "not a bnn model file (wrong first bytes)",
            ModelError::Version { .. } => "a model file of another version of the format",
            ModelError::Size { .. } => "a model file that is cut off or too long",
            ModelError::Alignment => "model bytes not at a multiple of 8",
            ModelError::Checksum { .. } => "a model file that is damaged: its checksum differs",
            ModelError::Section { expected } | ModelError::Layer { expected, .. } => expected,
            ModelError::Core(_) | ModelError::ElementType { .. } => {
                "a model file that breaks a law"
            }
        }
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ModelError::NotAModel => f.write_str("not a bnn model file (wrong first bytes)"),
            ModelError::Version { expected, found } => {
                write!(
                    f,
                    "model format version {found}, expected at most {expected}"
                )
            }
            ModelError::Size { expected, found } => {
                write!(f, "model file has {found} bytes, expected {expected}")
            }
            ModelError::Alignment => {
                f.write_str("model bytes not aligned, expected an address that is a multiple of 8")
            }
            ModelError::Checksum { expected, found } => write!(
                f,
                "model file has checksum {found:08x}, expected {expected:08x}, which its header states"
            ),
            ModelError::Section { expected } => write!(f, "model file: expected {expected}"),
            ModelError::Layer { index, expected } => {
                write!(f, "model file, layer {index}: expected {expected}")
            }
            ModelError::Core(error) => error.fmt(f),
            ModelError::ElementType { expected } => write!(f, "expected {expected}"),
        }
    }
}

impl core::error::Error for ModelError {}

impl From<Error> for ModelError {
    fn from(error: Error) -> Self {
        ModelError::Core(error)
    }
}
