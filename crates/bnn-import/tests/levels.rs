//! Numbers of many levels between real products, and what is left out at the end alone.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;
mod wire;

use bnn_import::{Comparison, ImportError, Imported, Options, onnx};

use common::scores;

const FEATURES: usize = 4;

/// `y` of a network of nodes that takes `x`; constants of one number each, and weights.
fn imported(nodes: &[Vec<u8>], numbers: &[(&str, f32)]) -> Result<Imported, ImportError> {
    let features = FEATURES as i64;
    let mut constants: Vec<Vec<u8>> = numbers
        .iter()
        .map(|&(name, number)| wire::float_tensor(name, &[], &[number]))
        .collect();
    constants.push(wire::float_tensor("w", &[features, features], &WEIGHTS));
    let file = wire::model(nodes, &constants, features);
    onnx(
        &file,
        &mut |_| unreachable!("one file"),
        &Options::default(),
    )
}

/// Sums of levels with them are exact.
const WEIGHTS: [f32; 16] = [
    0.5, -0.25, 1.0, 2.0, -1.5, 0.75, 0.25, -2.0, 1.0, 0.125, -0.5, 0.5, 3.0, -1.0, 0.25, 1.25,
];

#[test]
fn quantizers_of_many_levels_round_as_their_definition() {
    let nodes = [
        wire::node("Mul", &["x", "factor"], "a", None),
        wire::node("Quant", &["a", "scale", "zero", "bits"], "b", None),
        wire::node("MatMul", &["b", "w"], "y", None),
    ];
    for (scale, zero, bits) in [
        (0.25, 0.0, 4.0),
        (0.5, 3.0, 4.0),
        (0.0625, -7.0, 8.0),
        (1.0, 0.0, 2.0),
    ] {
        let numbers = [
            ("factor", -7.913),
            ("scale", scale),
            ("zero", zero),
            ("bits", bits),
        ];
        let imported = imported(&nodes, &numbers).unwrap();
        assert_eq!(
            imported.comparison,
            Comparison::Samples {
                samples: 64,
                equal: 64
            }
        );
        // All bytes, in each place.
        let bytes: Vec<u8> = (0..=255)
            .flat_map(|byte: u8| [0, 64, 128, 192].map(|x| byte ^ x))
            .collect();
        let half = 2_f32.powf(bits - 1.0);
        let levels = bytes.iter().map(|&byte| {
            let level = f32::from(byte) * (1.0 / 255.0) * -7.913 / scale + zero;
            (level.clamp(-half, half - 1.0).round_ties_even() - zero) * scale
        });
        let levels: Vec<f32> = levels.collect();
        let expected = levels.chunks(FEATURES).flat_map(|sample| {
            let column = |j: usize| {
                (0..FEATURES)
                    .map(|i| sample[i] * WEIGHTS[i * FEATURES + j])
                    .sum()
            };
            [0, 1, 2, 3].map(column)
        });
        let expected: Vec<f32> = expected.collect();
        assert_eq!(
            scores(&imported.file, &bytes),
            expected,
            "{scale}, {zero}, {bits}"
        );
    }
}

#[test]
fn quantizers_that_a_graph_cannot_round_are_refused() {
    let nodes = [
        wire::node("Quant", &["x", "scale", "zero", "bits"], "b", None),
        wire::node("MatMul", &["b", "w"], "y", None),
    ];
    for (zero, bits) in [(0.5, 4.0), (0.0, 24.0)] {
        let numbers = [("scale", 0.25), ("zero", zero), ("bits", bits)];
        let error = imported(&nodes, &numbers).unwrap_err().to_string();
        assert!(
            error.contains("of the type Quant") && error.contains("levels"),
            "{error}"
        );
    }
}

#[test]
fn quantizers_that_do_not_round_to_the_nearest_are_refused() {
    let numbers = [("scale", 0.25), ("zero", 0.0), ("bits", 4.0)];
    for mode in ["ROUND", "FLOOR", "CEIL", "TRUNC"] {
        let quantizer = wire::node("Quant", &["x", "scale", "zero", "bits"], "b", None);
        let nodes = [
            [quantizer, wire::text_attribute("rounding_mode", mode)].concat(),
            wire::node("MatMul", &["b", "w"], "y", None),
        ];
        match (mode, imported(&nodes, &numbers)) {
            ("ROUND", imported) => assert!(imported.is_ok(), "{imported:?}"),
            (_, Err(error)) => {
                let error = error.to_string();
                let expected = "more than two levels that are not rounded to the nearest";
                assert!(error.contains(expected), "{mode}: {error}");
            }
            (_, Ok(_)) => panic!("{mode} is imported"),
        }
    }
}

#[test]
fn a_softmax_within_a_network_is_refused() {
    let nodes = [
        wire::node("MatMul", &["x", "w"], "a", None),
        wire::node("Softmax", &["a"], "b", None),
        wire::node("Relu", &["b"], "y", None),
    ];
    let error = imported(&nodes, &[]).unwrap_err().to_string();
    assert!(
        error.contains("of the type Softmax") && error.contains("at the end"),
        "{error}"
    );
}

/// A refusal is that of the node that neither a chain nor a graph takes.
#[test]
fn the_node_that_no_model_file_takes_is_named() {
    let nodes = [
        wire::node("MatMul", &["x", "w"], "a", None),
        wire::node("Sqrt", &["a"], "y", None),
    ];
    let error = imported(&nodes, &[]).unwrap_err().to_string();
    assert!(error.contains("of the type Sqrt"), "{error}");
}
