//! `bnn import`: makes a model file of a network that another program trained.

use std::path::{Path, PathBuf};

use bnn_core::model::AlignedBytes;
use bnn_import::{Comparison, ImportError, Inputs, Limits, Options, SignOfZero, import};
use serde_json::json;

use crate::args::{ImportArgs, ImportInputs, ZeroSign};
use crate::error::CliError;
use crate::model_file::{open, shape};
use crate::names::with_ending;
use crate::out::{json, line, note};
use crate::outputs::{self, Input, Replacing};

pub(crate) fn run(args: &ImportArgs) -> Result<(), CliError> {
    let out = match &args.out {
        Some(out) => out.clone(),
        None => default_out(args)?,
    };
    let outputs = outputs::claim(&[Input::File(&args.network)], &[&out])?;
    let options = Options {
        inputs: inputs(args)?,
        sign_of_zero: match args.sign_of_zero {
            ZeroSign::Onnx => SignOfZero::AsOnnx,
            ZeroSign::Plus => SignOfZero::PlusOne,
        },
        limits: Limits {
            samples: args.samples as usize,
            ..Limits::default()
        },
    };
    let imported = import(&args.network, &options).map_err(|error| {
        let error = match error {
            // The program's own answer differs: nothing is wrong with the command.
            ImportError::Different { .. } => CliError::failed(error),
            _ => CliError::input(error),
        };
        error.about(args.network.display())
    })?;
    for output in &outputs {
        output.check_read(&imported.read)?;
    }
    let file = AlignedBytes::from(imported.file.as_slice());
    let model = open(&file, &out)?;
    let rule = Replacing {
        force: args.force,
        by: "the same import",
    };
    rule.write(&outputs, &[&imported.file])?;
    let ((_, input), (_, output)) = (model.input(), model.output());
    let (samples, equal, how) = match imported.comparison {
        Comparison::Samples { samples, equal } => (samples, equal, "floats"),
        Comparison::Exact { samples } => (samples, samples, "integers"),
        _ => return Err(CliError::Failed("an unknown comparison".to_owned())),
    };
    if args.json {
        return json(json!({
            "model": out.to_string_lossy(),
            "format": imported.format,
            "layers": model.layers().len(),
            "bytes": imported.file.len(),
            "samples": samples,
            "equal": equal,
            "notes": imported.notes,
        }));
    }
    line(format_args!(
        "{}: {} x {input} -> {} x {output}, {} layers, {} bytes, from {}",
        out.display(),
        shape(model.input_shape()),
        shape(model.output_shape()),
        model.layers().len(),
        imported.file.len(),
        imported.format,
    ))?;
    line(format_args!(
        "{equal} of {samples} random samples have the scores of the network, computed in {how}"
    ))?;
    for text in &imported.notes {
        note(format_args!("note: {text}"));
    }
    Ok(())
}

/// The network's name with `.bnn` for `.onnx` or `.tflite`, in the current folder. Any other name
/// stays as it is, so that `net.a` and `net.b` remain different.
fn default_out(args: &ImportArgs) -> Result<PathBuf, CliError> {
    let wrong = || {
        let wrong = format!(
            "{}: no name to call a model by; give --out",
            args.network.display()
        );
        CliError::Input(wrong)
    };
    let name = Path::new(args.network.file_name().ok_or_else(wrong)?);
    let name = match name.extension() {
        Some(ending) if ending == "onnx" || ending == "tflite" => name.with_extension(""),
        _ => name.to_owned(),
    };
    Ok(with_ending(&name, "bnn"))
}

fn inputs(args: &ImportArgs) -> Result<Inputs, CliError> {
    if args.input == ImportInputs::Bytes {
        let numbers = args.mean.iter().chain(&args.std);
        let scale = args.scale.unwrap_or(1.0 / 255.0);
        let is_wrong = !numbers.clone().all(|x| x.is_finite())
            || !scale.is_finite()
            || scale == 0.0
            || args.std.contains(&0.0);
        return match is_wrong {
            true => Err(CliError::Input(
                "--scale, --mean and --std: expected finite numbers, scale and deviations not 0"
                    .to_owned(),
            )),
            false => Ok(Inputs::Bytes {
                scale,
                mean: args.mean.clone(),
                deviation: args.std.clone(),
            }),
        };
    }
    match args.scale.is_some() || !args.mean.is_empty() || !args.std.is_empty() {
        true => Err(CliError::Input(
            "--scale, --mean and --std are for bytes, expected --input bytes".to_owned(),
        )),
        false => Ok(Inputs::Bits),
    }
}
