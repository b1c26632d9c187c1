//! Networks that PyTorch exported (`models/make.py`), beside what ONNX Runtime made of them.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use bnn_import::{Comparison, ImportError, Imported, Inputs, Options, SignOfZero, import};

use common::{assert_scores, scores};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

fn imported(name: &str, options: &Options) -> Result<Imported, ImportError> {
    import(&models().join(format!("{name}.onnx")), options)
}

/// Imports a network and compares its scores with those of ONNX Runtime.
fn agrees(name: &str, options: &Options) {
    let imported = imported(name, options).unwrap();
    assert!(
        matches!(
            imported.comparison,
            Comparison::Samples {
                samples: 64,
                equal: 64
            }
        ),
        "{name}: {:?}",
        imported.comparison
    );
    let read = |ending: &str| fs::read(models().join(format!("{name}.{ending}"))).unwrap();
    let found = scores(&imported.file, &read("input"));
    let expected = read("scores");
    assert_scores(name, &found, &expected);
}

#[test]
fn networks_of_both_exporters_give_the_scores_of_onnx_runtime() {
    for name in [
        "mlp_where",
        "mlp_dynamo",
        "mlp_arithmetic",
        "mlp_sign",
        "cnn_where",
        "cnn_dynamo",
        "padded",
        "qonnx",
        // No chains: graphs of real numbers and bits.
        "residual",
        "real_stem",
        "real_stem_ts",
    ] {
        agrees(name, &Options::default());
    }
}

#[test]
fn means_and_deviations_of_the_input_are_folded_into_thresholds() {
    let inputs = |mean: &[f32], deviation: &[f32]| Options {
        inputs: Inputs::Bytes {
            scale: 1.0 / 255.0,
            mean: mean.to_vec(),
            deviation: deviation.to_vec(),
        },
        ..Options::default()
    };
    agrees("cnn_normed", &inputs(&[0.5], &[0.25]));
    agrees("cnn_normed", &inputs(&[0.5; 3], &[0.25; 3]));
    // What no thresholds of sums can say is a graph: channels of different scales, and padding of
    // zeros, which is no byte where the mean is not 0.
    for (name, options, why) in [
        (
            "cnn_normed",
            inputs(&[0.5], &[0.25, 0.5, 0.25]),
            "one factor for all",
        ),
        ("cnn_where", inputs(&[0.5], &[]), "padding"),
    ] {
        let imported = imported(name, &options).unwrap();
        let [note] = imported.notes.as_slice() else {
            panic!("{name}: {:?}", imported.notes);
        };
        assert!(note.contains("a graph") && note.contains(why), "{note}");
    }
    let error = imported("cnn_normed", &inputs(&[0.5; 2], &[])).unwrap_err();
    assert!(error.to_string().contains("expected one or 3"), "{error}");
}

#[test]
fn a_softmax_at_the_end_is_left_out() {
    let imported = imported("unipolar", &Options::default()).unwrap();
    let input = fs::read(models().join("unipolar.input")).unwrap();
    let found = scores(&imported.file, &input);
    let expected = fs::read(models().join("unipolar.scores")).unwrap();
    let expected = expected.as_chunks().0.iter();
    let expected: Vec<f32> = expected.map(|&bytes| f32::from_le_bytes(bytes)).collect();
    for (found, expected) in found.chunks(3).zip(expected.chunks(3)) {
        // The logarithm of a softmax subtracts the same from all scores.
        let sum: f32 = found.iter().map(|x| (x - found[0]).exp()).sum();
        for (found_, expected) in found.iter().zip(expected) {
            let found = found_ - found[0] - sum.ln();
            assert!((found - expected).abs() < 1e-3, "{found}, {expected}");
        }
    }
}

#[test]
fn what_a_model_cannot_hold_is_refused_by_the_name_of_the_node() {
    let refused = |name: &str| match imported(name, &Options::default()).unwrap_err() {
        ImportError::Node { name, op, why } => (name, op, why),
        other => panic!("{name}: {other}"),
    };
    let (name, op, why) = refused("real");
    assert_eq!((op.as_str(), name.as_str()), ("Sigmoid", "node_sigmoid"));
    assert!(why.contains("does not know"), "{why}");
}

#[test]
fn a_network_in_which_signs_of_0_show_is_refused_unless_told() {
    let error = imported("zeros", &Options::default()).unwrap_err();
    let ImportError::Different { hint, .. } = error else {
        panic!("{error}");
    };
    assert!(hint.contains("signs of 0"), "{hint}");
    let options = Options {
        sign_of_zero: SignOfZero::PlusOne,
        ..Options::default()
    };
    let imported = imported("zeros", &options).unwrap();
    assert_eq!(imported.notes.len(), 1, "{:?}", imported.notes);
    assert!(imported.notes[0].contains("12 of 12 outputs"));
}
