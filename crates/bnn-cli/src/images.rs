//! Data for a command, and what images a model was trained on.

use std::borrow::Cow;

use bnn_autograd::data::folder::FolderConfig;
use bnn_autograd::data::picture::Colour;
use bnn_autograd::data::{self, DataError, Dataset, Split};
use bnn_core::model::Model;

use crate::error::CliError;
use crate::model_file::meta;
use crate::text::escape_meta;

/// Loads what `--data` names; images of a folder become what `config` says.
pub(crate) fn load(data: &str, config: FolderConfig) -> Result<Split, CliError> {
    data::load_with(data, config).map_err(|error| match error {
        DataError::ImageDimensions { .. } => {
            CliError::Input(format!("{error}, as in --image-size 32x32"))
        }
        error => CliError::input(error),
    })
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
    let features = size.0.checked_mul(size.1)?.checked_mul(colour.channels())?;
    (features == model.input().0).then(|| FolderConfig {
        size: Some(size),
        colour: Some(colour),
        ..FolderConfig::default()
    })
}

/// What the model calls a class: the name noted for it, or its number.
pub(crate) fn class_name(model: &Model<'_>, class: usize) -> String {
    meta(model, &format!("class.{class}")).map_or_else(|| class.to_string(), Cow::into_owned)
}

/// The lines that note the names of classes, without those that are called by their number.
pub(crate) fn class_lines(names: &[String]) -> String {
    let named = names.iter().enumerate();
    named
        .filter(|(class, name)| **name != class.to_string())
        .map(|(class, name)| format!("class.{class}={}\n", escape_meta(name)))
        .collect()
}

/// Whether the sub-folders are the classes that the model was trained on, in the same order.
pub(crate) fn check_classes(model: &Model<'_>, data: &Dataset) -> Result<(), CliError> {
    for (class, name) in data.class_names().iter().enumerate() {
        let (found, expected) = (name, class_name(model, class));
        if *found != expected {
            return Err(CliError::Input(format!(
                "class {class} is {found} in the data, {expected} in the model"
            )));
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
