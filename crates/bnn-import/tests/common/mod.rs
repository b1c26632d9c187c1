//! What the tests of several formats share.
#![allow(dead_code, reason = "each test takes a part")]

use bnn_core::model::{AlignedBytes, Input, Model, Output, OutputType, PackedModel};

/// Scores of the model on the kept inputs.
pub(crate) fn scores(file: &[u8], bytes: &[u8]) -> Vec<f32> {
    let file = AlignedBytes::from(file);
    let model = Model::open(&file).unwrap();
    let samples = bytes.len() / model.input().0;
    let packed = PackedModel::new(model).unwrap();
    let mut scores = vec![0.0; samples * model.output().0];
    if model.output().1 == OutputType::I32 {
        let mut sums = vec![0; scores.len()];
        let output = Output::I32(&mut sums);
        packed.run(samples, Input::Bytes(bytes), output).unwrap();
        return sums.iter().map(|&sum| sum as f32).collect();
    }
    let output = Output::F32(&mut scores);
    packed.run(samples, Input::Bytes(bytes), output).unwrap();
    scores
}

/// Checks scores against those in a file, numbers of 32 bits, up to rounding.
pub(crate) fn assert_scores(name: &str, found: &[f32], expected: &[u8]) {
    let expected = expected.as_chunks().0.iter();
    let expected: Vec<f32> = expected.map(|&bytes| f32::from_le_bytes(bytes)).collect();
    assert_eq!(found.len(), expected.len(), "{name}");
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let most = expected.abs().max(1.0);
        assert!(
            (found - expected).abs() < 1e-4 * most,
            "{name}, score {i}: {found}, expected {expected}"
        );
    }
}
