//! Data for a command, and what samples a model was trained on.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use bnn_autograd::data::folder::FolderConfig;
use bnn_autograd::data::picture::Colour;
use bnn_autograd::data::{self, Columns, DataError, Dataset, LoadConfig, Loaded, Scale};
use bnn_autograd::data::{LabelColumn, Ranges, Values};
use bnn_autograd::internal::data::{Content, spread, unpacked};
use bnn_autograd::internal::data::{Table, read_table};
use bnn_core::model::Model;

use crate::error::CliError;
use crate::model_file::{self, meta};
use crate::out::note;
use crate::text::{escape_meta, unescape_meta};

/// Loads what `--data` names, as `config` says.
pub(crate) fn load(data: &str, config: &LoadConfig) -> Result<Loaded, CliError> {
    data::load(data, config).map_err(|error| with_hint(error, config))
}

/// Prints what a person should know of data that was taken.
pub(crate) fn print_notes(loaded: &Loaded) {
    for line in &loaded.notes {
        note(line);
    }
}

/// The error, with the option that would help.
fn with_hint(error: DataError, config: &LoadConfig) -> CliError {
    let hint = match &error {
        DataError::ImageDimensions { .. } => ", as in --image-size 32x32",
        DataError::InFile { source, .. } => match &**source {
            DataError::CsvValue { .. } if config.scale == Scale::None => {
                "; --scale makes bytes of real numbers"
            }
            DataError::CsvLabel { .. } | DataError::CsvClasses { .. } => "; --label names it",
            _ => "",
        },
        _ => "",
    };
    match hint {
        "" => CliError::input(error),
        hint => CliError::Input(format!("{error}{hint}")),
    }
}

/// Samples for a model, in the range of its inputs.
#[derive(Debug)]
pub(crate) struct Samples {
    /// `[samples, inputs]`.
    pub(crate) pixels: Vec<u8>,
    /// Classes of the model, `[samples]`, if the data says them.
    pub(crate) labels: Option<Vec<u16>>,
}

impl Samples {
    /// `count` samples, spread over the classes if there are labels and over the set if not.
    pub(crate) fn spread(&self, inputs: usize, count: usize) -> Vec<u8> {
        let unlabelled;
        let labels = match &self.labels {
            Some(labels) => labels,
            None => {
                unlabelled = vec![0; self.pixels.len() / inputs];
                &unlabelled
            }
        };
        let sample = |index: usize| &self.pixels[index * inputs..][..inputs];
        let indices = spread(labels, count).into_iter();
        indices.flat_map(sample).copied().collect()
    }
}

/// The samples of `--data` to judge a model by: all rows of a table, the test part of anything
/// else.
pub(crate) fn samples(model: &Model<'_>, data: &str) -> Result<Samples, CliError> {
    let path = Path::new(data);
    if path.is_file() && content(path)? == Content::Text {
        let file = File::open(path).map_err(|e| CliError::input(e).about(path.display()))?;
        let table = table(model, file).map_err(|error| error.about(path.display()))?;
        let names = class_names(model)?;
        let labels = table.labels.map(|labels| labels.classes(&names));
        let labels = labels
            .transpose()
            .map_err(|e| CliError::input(e).about(path.display()))?;
        let pixels = table.pixels;
        return Ok(Samples { pixels, labels });
    }
    test_part(model, data)
}

/// The test part of a data set that a model could have been trained on.
pub(crate) fn test_part(model: &Model<'_>, data: &str) -> Result<Samples, CliError> {
    let columns = columns_of(model)?;
    let config = LoadConfig {
        images: of_model(model).unwrap_or_default(),
        label: columns.label.unwrap_or_default(),
        scale: match columns.values {
            Values::Real(ranges) => Scale::By(ranges),
            Values::Whole { .. } => Scale::None,
        },
    };
    let loaded = load(data, &config)?;
    let test = &loaded.split.test;
    let inputs = model.input().0;
    if test.features() != inputs {
        let wrong = format!(
            "{data} has {} values per sample, the model takes {inputs}",
            test.features()
        );
        return Err(CliError::Input(wrong));
    }
    let named = |(class, name): (usize, &String)| *name != class.to_string();
    if loaded.is_folder_of_images || test.class_names().iter().enumerate().any(named) {
        check_classes(model, test)?;
    }
    let classes = model.output().0;
    if let Some(label) = test
        .labels()
        .iter()
        .find(|&&label| usize::from(label) >= classes)
    {
        return Err(CliError::Input(format!(
            "{data} has the label {label}, the model has {classes} classes"
        )));
    }
    let white = model_file::max_input(model)?;
    print_notes(&loaded);
    let pixels = test.pixels().iter();
    Ok(Samples {
        pixels: pixels
            .map(|&value| rescaled(value, test.layout().white, white))
            .collect(),
        labels: Some(test.labels().to_vec()),
    })
}

/// Reads a table of rows for the model, with its label where the model's own data had it.
pub(crate) fn table(model: &Model<'_>, stream: impl Read) -> Result<Table, CliError> {
    let columns = columns_of(model)?;
    let stream = unpacked(stream).map_err(CliError::input)?;
    let label = columns.label.unwrap_or_default();
    read_table(stream, model.input().0, &label, &columns.values).map_err(CliError::input)
}

/// What a file is, told by its first bytes.
fn content(path: &Path) -> Result<Content, CliError> {
    let about = |error| CliError::input(error).about(path.display());
    let file = File::open(path).map_err(about)?;
    let (content, _) = sniff(file).map_err(about)?;
    Ok(content)
}

/// What a stream is, and all of it, decompressed if it is gzip.
pub(crate) fn sniff<'a>(stream: impl Read + 'a) -> std::io::Result<(Content, impl Read + 'a)> {
    let mut stream = unpacked(stream)?;
    let mut start = Vec::new();
    stream.by_ref().take(16).read_to_end(&mut start)?;
    let content = Content::of(&start);
    Ok((content, std::io::Cursor::new(start).chain(stream)))
}

/// A value of a range from 0 to `from` in one from 0 to `to`, rounded to the nearest.
pub(crate) fn rescaled(value: u8, from: u8, to: u8) -> u8 {
    let (value, from, to) = (u32::from(value), u32::from(from).max(1), u32::from(to));
    ((value * to + from / 2) / from).min(255) as u8
}

/// The images that the model was trained on, if it notes them and its inputs are these.
pub(crate) fn of_model(model: &Model<'_>) -> Option<FolderConfig> {
    let noted = |key| meta(model, key).and_then(|n| n.parse::<usize>().ok());
    let size = (noted("width")?, noted("height")?);
    let colour = match noted("channels") {
        None => Colour::Grey,
        Some(3) => Colour::Rgb,
        Some(_) => return None,
    };
    let features = size.0.checked_mul(size.1)?.checked_mul(colour as usize)?;
    (features == model.input().0).then(|| FolderConfig {
        size: Some(size),
        colour: Some(colour),
        ..FolderConfig::default()
    })
}

/// The lines that note what the samples were: width, height and channels of images, or how rows of
/// numbers were read.
pub(crate) fn sample_lines(loaded: &Loaded) -> String {
    let layout = loaded.split.train.layout();
    let white = format!("max={}\n", layout.white);
    match &loaded.columns {
        None => {
            let size = format!("width={}\nheight={}\n{white}", layout.width, layout.height);
            match layout.channels {
                1 => size,
                channels => format!("{size}channels={channels}\n"),
            }
        }
        Some(columns) => white + &column_lines(columns),
    }
}

/// `label=INDEX` or `label=INDEX NAME`, and `scale=` with a range for each column.
fn column_lines(columns: &Columns) -> String {
    let label = match &columns.label {
        Some(LabelColumn::Noted { index, name }) => {
            let name = name
                .as_deref()
                .map(|name| format!(" {}", escape_meta(name)));
            format!("label={index}{}\n", name.unwrap_or_default())
        }
        _ => String::new(),
    };
    match &columns.values {
        Values::Real(ranges) => format!("{label}scale={ranges}\n"),
        Values::Whole { .. } => label,
    }
}

/// How rows of numbers must be for the model; for a model that notes nothing of rows, whole numbers
/// in the range of its inputs.
fn columns_of(model: &Model<'_>) -> Result<Columns, CliError> {
    let label = meta(model, "label").and_then(|noted| {
        let (index, name) = match noted.split_once(' ') {
            Some((index, name)) => (index, Some(name.to_owned())),
            None => (&*noted, None),
        };
        let index = index.parse().ok()?;
        Some(LabelColumn::Noted { index, name })
    });
    let values = match meta(model, "scale") {
        None => Values::Whole {
            max: model_file::max_input(model)?,
        },
        Some(noted) => {
            let ranges: Result<Ranges, _> = noted.parse();
            let wrong = |error| CliError::input(error).about("the model's meta text, scale");
            Values::Real(ranges.map_err(wrong)?)
        }
    };
    Ok(Columns { label, values })
}

/// Classes that have names; a small file can claim any number of outputs.
const MOST_CLASSES: usize = 1 << 20;

/// What the model calls its classes, `[classes]`: the names noted for them, or their numbers.
///
/// # Errors
/// [`CliError::Input`] for a model of more outputs than a classifier has.
pub(crate) fn class_names(model: &Model<'_>) -> Result<Vec<String>, CliError> {
    let classes = model.output().0;
    if classes > MOST_CLASSES {
        return Err(CliError::Input(format!(
            "the model has {classes} outputs, expected at most {MOST_CLASSES} classes"
        )));
    }
    let noted = model.meta().lines().filter_map(|line| {
        let (class, name) = line.strip_prefix("class.")?.split_once('=')?;
        Some((class.parse().ok()?, unescape_meta(name)))
    });
    let mut names: HashMap<usize, Cow<'_, str>> = HashMap::new();
    for (class, name) in noted {
        names.entry(class).or_insert(name);
    }
    let name = |class| {
        names
            .remove(&class)
            .map_or_else(|| class.to_string(), Cow::into_owned)
    };
    Ok((0..classes).map(name).collect())
}

/// The lines that note the names of classes, without those that are called by their number.
pub(crate) fn class_lines(names: &[String]) -> String {
    let named = names.iter().enumerate();
    named
        .filter(|(class, name)| **name != class.to_string())
        .map(|(class, name)| format!("class.{class}={}\n", escape_meta(name)))
        .collect()
}

/// Whether the classes of the data are those that the model was trained on, in the same order.
fn check_classes(model: &Model<'_>, data: &Dataset) -> Result<(), CliError> {
    let names = class_names(model)?;
    for (class, found) in data.class_names().iter().enumerate() {
        match names.get(class) {
            Some(expected) if found == expected => {}
            Some(expected) => {
                return Err(CliError::Input(format!(
                    "class {class} is {found} in the data, {expected} in the model"
                )));
            }
            None => {
                return Err(CliError::Input(format!(
                    "the data has {} classes, the model {}",
                    data.layout().classes,
                    names.len()
                )));
            }
        }
    }
    Ok(())
}

/// Reads `32x24`, width and height.
pub(crate) fn parse_size(text: &str) -> Result<(usize, usize), String> {
    let side = |text: &str| text.parse().ok().filter(|&side: &usize| side >= 1);
    let sides = text.split_once('x');
    sides
        .and_then(|(width, height)| side(width).zip(side(height)))
        .ok_or_else(|| "expected width and height, as in 32x32".to_owned())
}

#[cfg(test)]
mod tests {
    use super::rescaled;

    #[test]
    fn ranges_map_to_each_other_at_both_ends_and_to_themselves() {
        for (from, to) in [
            (255, 16),
            (16, 255),
            (255, 255),
            (16, 16),
            (1, 255),
            (255, 1),
        ] {
            assert_eq!(rescaled(0, from, to), 0);
            assert_eq!(rescaled(from, from, to), to);
        }
        assert!((0..=255).all(|value| rescaled(value, 255, 255) == value));
        // Half of 255 lies between 127 and 128, half of 16 is 8.
        assert_eq!((rescaled(128, 255, 16), rescaled(8, 16, 255)), (8, 128));
    }
}
