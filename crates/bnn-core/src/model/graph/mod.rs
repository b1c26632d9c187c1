//! Graphs: models of version 2 of the format, in which numbers run beside the bits.
//!
//! `record` is the layout, `check` what a reader checks. `schedule` is the order in which rows are
//! made, and which rows share memory, `slide` whether that goes on over rows without an end; `run`
//! follows it, in place. `rows` makes one row of any node from `windowed` (products and
//! pools) and `per_channel` (everything else); `fixed` is the arithmetic of fixed point. `spec` is
//! a graph as data, `writer` makes files of it and `read` makes it of files; `packed` runs blocks
//! of samples on hosts, `group` after group of nodes, over tensors that are `whole`. `info` and `cost` tell what nodes are and
//! take.

pub(in crate::model) mod check;
mod cost;
#[cfg_attr(not(feature = "int8"), path = "no_depthwise.rs")]
mod depthwise;
mod ending;
#[doc(hidden)]
pub mod fixed;
#[cfg(feature = "alloc")]
mod group;
mod high_product;
mod info;
mod integers;
mod node;
#[cfg(feature = "alloc")]
pub(in crate::model) mod packed;
#[cfg(feature = "alloc")]
mod packed_block;
#[cfg(feature = "alloc")]
mod packed_pool;
#[cfg(feature = "alloc")]
mod packed_product;
mod per_channel;
#[cfg(feature = "alloc")]
mod read;
pub(in crate::model) mod record;
mod rows;
pub(in crate::model) mod run;
mod schedule;
pub(in crate::model) mod slide;
#[cfg(feature = "alloc")]
mod spec;
mod tensor;
#[cfg(feature = "alloc")]
mod whole;
mod windowed;
#[cfg(feature = "alloc")]
mod writer;

pub use info::Values;
#[doc(hidden)]
pub use info::{NodeInfo, NodeMemory, nodes, output_exponent};
#[cfg(feature = "alloc")]
#[doc(hidden)]
pub use read::graph_of;
#[cfg(feature = "alloc")]
pub use spec::{Graph, Node, NodeEpilogue, NodeNumber, NodeWeights, Numbers, Operation, Slopes};

#[cfg(all(test, feature = "alloc"))]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod laws;
