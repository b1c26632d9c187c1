//! Matrices of bits under the bit law: borrowed views and, with `alloc`, an owned matrix.
//! Every constructor upholds the law's invariant: bits after a row's last element are zero.

#[cfg(feature = "alloc")]
mod owned;
mod unaligned;
mod view;
mod word;

#[cfg(feature = "alloc")]
pub use owned::BitMatrix;
pub use unaligned::bits_at;
pub(crate) use view::check_tails;
pub use view::{BitMatrixView, BitMatrixViewMut};
pub(crate) use word::gather;
