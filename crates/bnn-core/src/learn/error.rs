//! Why learning is refused.

use core::convert::Infallible;
use core::fmt;

use crate::error::Error;

/// What is wrong with a model that is to learn, a sample, or the memory that keeps what was
/// learned. `E` is the error of the [`Flash`](super::Flash).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LearnError<E = Infallible> {
    /// A size, a class or a row of bits does not fit the learner.
    Core(Error),
    /// The model has no layer that can learn.
    Model {
        /// What was expected of it.
        expected: &'static str,
    },
    /// [`begin`](super::Learner::begin) comes first, and succeeds.
    NotBegun,
    /// An access to the flash failed.
    Flash(E),
    /// A bank does not hold what was written to it. The other one does.
    NotKept {
        /// The bank that was written.
        bank: usize,
    },
}

impl<E: fmt::Display> fmt::Display for LearnError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LearnError::Core(error) => error.fmt(f),
            LearnError::Model { expected } => write!(f, "the model: expected {expected}"),
            LearnError::NotBegun => f.write_str("the learner has not begun with a model"),
            LearnError::Flash(error) => write!(f, "flash: {error}"),
            LearnError::NotKept { bank } => {
                write!(f, "bank {bank} does not hold what was written to it")
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for LearnError<E> {}

impl<E> From<Error> for LearnError<E> {
    fn from(error: Error) -> Self {
        LearnError::Core(error)
    }
}
