//! 32-bit cores without a population count: products of one row with many, in the fastest way that
//! the core built for has. [`carry_save`] serves all of them and is what other targets compile and
//! test.

#[cfg(not(any(bnn_armv6m, bnn_armv7em)))]
pub(in crate::kernel) mod carry_save;
#[cfg(feature = "alloc")]
pub(super) mod multiply;

#[cfg(any(bnn_armv6m, bnn_armv7em))]
pub(in crate::kernel) use super::super::arm::fastest;
#[cfg(not(any(bnn_armv6m, bnn_armv7em)))]
pub(in crate::kernel) use carry_save as fastest;
