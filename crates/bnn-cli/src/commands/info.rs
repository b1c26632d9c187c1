//! `bnn info`: what is in a model file.

use bnn_core::model::{Layer, Model};
use serde_json::{Value, json};

use crate::args::InfoArgs;
use crate::error::CliError;
use crate::mcu::Prediction;
use crate::model_file::{self, shape};
use crate::out::line;
use crate::table::{columns, facts, thousands};

pub(crate) fn run(args: &InfoArgs) -> Result<(), CliError> {
    let bytes = model_file::read(&args.model)?;
    let model = model_file::open(&bytes, &args.model)?;
    let scratch = model.scratch_words(1).map_err(CliError::failed)? * size_of::<u64>();
    let mcu = args.mcu.then(|| Prediction::new(&model)).transpose()?;
    if args.json {
        let mut told = as_json(&model, scratch);
        if let Some(mcu) = mcu {
            told["mcu"] = mcu.as_json();
        }
        return line(told);
    }
    let ((_, input), (_, output)) = (model.input(), model.output());
    let mut rows = vec![
        ("file".to_owned(), args.model.display().to_string()),
        ("bytes".to_owned(), thousands(model.file_bytes())),
        (
            "checksum".to_owned(),
            format!("{:08x} (CRC-32, correct)", model.checksum()),
        ),
        (
            "input".to_owned(),
            format!("{} x {input}", shape(model.input_shape())),
        ),
        (
            "output".to_owned(),
            format!("{} x {output}", shape(model.output_shape())),
        ),
        (
            "scratch memory".to_owned(),
            format!("{} bytes per sample", thousands(scratch)),
        ),
    ];
    let noted = model.meta().lines().filter_map(|line| line.split_once('='));
    // Anybody's text: shown with its control characters escaped.
    let shown = |text: &str| text.escape_debug().to_string();
    rows.extend(noted.map(|(name, value)| (shown(name), shown(value))));
    line(facts(&rows))?;
    let layers: Vec<_> = model
        .layers()
        .enumerate()
        .map(|(i, layer)| {
            [
                format!("{i} {}", describe(&layer)),
                format!("{} x {}", shape(layer.input_shape()), layer.input()),
                format!("{} x {}", shape(layer.output_shape()), layer.output()),
                thousands(weights(&layer)),
                thousands(layer.bytes()),
            ]
        })
        .collect();
    line(columns(
        ["layer", "input", "output", "weights (bits)", "bytes"],
        &layers,
    ))?;
    if let Some(mcu) = mcu {
        line("On microcontrollers, one sample at a time, as measured in emulators:")?;
        line(mcu.layers())?;
        line(mcu.cores())?;
    }
    Ok(())
}

/// What a layer does, shortly.
fn describe(layer: &Layer<'_>) -> String {
    let kind = layer.kind();
    match layer {
        Layer::Conv2d { conv, .. } => {
            let [height, width] = conv.kernel();
            match conv.groups() {
                1 => format!("{kind} {height}x{width}"),
                groups => format!("{kind} {height}x{width}, {groups} groups"),
            }
        }
        Layer::MaxPool2d(pool) => {
            let [height, width] = pool.kernel();
            format!("{kind} {height}x{width}")
        }
        _ => kind.to_owned(),
    }
}

fn weights(layer: &Layer<'_>) -> usize {
    layer.weights().map_or(0, |w| w.rows() * w.cols())
}

fn as_json(model: &Model<'_>, scratch: usize) -> Value {
    let layers: Vec<Value> = model
        .layers()
        .map(|layer| {
            let elements = |shape: [usize; 3]| shape.iter().product::<usize>();
            json!({
                "kind": layer.kind(),
                "inputs": elements(layer.input_shape()),
                "input_shape": layer.input_shape(),
                "input_type": layer.input().to_string(),
                "outputs": elements(layer.output_shape()),
                "output_shape": layer.output_shape(),
                "output_type": layer.output().to_string(),
                "weights": weights(&layer),
                "bytes": layer.bytes(),
            })
        })
        .collect();
    let ((k, input), (n, output)) = (model.input(), model.output());
    let noted = model.meta().lines().filter_map(|line| line.split_once('='));
    let meta: serde_json::Map<_, _> = noted
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    json!({
        "bytes": model.file_bytes(),
        "checksum": format!("{:08x}", model.checksum()),
        "inputs": k,
        "input_shape": model.input_shape(),
        "input_type": input.to_string(),
        "outputs": n,
        "output_shape": model.output_shape(),
        "output_type": output.to_string(),
        "scratch_bytes": scratch,
        "layers": layers,
        "meta": meta,
    })
}
