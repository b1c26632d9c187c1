//! `bnn predict`: the classes of images and of rows of numbers.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bnn_autograd::data::Images;
use bnn_autograd::internal::data::{self, Content};
use bnn_core::model::Model;
use serde_json::json;

use crate::args::PredictArgs;
use crate::error::CliError;
use crate::images::{self, rescaled, sniff};
use crate::model_file;
use crate::out;

pub(crate) fn run(args: &PredictArgs) -> Result<(), CliError> {
    let bytes = model_file::read(&args.model)?;
    let model = model_file::open(&bytes, &args.model)?;
    model_file::max_input(&model)?; // refuses a model of bits
    let names = images::class_names(&model)?;
    let single = args.inputs.len() == 1 && !args.inputs[0].is_dir();
    for input in &args.inputs {
        if input.is_dir() {
            for file in images_in(input)? {
                predict(&model, &names, &file, single, args)?;
            }
        } else {
            predict(&model, &names, input, single, args)?;
        }
    }
    Ok(())
}

/// Prints the class of each sample of a file; with the file's name in front, unless it is a
/// `single` one.
fn predict(
    model: &Model<'_>,
    names: &[String],
    path: &Path,
    single: bool,
    args: &PredictArgs,
) -> Result<(), CliError> {
    let shown = path.display().to_string();
    let pixels = if path == Path::new("-") {
        pixels(
            model,
            io::stdin().lock(),
            Path::new("standard input"),
            args.invert,
        )
    } else {
        let file = File::open(path).map_err(|error| CliError::input(error).about(&shown))?;
        pixels(model, file, path, args.invert)
    };
    let scores = model_file::run(model, &pixels.map_err(|error| error.about(&shown))?)?;
    let per_sample = scores.scores.len() / scores.classes.len().max(1);
    for (class, scores) in scores
        .classes
        .iter()
        .zip(scores.scores.chunks(per_sample.max(1)))
    {
        let name = &names[*class];
        if args.json {
            out::json(json!({"file": shown, "class": class, "name": name, "scores": scores}))?;
        } else if single {
            out::line(name)?;
        } else {
            out::line(format_args!("{shown}: {name}"))?;
        }
    }
    Ok(())
}

/// The image files of a folder, in the order of their names, told by their contents.
fn images_in(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let about = |error| CliError::input(error).about(folder.display());
    let mut files = Vec::new();
    let mut others = 0;
    for entry in fs::read_dir(folder).map_err(about)? {
        let path = entry.map_err(about)?.path();
        if !path.is_file() {
            continue;
        }
        let file = File::open(&path).map_err(|e| CliError::input(e).about(path.display()))?;
        match sniff(file) {
            Ok((Content::Image, _)) => files.push(path),
            _ => others += 1,
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(CliError::Input(format!(
            "{} has no image files directly in it",
            folder.display()
        )));
    }
    if others > 0 {
        let all = files.len() + others;
        let shown = folder.display();
        out::note(format_args!(
            "{shown}: {others} of {all} files passed over, no images"
        ));
    }
    Ok(files)
}

/// The samples of a stream in the range of the model's inputs, whatever it holds.
fn pixels(
    model: &Model<'_>,
    stream: impl Read,
    path: &Path,
    invert: bool,
) -> Result<Vec<u8>, CliError> {
    let (content, mut stream) = sniff(stream).map_err(CliError::input)?;
    match content {
        Content::Image => image_pixels(model, stream, path, invert),
        Content::Idx => {
            let images = data::idx_images(stream, path).map_err(CliError::input)?;
            array_pixels(model, images, path, invert)
        }
        Content::Npy => {
            let images = data::npy_images(stream, path).map_err(CliError::input)?;
            array_pixels(model, images, path, invert)
        }
        Content::Text if is_named_as_image(path) => image_pixels(model, stream, path, invert),
        Content::Text => {
            let mut start = [0; 16];
            let read = stream.read(&mut start).map_err(CliError::input)?;
            let start = &start[..read];
            let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
            if start.iter().any(control) {
                return Err(unknown(path, start));
            }
            let whole = io::Cursor::new(start.to_vec()).chain(stream);
            let table = images::table(model, whole).map_err(|error| seen_as_table(error, path));
            Ok(table?.pixels)
        }
        Content::Npz => Err(CliError::Input(format!(
            "{} is a ZIP file; expected {TAKEN}",
            path.display()
        ))),
    }
}

/// What the command takes.
const TAKEN: &str = "an image (PNG, JPEG, GIF, WebP, BMP, PNM), a table of numbers, an IDX file or an .npy array, each plain or gzip";

fn unknown(path: &Path, start: &[u8]) -> CliError {
    let bytes: Vec<String> = start
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    CliError::Input(format!(
        "{} starts with the bytes {}; expected {TAKEN}",
        path.display(),
        bytes.join(" ")
    ))
}

/// A file that is called as a table says what is wrong in it; any other is told to have been taken
/// for one.
fn seen_as_table(error: CliError, path: &Path) -> CliError {
    let name = path.to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    if [".csv", ".tsv", ".txt"]
        .iter()
        .any(|ending| name.ends_with(ending))
    {
        return error;
    }
    match error {
        CliError::Input(line) => CliError::Input(format!(
            "{}: taken for a table of numbers, since it is no image, IDX file or .npy array: {line}",
            path.display()
        )),
        error => error,
    }
}

fn is_named_as_image(path: &Path) -> bool {
    const ENDINGS: [&str; 8] = ["png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff"];
    path.extension().is_some_and(|ending| {
        let same = |known: &str| ending.eq_ignore_ascii_case(known);
        ENDINGS.iter().any(|known| same(known))
    })
}

/// The image as the model wants it: of the size and colours that it was trained on, in the range of
/// its inputs.
fn image_pixels(
    model: &Model<'_>,
    stream: impl Read,
    path: &Path,
    invert: bool,
) -> Result<Vec<u8>, CliError> {
    let trained_on = images::of_model(model).ok_or_else(|| {
        let inputs = model.input().0;
        CliError::Input(format!(
            "the model does not say what images its {inputs} inputs are; give a table of rows (CSV)"
        ))
    })?;
    let image = data::image_pixels(stream, path, trained_on.colour, trained_on.size);
    in_range(model, image.map_err(CliError::input)?, invert)
}

fn array_pixels(
    model: &Model<'_>,
    images: Images,
    path: &Path,
    invert: bool,
) -> Result<Vec<u8>, CliError> {
    let inputs = model.input().0;
    let sizes = [images.height, images.width, images.channels];
    let features = sizes.into_iter().fold(1, usize::saturating_mul);
    if images.samples == 0 || features != inputs {
        return Err(CliError::Input(format!(
            "{} has {} images of {features} values, the model takes {inputs}",
            path.display(),
            images.samples
        )));
    }
    in_range(model, images.pixels, invert)
}

/// Bytes from 0 to 255 in the range of the model's inputs.
fn in_range(model: &Model<'_>, bytes: Vec<u8>, invert: bool) -> Result<Vec<u8>, CliError> {
    let white = model_file::max_input(model)?;
    let value = |value: u8| if invert { u8::MAX - value } else { value };
    let bytes = bytes.into_iter();
    Ok(bytes
        .map(|byte| rescaled(value(byte), u8::MAX, white))
        .collect())
}
