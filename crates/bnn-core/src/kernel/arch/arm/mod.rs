//! Small Arm cores: products of a row with many, in assembly.

#[cfg(bnn_armv6m)]
pub(in crate::kernel) mod armv6m;
#[cfg(bnn_armv7em)]
pub(in crate::kernel) mod armv7em;
#[cfg(all(bnn_armv7em, feature = "graph", not(feature = "int8")))]
pub(in crate::kernel) mod armv7em_integers;
#[cfg(all(bnn_armv7em, feature = "graph"))]
pub(in crate::kernel) mod armv7em_pairs;
#[cfg(all(bnn_armv7em, feature = "int8"))]
pub(in crate::kernel) mod armv7em_tiles;

#[cfg(bnn_armv6m)]
pub(in crate::kernel) use armv6m as fastest;
#[cfg(bnn_armv7em)]
pub(in crate::kernel) use armv7em as fastest;
