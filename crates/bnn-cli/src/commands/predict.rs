//! `bnn predict`: the class of an image, or of every row of a CSV file.

use std::fs::File;
use std::path::Path;

use bnn_autograd::data;
use bnn_core::model::Model;
use image::imageops::FilterType;
use serde_json::json;

use super::eval::is_csv;
use crate::args::PredictArgs;
use crate::error::CliError;
use crate::model_file;
use crate::out::line;

pub(crate) fn run(args: &PredictArgs) -> Result<(), CliError> {
    let bytes = model_file::read(&args.model)?;
    let model = model_file::open(&bytes, &args.model)?;
    let (features, _) = model.input();
    let max = model_file::max_input(&model)?;
    let about = |error: CliError| error.about(args.input.display());
    let pixels = if is_csv(&args.input) {
        let file = File::open(&args.input).map_err(|e| about(CliError::input(e)))?;
        let table = data::csv::read(file, features, max);
        table.map_err(|e| about(CliError::input(e)))?.pixels
    } else {
        image_pixels(&args.input, &model, max, args.invert).map_err(about)?
    };
    let scores = model_file::run(&model, &pixels)?;
    let per_sample = scores.scores.len() / scores.classes.len();
    for (class, scores) in scores.classes.iter().zip(scores.scores.chunks(per_sample)) {
        if args.json {
            line(json!({"class": class, "scores": scores}))?;
        } else {
            line(class)?;
        }
    }
    Ok(())
}

/// The image as the model wants it: grey, of the size it was trained on, from 0 to `max`.
fn image_pixels(
    path: &Path,
    model: &Model<'_>,
    max: u8,
    invert: bool,
) -> Result<Vec<u8>, CliError> {
    let (width, height) = image_size(model)?;
    let image = image::open(path).map_err(CliError::input)?;
    let mut image = image.to_luma8();
    if (image.width(), image.height()) != (width, height) {
        image = image::imageops::resize(&image, width, height, FilterType::Triangle);
    }
    let scale = |grey: u8| {
        let grey = if invert { u8::MAX - grey } else { grey };
        // Rounded to the nearest; at most `max`.
        ((u32::from(grey) * u32::from(max) + 127) / 255) as u8
    };
    Ok(image.into_raw().into_iter().map(scale).collect())
}

/// Width and height of the images that the model was trained on.
fn image_size(model: &Model<'_>) -> Result<(u32, u32), CliError> {
    let noted = |key| model_file::meta(model, key).and_then(|n| n.parse::<u32>().ok());
    let (features, _) = model.input();
    match (noted("width"), noted("height")) {
        (Some(width), Some(height)) if u64::from(width) * u64::from(height) == features as u64 => {
            Ok((width, height))
        }
        _ => Err(CliError::Input(format!(
            "the model does not say what images its {features} inputs are; give a .csv file of rows"
        ))),
    }
}
