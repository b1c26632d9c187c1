//! Files of Larq Compute Engine (`models/make_lce.py`), beside what numpy made of them.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use bnn_core::model::{AlignedBytes, Model};
use bnn_import::{Comparison, ImportError, Imported, Options, import, tflite};

use common::{assert_scores, scores};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(name)
}

/// Imports a network and compares its scores with those of the definition; what it was made.
fn agrees(name: &str) -> Imported {
    let imported = import(&path(&format!("{name}.tflite")), &Options::default()).unwrap();
    assert_eq!(imported.format, "TensorFlow Lite");
    let Comparison::Samples { samples, equal } = imported.comparison else {
        panic!("compared with floats");
    };
    assert_eq!((samples, equal), (64, 64));
    let read = |ending: &str| fs::read(path(&format!("{name}.{ending}"))).unwrap();
    let found = scores(&imported.file, &read("input"));
    assert_scores(name, &found, &read("scores"));
    imported
}

#[test]
fn signs_from_end_to_end_become_a_chain() {
    let imported = agrees("lce_chain");
    assert_eq!(imported.notes, Vec::<String>::new());
    let file = AlignedBytes::from(imported.file.as_slice());
    assert_eq!(Model::open(&file).unwrap().layers().len(), 4);
}

#[test]
fn residual_networks_become_graphs() {
    for name in ["lce_quicknet", "lce_flattened"] {
        let notes = agrees(name).notes;
        assert!(
            notes.iter().any(|note| note.starts_with("a graph")),
            "{notes:?}"
        );
    }
}

/// The file with the first `from` replaced.
fn replaced(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut file = fs::read(path(&format!("{name}.tflite"))).unwrap();
    let found = file.windows(from.len()).position(|bytes| bytes == from);
    let at = found.unwrap();
    file[at..at + to.len()].copy_from_slice(to);
    file
}

#[test]
fn what_cannot_be_brought_over_is_named() {
    let refusal = |file: &[u8]| tflite(file, &Options::default()).unwrap_err().to_string();
    let other = replaced("lce_chain", b"LceBMaxPool2d", b"LceBMinPool2d");
    let error = refusal(&other);
    assert!(
        error.contains("node lcebmaxpool2d_3") && error.contains("type LceBMinPool2d"),
        "{error}"
    );
    // The name of an option.
    let other = replaced("lce_chain", b"pad_values", b"pad_others");
    let error = refusal(&other);
    assert!(error.contains("expected the option pad_values"), "{error}");
    let error = refusal(b"\x10\0\0\0TFL3");
    assert!(error.contains("TensorFlow Lite"), "{error}");
}

#[test]
fn damaged_files_are_errors_or_networks() {
    for name in ["lce_chain", "larq_int8", "larq_operators_int8"] {
        damaged(&fs::read(path(&format!("{name}.tflite"))).unwrap());
    }
}

/// Damages a file 400 times.
fn damaged(file: &[u8]) {
    let mut options = Options::default();
    options.limits.samples = 1;
    options.limits.memory_bytes = 1 << 22;
    options.limits.operations = 1 << 24;
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        (state >> 8) as usize
    };
    for _ in 0..400 {
        let mut damaged = file.to_vec();
        for _ in 0..1 + random() % 4 {
            let at = random() % damaged.len();
            damaged[at] = [0, 1, 0x7f, 0x80, 0xff, random() as u8][random() % 6];
        }
        damaged.truncate(damaged.len() - random() % 2 * (random() % damaged.len()));
        match tflite(&damaged, &options) {
            Ok(imported) => {
                Model::open(&AlignedBytes::from(imported.file.as_slice())).unwrap();
            }
            Err(ImportError::Read { name, .. }) => panic!("nothing else is read: {name}"),
            Err(_) => {}
        }
    }
}
