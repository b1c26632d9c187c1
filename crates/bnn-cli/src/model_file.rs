//! Model files: reading them, their meta text, and running them on samples.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use bnn_core::internal::output_exponent;
use bnn_core::model::{
    AlignedBytes, Input, InputType, Model, Output, OutputType, PackedModel, argmax,
};

use crate::cost::Cost;
use crate::error::CliError;
use crate::text::unescape_meta;

/// The first bytes of a model file.
pub(crate) const MAGIC: [u8; 8] = *b"\x89BNN\r\n\x1a\n";

/// Reads a model file, to be opened with [`open`]. Reading stops at the header if the file does not
/// begin like a model file or is not as long as its header says.
pub(crate) fn read(path: &Path) -> Result<AlignedBytes, CliError> {
    let about = |error| CliError::input(error).about(format!("cannot read {}", path.display()));
    let mut file = File::open(path).map_err(about)?;
    let size = file.metadata().map_err(about)?;
    let mut bytes = Vec::new();
    let mut read = |bytes: &mut Vec<u8>, most: u64| {
        let done = file.by_ref().take(most).read_to_end(bytes);
        done.map_err(about)
    };
    read(&mut bytes, HEADER_BYTES)?;
    let stated = match bytes.get(AT_FILE_BYTES..) {
        Some(&[a, b, c, d, ..]) if bytes.starts_with(&MAGIC) => {
            u64::from(u32::from_le_bytes([a, b, c, d]))
        }
        // `open` reports what is wrong with it.
        _ => return Ok(AlignedBytes::from(bytes.as_slice())),
    };
    let wrong = |what: String| Err(CliError::Input(format!("{}: {what}", path.display())));
    if stated > MOST_BYTES {
        return wrong(format!(
            "a model file of {stated} bytes, expected at most {MOST_BYTES}"
        ));
    }
    let found = size.len();
    if size.is_file() && found != stated {
        return wrong(format!("model file has {found} bytes, expected {stated}"));
    }
    // One byte more, so that `open` notices a pipe that is too long.
    read(&mut bytes, (stated + 1).saturating_sub(HEADER_BYTES))?;
    Ok(AlignedBytes::from(bytes.as_slice()))
}

const HEADER_BYTES: u64 = 32;
/// Offset of the file's length in the header.
const AT_FILE_BYTES: usize = 12;
/// Larger than any model that a CPU would run, and less than the 4 GiB of the format, so that a
/// wrong file cannot fill the memory.
const MOST_BYTES: u64 = 1 << 30;

/// Checks the bytes of the file at `path`.
pub(crate) fn open<'a>(bytes: &'a AlignedBytes, path: &Path) -> Result<Model<'a>, CliError> {
    Model::open(bytes).map_err(|error| CliError::input(error).about(path.display()))
}

/// The value of the first `key=value` line with this key in the model's meta text, unescaped.
pub(crate) fn meta<'a>(model: &Model<'a>, key: &str) -> Option<Cow<'a, str>> {
    let mut lines = model.meta().lines().filter_map(|line| line.split_once('='));
    let line = lines.find(|(name, _)| *name == key);
    line.map(|(_, value)| unescape_meta(value))
}

/// A shape for people: `height x width x channels`, or the channels alone if there is one pixel.
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

/// The scores of all samples, converted to `f64`, and the predicted classes.
pub(crate) struct Scores {
    pub(crate) scores: Vec<f64>,
    pub(crate) classes: Vec<usize>,
}

/// The number that a score of 1 stands for: a power of two where scores are integers of a graph.
pub(crate) fn unit(model: &Model<'_>) -> f64 {
    f64::from(-output_exponent(model)).exp2()
}

/// Runs all samples, `[samples, inputs]` pixels.
pub(crate) fn run(model: &Model<'_>, pixels: &[u8]) -> Result<Scores, CliError> {
    let chunk = Cost::of(model)?.chunk();
    let packed = PackedModel::new(*model).map_err(CliError::input)?;
    let ((k, _), (n, output)) = (model.input(), model.output());
    let (mut scores, mut classes) = (Vec::new(), Vec::new());
    for pixels in pixels.chunks(k * chunk) {
        let samples = pixels.len() / k;
        let input = Input::Bytes(pixels);
        match output {
            OutputType::F32 => {
                let mut y = vec![0.0; samples * n];
                packed
                    .run(samples, input, Output::F32(&mut y))
                    .map_err(CliError::input)?;
                classes.extend(y.chunks(n).filter_map(argmax));
                scores.extend(y.iter().map(|&y| f64::from(y)));
            }
            OutputType::I32 => {
                let mut y = vec![0; samples * n];
                packed
                    .run(samples, input, Output::I32(&mut y))
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use bnn_core::BitMatrix;
    use bnn_core::model::{Epilogue, ModelWriter};

    #[test]
    fn the_header_is_where_the_format_has_it() {
        let weights = BitMatrix::zeros(1, 1).unwrap();
        let mut writer = ModelWriter::new(InputType::Bits);
        writer.dense(weights.view(), Epilogue::Sums).unwrap();
        let file = writer.finish().unwrap();
        assert!(file.starts_with(&MAGIC));
        let len = u32::from_le_bytes(file[AT_FILE_BYTES..][..4].try_into().unwrap());
        assert_eq!(len as usize, file.len());
    }
}
