//! Files of TensorFlow Lite as Larq Compute Engine converts networks: binary operators
//! (`LceQuantize`, `LceBconv2d`, `LceBMaxPool2d`, `LceDequantize`) among built-in ones of floats.
//!
//! The graph becomes one of the nodes that ONNX has, images with their channels first, and goes the
//! way of an ONNX file from there: one interpreter, one way to a chain or a graph, one comparison.

mod bits;
mod elementwise;
mod flatbuffer;
mod flexbuffer;
mod images;
mod int8;
mod nodes;
mod products;
mod schema;
mod steps;
mod translate;
mod value;
mod window;

use crate::budget::Budget;
use crate::{ImportError, Imported, Options};

/// Makes a model file of a `.tflite` file as the converter of Larq Compute Engine writes it, of
/// floats or of 8-bit integers (`INT8`).
///
/// # Errors
/// [`ImportError`]; an operator that cannot be brought over is named by the tensor that it makes.
pub fn tflite(file: &[u8], options: &Options) -> Result<Imported, ImportError> {
    let limits = options.limits;
    if file.len() as u64 > limits.file_bytes {
        return Err(ImportError::Limit {
            what: "bytes of files",
            most: limits.file_bytes,
        });
    }
    let budget = &mut Budget::new(limits);
    let model = schema::model(file)?;
    let graph = translate::graph(&model, budget)?;
    crate::onnx::import_graph(&graph, options, budget)
}
