//! 32-bit cores without a population count: products of one row with many, in the fastest way that
//! the core built for has. [`carry_save`] serves all of them and is what other targets compile and
//! test.

#[cfg(not(any(bnn_armv6m, bnn_armv7em)))]
mod carry_save;
#[cfg(feature = "alloc")]
mod multiply;

#[cfg(any(bnn_armv6m, bnn_armv7em))]
pub(super) use super::super::arm::dot_rows;
#[cfg(all(feature = "conv", any(bnn_armv6m, bnn_armv7em)))]
pub(in crate::kernel) use super::super::arm::subtract_mismatches;
#[cfg(not(any(bnn_armv6m, bnn_armv7em)))]
pub(super) use carry_save::dot_rows;
#[cfg(all(feature = "conv", not(any(bnn_armv6m, bnn_armv7em))))]
pub(in crate::kernel) use carry_save::subtract_mismatches;
#[cfg(feature = "alloc")]
pub(super) use multiply::{MICRO_KERNEL, count};
