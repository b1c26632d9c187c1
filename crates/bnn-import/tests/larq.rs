//! Networks that Larq has trained on digits and the converter of Larq Compute Engine has converted
//! (`models/make_larq.py`), beside what its interpreter made of all test samples.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use bnn_import::{Comparison, Imported, Inputs, Options, import, tflite};

use common::{assert_scores, scores};

const SAMPLES: usize = 360;
const CLASSES: usize = 10;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(name)
}

fn imported(name: &str) -> Imported {
    let options = Options {
        inputs: Inputs::Bytes {
            scale: 1.0 / 16.0,
            mean: Vec::new(),
            deviation: Vec::new(),
        },
        ..Options::default()
    };
    let imported = import(&path(&format!("{name}.tflite")), &options).unwrap();
    let Comparison::Samples { samples, equal } = imported.comparison else {
        panic!("compared with floats");
    };
    assert_eq!((samples, equal), (64, 64));
    imported
}

fn samples() -> Vec<u8> {
    fs::read(path("larq.input")).unwrap()
}

/// Imports a network, and checks that what it makes of each sample is that of the interpreter: no
/// share further off than `most`, and the same class. Where the interpreter has rounded shares to
/// equal ones, there are several classes.
fn agrees(name: &str, most: f32) -> Imported {
    let imported = imported(name);
    let scores = scores(&imported.file, &samples());
    let expected = fs::read(path(&format!("{name}.shares"))).unwrap();
    let expected: Vec<f32> = expected
        .as_chunks()
        .0
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes))
        .collect();
    let len = SAMPLES * CLASSES;
    assert_eq!((scores.len(), expected.len()), (len, len));
    let pairs = scores.chunks(CLASSES).zip(expected.chunks(CLASSES));
    for (sample, (scores, expected)) in pairs.enumerate() {
        let powers: Vec<f32> = scores.iter().map(|score| score.exp()).collect();
        let sum: f32 = powers.iter().sum();
        let largest = expected.iter().fold(0.0_f32, |a, &b| a.max(b));
        let class = (0..CLASSES).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        assert_eq!(expected[class.unwrap()], largest, "{name}, sample {sample}");
        for (class, (power, expected)) in powers.iter().zip(expected).enumerate() {
            let found = power / sum;
            assert!(
                (found - expected).abs() < most,
                "{name}, sample {sample}, class {class}: {found}, expected {expected}"
            );
        }
    }
    imported
}

#[test]
fn a_trained_chain_of_signs_has_the_scores_of_the_interpreter() {
    assert_eq!(agrees("larq_chain", 1e-4).notes, Vec::<String>::new());
}

#[test]
fn a_trained_residual_network_has_the_scores_of_the_interpreter() {
    let notes = agrees("larq_quicknet", 1e-4).notes;
    assert!(notes[0].starts_with("a graph"), "{notes:?}");
}

/// Its shares are multiples of 1/256.
#[test]
fn a_trained_network_of_8_bit_numbers_has_the_scores_of_the_interpreter() {
    agrees("larq_int8", 0.75 / 256.0);
}

#[test]
fn all_operators_have_the_scores_of_the_interpreter_in_floats_and_in_8_bits() {
    for name in ["larq_operators", "larq_operators_int8"] {
        let expected = fs::read(path(&format!("{name}.scores"))).unwrap();
        let found = scores(&imported(name).file, &samples());
        assert_scores(name, &found, &expected);
    }
}

/// The file with the bytes `from`, wherever they are, replaced by `to`.
fn replaced(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut file = fs::read(path(&format!("{name}.tflite"))).unwrap();
    let places = (0..file.len() - from.len()).filter(|&at| file[at..].starts_with(from));
    let places: Vec<usize> = places.collect();
    assert!(!places.is_empty());
    for at in places {
        file[at..at + to.len()].copy_from_slice(to);
    }
    file
}

#[test]
fn numbers_of_8_bits_without_a_scale_are_refused_by_the_name_of_the_operator() {
    let refusal = |from: f32, to: f32| {
        let file = replaced("larq_int8", &from.to_le_bytes(), &to.to_le_bytes());
        tflite(&file, &Options::default()).unwrap_err().to_string()
    };
    // The scale of all tensors from the first convolution on.
    let scale = 8.0 / 255.0;
    for to in [0.0, -scale, f32::NAN, f32::INFINITY] {
        let error = refusal(scale, to);
        assert!(
            error.contains("of the type CONV_2D") && error.contains("expected scales"),
            "{error}"
        );
    }
}
