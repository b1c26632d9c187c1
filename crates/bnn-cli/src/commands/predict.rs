//! `bnn predict`: the class of an image, or of every row of a CSV file.

use std::fs::File;
use std::path::Path;

use bnn_autograd::data::{self, picture};
use bnn_core::model::Model;
use serde_json::json;

use super::eval::is_csv;
use crate::args::PredictArgs;
use crate::error::CliError;
use crate::images;
use crate::model_file;
use crate::out::{json, line};

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
        let name = images::class_name(&model, *class);
        if args.json {
            json(json!({"class": class, "name": name, "scores": scores}))?;
        } else {
            line(name)?;
        }
    }
    Ok(())
}

/// The image as the model wants it: of the size and colours it was trained on, from 0 to `max`.
fn image_pixels(
    path: &Path,
    model: &Model<'_>,
    max: u8,
    invert: bool,
) -> Result<Vec<u8>, CliError> {
    let trained_on = images::of_model(model).ok_or_else(|| {
        let features = model.input().0;
        CliError::Input(format!(
            "the model does not say what images its {features} inputs are; give a .csv file of rows"
        ))
    })?;
    let image = picture::read(path, trained_on.colour, trained_on.size).map_err(CliError::input)?;
    let scale = |value: u8| {
        let value = if invert { u8::MAX - value } else { value };
        // Rounded to the nearest; at most `max`.
        ((u32::from(value) * u32::from(max) + 127) / 255) as u8
    };
    Ok(image.pixels.into_iter().map(scale).collect())
}
