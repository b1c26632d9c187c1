//! `bnn test-vectors`: writes inputs and the outputs that they must give, for a device that checks
//! itself.

use bnn_autograd::Rng;
use bnn_core::BitMatrixViewMut;
use bnn_core::matrix_words;
use bnn_core::model::{Input, InputType, Model, Output, OutputType};
use serde_json::json;

use crate::args::TestVectorsArgs;
use crate::cost::{Cost, MOST_OPERATIONS};
use crate::error::CliError;
use crate::images;
use crate::model_file;
use crate::names::{with_ending, without_bnn};
use crate::out::{json, line};
use crate::outputs::{self, Input as Read, Replacing};

pub(crate) fn run(args: &TestVectorsArgs) -> Result<(), CliError> {
    let bytes = model_file::read(&args.model)?;
    let model = model_file::open(&bytes, &args.model)?;
    let samples = args.count as usize;
    let name = args.out.clone().unwrap_or_else(|| without_bnn(&args.model));
    let paths = ["inputs", "outputs"].map(|ending| with_ending(&name, ending));
    let data = args.data.iter().map(|data| Read::Data(data));
    let read: Vec<Read<'_>> = data.chain([Read::File(&args.model)]).collect();
    let files = outputs::claim(&read, &paths.each_ref().map(|path| path.as_path()))?;
    check_cost(&model, samples).map_err(|error| error.about(args.model.display()))?;
    let (inputs, outputs) = match (&args.data, model.input().1) {
        (None, InputType::Bits) => from_bits(&model, &random_bits(&model, samples, args.seed)?)?,
        (None, _) => from_bytes(&model, &random_bytes(&model, samples, args.seed)?)?,
        (Some(data), _) => from_bytes(&model, &test_images(&model, data, samples)?)?,
    };
    let rule = Replacing {
        force: args.force,
        by: "the same test vectors of this model",
    };
    rule.write(&files, &[&inputs, &outputs])?;
    let [inputs_file, outputs_file] = paths.each_ref().map(|path| path.display());
    if args.json {
        return json(json!({
            "samples": samples,
            "inputs": inputs_file.to_string(),
            "outputs": outputs_file.to_string(),
            "checksum": format!("{:08x}", model.checksum()),
        }));
    }
    line(format_args!(
        "{samples} samples: {inputs_file} ({} bytes), {outputs_file} ({} bytes)",
        inputs.len(),
        outputs.len()
    ))
}

/// Most bytes of both files together.
const MOST_BYTES: u64 = 1 << 28;

/// Refuses a number of samples that would take too much memory or time.
fn check_cost(model: &Model<'_>, samples: usize) -> Result<(), CliError> {
    let cost = Cost::of(model)?;
    for (what, each, most) in [
        ("bytes", cost.vector_bytes, MOST_BYTES),
        ("operations on words", cost.word_operations, MOST_OPERATIONS),
    ] {
        let found = each.saturating_mul(samples as u64);
        if found > most {
            return Err(CliError::Input(format!(
                "--count {samples}: {found} {what}, expected at most {most}; try --count {}",
                most / each
            )));
        }
    }
    Ok(())
}

/// Test samples of a data set, spread over its classes.
fn test_images(model: &Model<'_>, data: &str, samples: usize) -> Result<Vec<u8>, CliError> {
    model_file::max_input(model)?; // refuses a model of bits
    let inputs = model.input().0;
    let test = images::samples(model, data)?;
    let found = test.pixels.len() / inputs;
    if found < samples {
        return Err(CliError::Input(format!(
            "{data} has {found} test samples, expected at least {samples}"
        )));
    }
    Ok(test.spread(inputs, samples))
}

fn random_bytes(model: &Model<'_>, samples: usize, seed: u64) -> Result<Vec<u8>, CliError> {
    let max = f64::from(model_file::max_input(model)?);
    let mut random = Rng::new(seed);
    let bytes = (0..samples * model.input().0).map(|_| random.uniform(0.0, max + 1.0) as u8);
    Ok(bytes.collect())
}

fn random_bits(model: &Model<'_>, samples: usize, seed: u64) -> Result<Vec<u64>, CliError> {
    let [height, width, k] = model.input_shape();
    let rows = samples * height * width;
    let mut words = vec![0; matrix_words(rows, k).map_err(CliError::input)?];
    let mut bits = BitMatrixViewMut::cleared(&mut words, rows, k).map_err(CliError::failed)?;
    let mut random = Rng::new(seed);
    for r in 0..rows {
        for c in 0..k {
            bits.set(r, c, random.uniform(0.0, 1.0) < 0.5);
        }
    }
    Ok(words)
}

fn from_bytes(model: &Model<'_>, bytes: &[u8]) -> Result<(Vec<u8>, Vec<u8>), CliError> {
    let outputs = outputs(model, bytes.len() / model.input().0, Input::Bytes(bytes))?;
    Ok((bytes.to_vec(), outputs))
}

fn from_bits(model: &Model<'_>, words: &[u64]) -> Result<(Vec<u8>, Vec<u8>), CliError> {
    let samples = words.len() / model.sizes().input_len;
    let outputs = outputs(model, samples, Input::Bits(words))?;
    Ok((
        words.iter().flat_map(|w| w.to_le_bytes()).collect(),
        outputs,
    ))
}

/// The outputs of all samples, little-endian, without gaps.
fn outputs(model: &Model<'_>, samples: usize, input: Input<'_>) -> Result<Vec<u8>, CliError> {
    let words = model.scratch_words(samples).map_err(CliError::input)?;
    let mut scratch = vec![0; words];
    let (n, output) = (model.sizes().output_len, model.output().1);
    let mut run = |output: Output<'_>| {
        let done = model.run(samples, input, output, &mut scratch);
        done.map_err(CliError::input)
    };
    Ok(match output {
        OutputType::F32 => {
            let mut y = vec![0_f32; samples * n];
            run(Output::F32(&mut y))?;
            y.iter().flat_map(|y| y.to_le_bytes()).collect()
        }
        OutputType::I32 => {
            let mut y = vec![0_i32; samples * n];
            run(Output::I32(&mut y))?;
            y.iter().flat_map(|y| y.to_le_bytes()).collect()
        }
        OutputType::Bits => {
            let mut y = vec![0_u64; samples * n];
            run(Output::Bits(&mut y))?;
            y.iter().flat_map(|y| y.to_le_bytes()).collect()
        }
        other => {
            return Err(CliError::Input(format!("this model gives out {other}")));
        }
    })
}
