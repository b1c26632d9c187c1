//! The bodies of the fuzz targets. libFuzzer calls them with inputs that it makes up,
//! `tests/replay.rs` with those that are kept in `seeds`.

mod convolution;
mod extreme;
mod graph;
mod import;
mod model;
mod packing;
mod product;
mod tflite;

use arbitrary::{Arbitrary, Unstructured};

pub use convolution::convolution;
pub use graph::graph;
pub use import::import;
pub use model::model;
pub use packing::packing;
pub use product::product;
pub use tflite::tflite;

/// A body: whether the bytes describe a case that was checked.
pub type Target = fn(&[u8]) -> bool;

/// All of them, by the names of their programs.
pub const TARGETS: [(&str, Target); 7] = [
    ("convolution", convolution),
    ("graph", graph),
    ("import", import),
    ("model", model),
    ("packing", packing),
    ("product", product),
    ("tflite", tflite),
];

/// The case that the bytes describe, as `fuzz_target!` reads it.
fn parsed<'a, T: Arbitrary<'a>>(data: &'a [u8]) -> Option<T> {
    T::arbitrary_take_rest(Unstructured::new(data)).ok()
}
