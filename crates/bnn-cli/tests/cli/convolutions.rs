//! Every command with a model of convolutions and pools.

use std::fs;
use std::path::Path;

use bnn_autograd::export::{ExportConfig, export};
use bnn_autograd::internal::data::spread;
use bnn_autograd::models::{Cnn, CnnConfig};
use bnn_autograd::{Rng, data};
use bnn_core::model::InputType;

#[cfg(target_os = "linux")]
use super::c_program;
use super::{json, stdout};

/// Writes `cnn.bnn`, a network for the digits that has not been trained.
fn write_model(folder: &Path) {
    let config = CnnConfig {
        image: [8, 8, 1],
        stages: vec![vec![20], vec![70]],
        hidden: vec![30],
        classes: 10,
    };
    let mut cnn = Cnn::new(config, &mut Rng::new(1)).unwrap();
    let meta = "width=8\nheight=8\nmax=16\n";
    let file = export(
        &mut cnn,
        ExportConfig {
            meta,
            ..InputType::Unsigned { depth: 5 }.into()
        },
    )
    .unwrap();
    fs::write(folder.join("cnn.bnn"), file).unwrap();
}

#[test]
fn a_model_of_convolutions_is_shown_layer_by_layer() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder);
    let told = json(folder, &["info", "cnn.bnn", "--json"]);
    assert_eq!(told["inputs"], 64);
    assert_eq!(told["input_shape"], serde_json::json!([8, 8, 1]));
    assert_eq!(told["output_shape"], serde_json::json!([1, 1, 10]));
    let layers = told["layers"].as_array().unwrap();
    let kinds: Vec<_> = layers
        .iter()
        .map(|layer| layer["kind"].as_str().unwrap())
        .collect();
    // The first linear layer is a convolution of all that is left of the image.
    let expected = [
        "conv2d",
        "max_pool2d",
        "conv2d",
        "max_pool2d",
        "conv2d",
        "dense",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(layers[2]["input_shape"], serde_json::json!([4, 4, 20]));
    assert_eq!(layers[2]["weights"], 70 * 9 * 20);
    let text = stdout(folder, &["info", "cnn.bnn"]);
    assert!(
        text.contains("2 conv2d 3x3") && text.contains("4x4x20 x +-1 bits"),
        "{text}"
    );
}

#[test]
fn predictions_evaluation_and_vectors_are_those_of_one_model() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder);
    let digits = data::digits().unwrap();
    let rows = digits.test.pixels().chunks(64).map(|row| {
        let numbers: Vec<String> = row.iter().map(u8::to_string).collect();
        numbers.join(",") + "\n"
    });
    fs::write(folder.join("rows.csv"), rows.collect::<String>()).unwrap();
    let predicted = stdout(folder, &["predict", "cnn.bnn", "rows.csv"]);
    let classes: Vec<u16> = predicted
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    let right = classes
        .iter()
        .zip(digits.test.labels())
        .filter(|(p, l)| p == l);
    let told = json(folder, &["eval", "cnn.bnn", "--data", "digits", "--json"]);
    assert_eq!(told["samples"], 360);
    assert_eq!(told["correct"], right.count());
    // In place, an image at a time: the same scores.
    stdout(folder, &["test-vectors", "cnn.bnn", "--data", "digits"]);
    let outputs = fs::read(folder.join("cnn.outputs")).unwrap();
    let scores: Vec<f32> = outputs
        .chunks(4)
        .map(|y| f32::from_le_bytes(y.try_into().unwrap()))
        .collect();
    let best = scores.chunks(10).filter_map(bnn_core::model::argmax);
    let chosen = spread(digits.test.labels(), 100).into_iter();
    assert!(best.eq(chosen.map(|index| usize::from(classes[index]))));

    #[cfg(target_os = "linux")]
    if c_program::has("gcc") {
        let source = c_program::repository().join("ffi-tests/predict/predict.c");
        c_program::compile("gcc", "-std=c99", &[source], &folder.join("predict"));
        let mut program = std::process::Command::new(folder.join("predict"));
        let output = program
            .args(["cnn.bnn", "rows.csv"])
            .current_dir(folder)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), predicted);
    }
}
