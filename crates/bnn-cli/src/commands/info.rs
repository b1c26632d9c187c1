//! `bnn info`: what is in a model file.

use bnn_core::model::{Ending, InputType, Layer, Model, OutputType};
use serde_json::{Value, json};

use crate::args::InfoArgs;
use crate::error::CliError;
use crate::model_file;
use crate::table::{columns, facts, thousands};

pub(crate) fn run(args: &InfoArgs) -> Result<(), CliError> {
    let bytes = model_file::read(&args.model)?;
    let model = model_file::open(&bytes, &args.model)?;
    let scratch = model.scratch_words(1).map_err(CliError::failed)? * size_of::<u64>();
    if args.json {
        println!("{}", as_json(&model, scratch));
        return Ok(());
    }
    let ((k, input), (n, output)) = (model.input(), model.output());
    let mut rows = vec![
        ("file".to_owned(), args.model.display().to_string()),
        ("bytes".to_owned(), thousands(model.file_bytes())),
        (
            "checksum".to_owned(),
            format!("{:08x} (CRC-32, correct)", model.checksum()),
        ),
        ("input".to_owned(), format!("{k} x {}", input_name(input))),
        (
            "output".to_owned(),
            format!("{n} x {}", output_name(output)),
        ),
        (
            "scratch memory".to_owned(),
            format!("{} bytes per sample", thousands(scratch)),
        ),
    ];
    let noted = model.meta().lines().filter_map(|line| line.split_once('='));
    rows.extend(noted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    println!("{}", facts(&rows));
    let layers: Vec<_> = model
        .layers()
        .enumerate()
        .map(|(i, layer)| {
            let (n, k) = (layer.weights.rows(), layer.weights.cols());
            [
                format!("{i} dense"),
                format!("{k} x {}", input_name(layer.input)),
                format!("{n} x {}", ending_name(&layer)),
                thousands(n * k),
                thousands(layer.bytes()),
            ]
        })
        .collect();
    println!(
        "{}",
        columns(
            ["layer", "input", "output", "weights (bits)", "bytes"],
            &layers
        )
    );
    Ok(())
}

fn as_json(model: &Model<'_>, scratch: usize) -> Value {
    let layers: Vec<Value> = model
        .layers()
        .map(|layer| {
            json!({
                "kind": "dense",
                "inputs": layer.weights.cols(),
                "input_type": input_name(layer.input),
                "outputs": layer.weights.rows(),
                "ending": ending_name(&layer),
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
        "input_type": input_name(input),
        "outputs": n,
        "output_type": output_name(output),
        "scratch_bytes": scratch,
        "layers": layers,
        "meta": meta,
    })
}

fn input_name(input: InputType) -> String {
    match input {
        InputType::Bits => "+-1 bits".to_owned(),
        InputType::Unsigned { depth } => format!("u{depth}"),
    }
}

fn output_name(output: OutputType) -> &'static str {
    match output {
        OutputType::Bits => "+-1 bits",
        OutputType::I32 => "i32",
        OutputType::F32 => "f32",
    }
}

fn ending_name(layer: &Layer<'_>) -> &'static str {
    match layer.ending {
        Ending::Sums => "i32 sums",
        Ending::Affine { .. } => "f32 affine",
        Ending::Threshold(_) => "bits by threshold",
    }
}
