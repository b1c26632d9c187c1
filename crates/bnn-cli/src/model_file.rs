//! Model files on disk: reading one, and what `bnn train` notes in its meta text.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bnn_core::model::{AlignedBytes, Input, InputType, Model, Output, OutputType, argmax};

use crate::error::CliError;

/// Reads a file whole; it is opened with [`open`].
pub(crate) fn read(path: &Path) -> Result<AlignedBytes, CliError> {
    let about = |error| CliError::input(error).about(format!("cannot read {}", path.display()));
    let file = File::open(path).map_err(about)?;
    let mut bytes = Vec::new();
    // No more than a model file can have, also from what has no size, such as a pipe.
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(about)?;
    if bytes.len() as u64 > MOST_BYTES {
        let wrong = format!(
            "{}: more than {MOST_BYTES} bytes, no model file",
            path.display()
        );
        return Err(CliError::Input(wrong));
    }
    Ok(AlignedBytes::from(bytes.as_slice()))
}

/// Larger than any model that a CPU would run; less than the 4 GiB of the format, so that a wrong
/// file cannot fill the memory.
const MOST_BYTES: u64 = 1 << 30;

/// Checks the bytes of the file at `path`.
pub(crate) fn open<'a>(bytes: &'a AlignedBytes, path: &Path) -> Result<Model<'a>, CliError> {
    Model::open(bytes.bytes()).map_err(|error| CliError::input(error).about(path.display()))
}

/// The value of a `key=value` line of the model's meta text.
pub(crate) fn meta<'a>(model: &Model<'a>, key: &str) -> Option<&'a str> {
    let mut lines = model.meta().lines().filter_map(|line| line.split_once('='));
    lines.find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// For people: height, width and channels; the latter alone where there is one pixel.
pub(crate) fn shape([height, width, channels]: [usize; 3]) -> String {
    match (height, width) {
        (1, 1) => channels.to_string(),
        _ => format!("{height}x{width}x{channels}"),
    }
}

/// The largest value an input may have: what the training data had, at most what the bits hold.
pub(crate) fn max_input(model: &Model<'_>) -> Result<u8, CliError> {
    let most = match model.input().1 {
        InputType::Unsigned { depth } => u8::MAX >> (8 - depth),
        InputType::Thresholds => u8::MAX,
        other => {
            let wrong = format!("this model takes {other}, not pixels");
            return Err(CliError::Input(wrong));
        }
    };
    let noted = meta(model, "max").and_then(|max| max.parse().ok());
    Ok(noted.map_or(most, |max: u8| max.min(most)))
}

/// Scores of every sample, whatever their type in the file, and the class they say.
pub(crate) struct Scores {
    pub(crate) scores: Vec<f64>,
    pub(crate) classes: Vec<usize>,
}

/// Runs all samples, `[samples, inputs]` pixels.
pub(crate) fn run(model: &Model<'_>, pixels: &[u8]) -> Result<Scores, CliError> {
    let packed = bnn_core::model::PackedModel::new(*model).map_err(CliError::input)?;
    let ((k, _), (n, output)) = (model.input(), model.output());
    let (mut scores, mut classes) = (Vec::new(), Vec::new());
    for pixels in pixels.chunks(k * CHUNK) {
        let samples = pixels.len() / k;
        let mut scratch = vec![0; model.scratch_words(samples).map_err(CliError::failed)?];
        let input = Input::Bytes(pixels);
        match output {
            OutputType::F32 => {
                let mut y = vec![0.0; samples * n];
                packed
                    .run(samples, input, Output::F32(&mut y), &mut scratch)
                    .map_err(CliError::input)?;
                classes.extend(y.chunks(n).filter_map(argmax));
                scores.extend(y.iter().map(|&y| f64::from(y)));
            }
            OutputType::I32 => {
                let mut y = vec![0; samples * n];
                packed
                    .run(samples, input, Output::I32(&mut y), &mut scratch)
                    .map_err(CliError::input)?;
                classes.extend(y.chunks(n).filter_map(argmax));
                scores.extend(y.iter().map(|&y| f64::from(y)));
            }
            other => {
                let wrong = format!("this model gives out {other}, not scores");
                return Err(CliError::Input(wrong));
            }
        }
    }
    Ok(Scores { scores, classes })
}

/// Samples per run: bounds the scratch memory.
const CHUNK: usize = 256;
