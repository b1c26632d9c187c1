//! Models as ONNX files.

mod attributes;
mod error;
mod file;
mod nodes;

pub use error::ExportError;

use bnn_core::internal::graph_of;
use bnn_core::model::{InputType, Model};
use bnn_core::row_words;

use crate::tensor::Element;
use file::MOST_BYTES;
use nodes::Writer;

/// The ONNX file of a model, whose nodes of the domain [`DOMAIN`](crate::DOMAIN) want this library;
/// the same bytes for the same model.
///
/// Its input `input` is `[N, height, width, channels]`, or `[N, inputs]` where a sample is one
/// pixel: bytes (`uint8`), or packed signs (`uint64`) whose last side is words. Its output `output`
/// is of the same form, in `float32`, `int32`, or packed signs.
///
/// # Errors
/// [`ExportError::Node`] of fixed point, and of sums that `float32` does not hold;
/// [`ExportError::TooLarge`].
pub fn onnx(model: &Model<'_>) -> Result<Vec<u8>, ExportError> {
    let graph = graph_of(model)?;
    let (input_element, input_shape) = match graph.input {
        InputType::Bits => (Element::U64, in_words(graph.input_shape)),
        _ => (Element::U8, graph.input_shape),
    };
    let mut writer = Writer::new(&graph);
    for (node, index) in graph.nodes.iter().zip(1..) {
        writer.node(index, node)?;
    }
    let (output, output_element, output_shape) = writer.output()?;
    let bytes = writer.file.finish(
        ("input", input_element, sides(&input_shape)),
        (&output, output_element, sides(&output_shape)),
        &graph.meta,
    );
    match bytes.len() > MOST_BYTES {
        true => Err(ExportError::TooLarge { bytes: bytes.len() }),
        false => Ok(bytes),
    }
}

/// The sides of a sample; a vector has one.
fn sides(shape: &[usize; 3]) -> &[usize] {
    match shape {
        [1, 1, _] => &shape[2..],
        _ => shape,
    }
}

/// The shape of an image whose channels are packed.
fn in_words([height, width, channels]: [usize; 3]) -> [usize; 3] {
    [height, width, row_words(channels)]
}
