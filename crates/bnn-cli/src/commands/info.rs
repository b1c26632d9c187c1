//! `bnn info`: what is in a model file.

use bnn_core::model::Model;
use serde_json::{Value, json};

use crate::args::InfoArgs;
use crate::error::CliError;
use crate::mcu::Prediction;
use crate::model_file;
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
    let ((k, input), (n, output)) = (model.input(), model.output());
    let mut rows = vec![
        ("file".to_owned(), args.model.display().to_string()),
        ("bytes".to_owned(), thousands(model.file_bytes())),
        (
            "checksum".to_owned(),
            format!("{:08x} (CRC-32, correct)", model.checksum()),
        ),
        ("input".to_owned(), format!("{k} x {input}")),
        ("output".to_owned(), format!("{n} x {output}")),
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
            let (n, k) = (layer.weights.rows(), layer.weights.cols());
            [
                format!("{i} dense"),
                format!("{k} x {}", layer.input),
                format!("{n} x {}", layer.output()),
                thousands(n * k),
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

fn as_json(model: &Model<'_>, scratch: usize) -> Value {
    let layers: Vec<Value> = model
        .layers()
        .map(|layer| {
            json!({
                "kind": "dense",
                "inputs": layer.weights.cols(),
                "input_type": layer.input.to_string(),
                "outputs": layer.weights.rows(),
                "output_type": layer.output().to_string(),
                "weights": layer.weights.cols() * layer.weights.rows(),
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
        "input_type": input.to_string(),
        "outputs": n,
        "output_type": output.to_string(),
        "scratch_bytes": scratch,
        "layers": layers,
        "meta": meta,
    })
}
