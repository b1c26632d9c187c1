//! Small Arm cores: products of a row with many, in assembly.

#[cfg(bnn_armv6m)]
mod armv6m;
#[cfg(bnn_armv7em)]
mod armv7em;

#[cfg(bnn_armv6m)]
pub(super) use armv6m::dot_rows;
#[cfg(all(bnn_armv6m, feature = "conv"))]
pub(in crate::kernel) use armv6m::subtract_mismatches;
#[cfg(bnn_armv7em)]
pub(super) use armv7em::dot_rows;
#[cfg(all(bnn_armv7em, feature = "conv"))]
pub(in crate::kernel) use armv7em::subtract_mismatches;
