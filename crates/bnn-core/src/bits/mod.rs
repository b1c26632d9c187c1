//! Matrices of bits under the bit law: borrowed views and, with `alloc`, an owned matrix.
//! Every constructor upholds the law's invariant: bits behind a row's last element are zero.

#[cfg(feature = "alloc")]
mod owned;
mod view;
mod word;

#[cfg(feature = "alloc")]
pub use owned::BitMatrix;
pub(crate) use view::check_tails;
pub use view::{BitMatrixView, BitMatrixViewMut};
pub(crate) use word::gather;
