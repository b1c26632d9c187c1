//! Binary layers in ONNX Runtime.
//!
//! [`onnx`] writes a model as an ONNX file: its binary layers are nodes of the domain [`DOMAIN`],
//! the rest are standard operators. As a cdylib, the crate is a library with the entry point
//! `RegisterCustomOps`, after which ONNX Runtime runs these nodes with the kernels of this engine.
//! Scores equal those of [`PackedModel`](bnn_core::model::PackedModel), bit for bit.
//!
//! `schema` has the names that both sides use. `export` makes nodes of a model's layers and
//! `protobuf` makes their bytes. `ops` computes the nodes, in safe code over slices. `runtime` is
//! the boundary to ONNX Runtime: all `unsafe` of the crate is there, each pointer is checked there,
//! and a panic would be caught there.

mod export;
mod ops;
mod protobuf;
mod runtime;
mod schema;
mod tensor;
mod threads;

pub use export::{ExportError, onnx};
pub use schema::DOMAIN;

/// For the other crates of this workspace only: this module is no part of the public interface and
/// changes without notice.
#[doc(hidden)]
pub mod internal {
    pub use crate::runtime::RegisterCustomOps;
    pub use crate::threads::{Work, run_by};
}

/// The example of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
