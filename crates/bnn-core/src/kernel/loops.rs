//! Loops in plain Rust that are compiled once for each instruction set, so that the compiler makes
//! vectors of its width. For loops over numbers that no kernel has a function of its own for, as
//! those of training.

/// A loop to be compiled for each instruction set.
///
/// Only what is inlined into [`run`](Self::run) is compiled for it: mark it `#[inline(always)]`.
/// The compiler neither fuses nor reorders operations on floats, so that results are the same bits
/// on every instruction set.
pub trait Loop {
    /// The result of the loop.
    type Output;

    /// Runs the loop.
    fn run(self) -> Self::Output;
}
