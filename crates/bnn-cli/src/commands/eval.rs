//! `bnn eval`: the accuracy of a model on labelled data.

use std::fs::File;
use std::path::Path;

use bnn_autograd::data::{self, folder};
use serde_json::json;

use crate::args::EvalArgs;
use crate::error::CliError;
use crate::images;
use crate::model_file;
use crate::out;
use crate::table::{facts, thousands};

pub(crate) fn run(args: &EvalArgs) -> Result<(), CliError> {
    let bytes = model_file::read(&args.model)?;
    let model = model_file::open(&bytes, &args.model)?;
    let (features, _) = model.input();
    let (classes, _) = model.output();
    let max = model_file::max_input(&model)?;
    let path = Path::new(&args.data);
    let (pixels, labels) = if is_csv(path) {
        let file = File::open(path).map_err(|e| CliError::input(e).about(path.display()))?;
        let table = data::csv::read(file, features, max)
            .map_err(|e| CliError::input(e).about(path.display()))?;
        let labels = table.labels.ok_or_else(|| {
            let wrong = format!(
                "{}: expected {features} inputs and a label per row, found no label",
                path.display()
            );
            CliError::Input(wrong)
        })?;
        (table.pixels, labels)
    } else {
        let trained_on = images::of_model(&model).unwrap_or_default();
        let test = images::load(&args.data, trained_on)?.test;
        if test.features() != features {
            let wrong = format!(
                "{} has {} values per image, the model takes {features}",
                args.data,
                test.features()
            );
            return Err(CliError::Input(wrong));
        }
        if folder::is_one(&args.data) {
            images::check_classes(&model, &test)?;
        }
        (test.pixels().to_vec(), test.labels().to_vec())
    };
    if let Some(label) = labels.iter().find(|&&label| usize::from(label) >= classes) {
        let wrong = format!(
            "label {label} in {}, the model has {classes} classes",
            args.data
        );
        return Err(CliError::Input(wrong));
    }
    let predicted = model_file::run(&model, &pixels)?.classes;
    let right = predicted
        .iter()
        .zip(&labels)
        .filter(|(p, l)| **p == usize::from(**l))
        .count();
    let accuracy = right as f64 / labels.len() as f64;
    if args.json {
        return out::json(json!({"samples": labels.len(), "correct": right, "accuracy": accuracy}));
    }
    let samples = thousands(labels.len());
    out::table(facts(&[
        ("model".to_owned(), args.model.display().to_string()),
        (
            "data".to_owned(),
            format!("{}, {samples} samples", args.data),
        ),
        (
            "accuracy".to_owned(),
            format!("{:.2} % ({right} correct)", 100.0 * accuracy),
        ),
    ]))
}

/// Whether the file's name says that it holds rows of numbers.
pub(super) fn is_csv(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("csv"))
}
