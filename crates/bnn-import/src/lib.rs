//! Binary networks that other programs trained, as model files.
//!
//! [`import`] takes a path: an ONNX file, a `.tflite` file of Larq Compute Engine, or a weight
//! folder of BNN-PYNQ. [`onnx()`], [`tflite()`] and [`finn()`] take bytes. Files are treated
//! as hostile: a fault is an [`ImportError`], found in memory and time that [`Limits`] bounds. Each
//! model file has been compared with the network, computed in floats ([`Comparison`]).
//!
//! `protobuf` reads the wire format, `onnx` the graph; its `interpreter` computes every node in
//! floats, which folds constants and is what the model is compared with. `chain` collects the nodes
//! between two products, and finds the integer threshold at which the very `f32` expression changes
//! its sign. `tflite` makes a graph of such nodes of its own format, and goes the same way. `finn`
//! needs none of that: its files hold thresholds.

mod budget;
mod chain;
mod compare;
mod error;
mod finn;
mod folder;
mod imported;
mod onnx;
mod options;
mod path;
mod protobuf;
mod tflite;

pub use error::ImportError;
pub use finn::finn;
pub use folder::Folder;
pub use imported::{Comparison, Imported};
pub use onnx::onnx;
pub use options::{Inputs, Limits, Options, SignOfZero};
pub use path::import;
pub use tflite::tflite;

/// The example of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
