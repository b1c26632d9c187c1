//! The message of the last failed call: of each thread with `std`, of the program without.
//!
//! A text needs a thread of its own, or a program that nothing interrupts: [`text`] is there with
//! `std` and with `messages`. Any other program keeps the last status alone, [`status`].

#[cfg(any(feature = "std", feature = "messages"))]
mod text;

#[cfg(any(feature = "std", feature = "messages"))]
pub(crate) use text::{message, set};

#[cfg(not(any(feature = "std", feature = "messages")))]
mod status;

#[cfg(not(any(feature = "std", feature = "messages")))]
pub(crate) use status::{message, set};
