//! Small Arm cores: products of a row with many, in assembly.

#[cfg(bnn_armv6m)]
mod armv6m;
#[cfg(bnn_armv7em)]
mod armv7em;

#[cfg(bnn_armv6m)]
pub(super) use armv6m::dot_rows;
#[cfg(bnn_armv7em)]
pub(super) use armv7em::dot_rows;
