//! A model's packed weights and parameters as arrays, for `bnn info --weights`.

mod graph;

use bnn_core::Thresholds;
use bnn_core::model::{Epilogue, Layer, LayerKind, Model};

use crate::error::CliError;
use crate::npz::Npz;

/// An `.npz` file of a model's arrays; [`graph`] has the names of a graph's. Layer `i` has, under
/// names that begin with `layer{i}.`:
///
/// - `weights`, `u64 [outputs, words]`: element `j` of a row is bit `j % 64` of word `j / 64`, 1
///   means +1;
/// - `weights_shape`, `i64`: the shape after unpacking, `[outputs, inputs]`, or
///   `[outputs, height, width, channels of a group]` for a convolution;
/// - `thresholds`, `i16` or `i32`, or `scale` and `bias`, `f32`, if it has them;
/// - `input_thresholds`, `u8`, if thresholds turn its input bytes into bits.
///
/// A pool has no arrays.
pub(crate) fn npz(model: &Model<'_>) -> Result<Vec<u8>, CliError> {
    let mut npz = Npz::default();
    // One of the two has none.
    graph::add(model, &mut npz)?;
    for (i, layer) in model.layers().enumerate() {
        let name = |array: &str| format!("layer{i}.{array}");
        if let Some(weights) = layer.weights {
            let words = weights.words().len() / weights.rows();
            npz.add(&name("weights"), &[weights.rows(), words], weights.words())?;
            let shape: Vec<i64> = shape(&layer, weights.rows(), weights.cols());
            npz.add(&name("weights_shape"), &[shape.len()], &shape)?;
        }
        match layer.epilogue {
            Some(Epilogue::Affine { scale, bias }) => {
                npz.add(&name("scale"), &[scale.len()], scale)?;
                npz.add(&name("bias"), &[bias.len()], bias)?;
            }
            Some(Epilogue::Threshold(Thresholds::I16(t))) => {
                npz.add(&name("thresholds"), &[t.len()], t)?;
            }
            Some(Epilogue::Threshold(Thresholds::I32(t))) => {
                npz.add(&name("thresholds"), &[t.len()], t)?;
            }
            _ => {}
        }
        match layer.input_thresholds {
            [] => {}
            thresholds => npz.add(&name("input_thresholds"), &[thresholds.len()], thresholds)?,
        }
    }
    npz.finish()
}

fn shape(layer: &Layer<'_>, rows: usize, cols: usize) -> Vec<i64> {
    let sizes = match layer.kind {
        LayerKind::Conv2d(conv) => {
            let [height, width] = conv.windows().kernel();
            vec![rows, height, width, conv.channels() / conv.groups()]
        }
        _ => vec![rows, cols],
    };
    sizes.into_iter().map(|size| size as i64).collect()
}
