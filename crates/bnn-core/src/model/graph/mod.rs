//! Graphs: models of version 2 of the format, in which numbers run beside the bits.
//!
//! `record` is the layout, `check` what a reader checks. `schedule` is the order in which rows are
//! made; `run` follows it, in place. `rows` makes one row of any node from `windowed` (products and
//! pools) and `per_channel` (everything else); `fixed` is the arithmetic of fixed point. `spec` is a
//! graph as data and `writer` makes files of it; `packed` runs blocks of samples on hosts.

pub(in crate::model) mod check;
mod cost;
#[doc(hidden)]
pub mod fixed;
mod node;
#[cfg(feature = "alloc")]
mod packed;
#[cfg(feature = "alloc")]
mod packed_product;
mod per_channel;
pub(in crate::model) mod record;
mod rows;
mod run;
mod schedule;
#[cfg(feature = "alloc")]
mod spec;
mod tensor;
mod windowed;
#[cfg(feature = "alloc")]
mod writer;

#[cfg(feature = "alloc")]
pub(in crate::model) use packed::PackedGraph;
#[cfg(feature = "alloc")]
pub use spec::{Finish, Graph, Node, Number, Numbers, Operation, Slopes, Values, Weights};

#[cfg(all(test, feature = "alloc"))]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod laws;
