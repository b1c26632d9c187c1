//! `bnn export`: writes a model as source code, to be compiled into a program, or for ONNX Runtime.

mod c;
mod rust;

use std::path::{Path, PathBuf};

use bnn_core::model::{InputType, Model, OutputType};

use crate::args::{ExportArgs, Language};
use crate::error::CliError;
use crate::model_file::{self, shape};
use crate::names::without_bnn;
use crate::out::line;
use crate::outputs::{self, Input, Replacing};

pub(crate) fn run(args: &ExportArgs) -> Result<(), CliError> {
    let bytes = model_file::read(&args.model)?;
    let model = model_file::open(&bytes, &args.model)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => name_of(&args.model),
    };
    let source = Source::new(&name, &model, &bytes)?;
    let folder = args.out.clone().unwrap_or_default();
    let files = match args.to {
        Language::C => vec![
            (format!("{name}.h"), c::header(&source).into_bytes()),
            (format!("{name}.c"), c::definition(&source).into_bytes()),
        ],
        Language::Rust => vec![(format!("{name}.rs"), rust::module(&source).into_bytes())],
        Language::Onnx => vec![(
            format!("{name}.onnx"),
            bnn_onnxruntime::onnx(&model).map_err(CliError::input)?,
        )],
        Language::Bin => vec![(format!("{name}.bin"), bytes.to_vec())],
    };
    let (names, texts): (Vec<_>, Vec<_>) = files.into_iter().unzip();
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let outputs = outputs::claim(&[Input::File(&args.model)], &paths)?;
    let rule = Replacing {
        force: args.force,
        by: "this export of this model",
    };
    rule.write(&outputs, &texts)?;
    outputs
        .iter()
        .try_for_each(|output| line(output.path().display()))
}

/// What the source code of a model contains, in any language.
struct Source<'a> {
    /// Lower case; an identifier in C and in Rust.
    name: &'a str,
    bytes: &'a [u8],
    checksum: u32,
    inputs: usize,
    /// Length of the array that holds a sample.
    input_len: usize,
    input: ArrayElement,
    /// A description of the input for people.
    input_text: String,
    outputs: usize,
    output_len: usize,
    output: ArrayElement,
    output_text: String,
    scratch_words: usize,
}

/// The type of the array that holds a sample.
enum ArrayElement {
    Bits,
    U8,
    I32,
    F32,
}

impl ArrayElement {
    fn c(&self) -> &'static str {
        match self {
            Self::Bits => "uint64_t",
            Self::U8 => "uint8_t",
            Self::I32 => "int32_t",
            Self::F32 => "float",
        }
    }

    fn rust(&self) -> &'static str {
        match self {
            Self::Bits => "u64",
            Self::U8 => "u8",
            Self::I32 => "i32",
            Self::F32 => "f32",
        }
    }
}

impl<'a> Source<'a> {
    fn new(name: &'a str, model: &Model<'_>, bytes: &'a [u8]) -> Result<Self, CliError> {
        check_name(name)?;
        let unknown = |what: String| {
            CliError::Input(format!("{what}: a type that this version does not export"))
        };
        let ((inputs, input), (outputs, output)) = (model.input(), model.output());
        Ok(Self {
            name,
            bytes,
            checksum: model.checksum(),
            inputs,
            input_len: model.sizes().input_len,
            input_text: format!("{} x {input}", shape(model.input_shape())),
            input: match input {
                InputType::Bits => ArrayElement::Bits,
                InputType::Unsigned { .. } | InputType::Thresholds => ArrayElement::U8,
                other => return Err(unknown(other.to_string())),
            },
            outputs,
            output_len: model.sizes().output_len,
            output_text: format!("{} x {output}", shape(model.output_shape())),
            output: match output {
                OutputType::Bits => ArrayElement::Bits,
                OutputType::I32 => ArrayElement::I32,
                OutputType::F32 => ArrayElement::F32,
                other => return Err(unknown(other.to_string())),
            },
            scratch_words: model.scratch_words(1).map_err(CliError::failed)?,
        })
    }
}

/// The file's name without `.bnn`, as an identifier.
fn name_of(path: &Path) -> String {
    let name = without_bnn(path);
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    let letters = name.chars().map(|letter| match letter {
        'a'..='z' | '0'..='9' => letter,
        'A'..='Z' => letter.to_ascii_lowercase(),
        _ => '_',
    });
    let name: String = letters.collect();
    match name.chars().next() {
        Some('0'..='9') | None => format!("model_{name}"),
        Some(_) => name,
    }
}

fn check_name(name: &str) -> Result<(), CliError> {
    let letter = |c: char| c.is_ascii_lowercase() || c == '_';
    let fits = name.starts_with(letter)
        && name.chars().all(|c| letter(c) || c.is_ascii_digit())
        && name.chars().any(|c| c.is_ascii_alphanumeric());
    match fits {
        true => Ok(()),
        false => Err(CliError::Input(format!(
            "--name {name}: expected lower-case letters, digits and _, not beginning with a digit"
        ))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers() {
        for (path, name) in [
            ("digits.bnn", "digits"),
            ("a/My Model-2.bnn", "my_model_2"),
            ("8x8.bnn", "model_8x8"),
            ("ä.bnn", "_"),
            ("net.a", "net_a"),
            ("net.b", "net_b"),
        ] {
            assert_eq!(name_of(Path::new(path)), name);
        }
        for name in ["", "_", "2x", "A", "a-b", "a b", "a\"b", "ä"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("_a1").is_ok());
    }
}
