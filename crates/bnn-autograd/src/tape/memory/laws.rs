//! The bytes that a tape reports are those that it keeps.

use crate::ops::BinaryWeights;
use crate::tape::Tape;
use crate::tensor::Tensor;
use crate::{Error, ops};
use bnn_core::row_words;
use proptest::prelude::*;
use std::sync::Arc;

#[test]
fn the_tape_does_not_keep_activations_alive() -> Result<(), Error> {
    let tape = Tape::<f32>::new();
    let x = tape.constant(Tensor::full(0.5, &[4, 70])?);
    let w = tape.leaf(Tensor::full(0.5, &[70, 70])?);
    let hidden = ops::binary_linear(&x, &w)?;
    let scores = ops::binary_linear(&hidden, &w)?;
    let (watch_hidden, watch_scores) = (hidden.value().watch(), scores.value().watch());
    drop(hidden);
    assert!(watch_hidden.upgrade().is_none());
    assert!(watch_scores.upgrade().is_some());
    let gradients = scores.vjp(Tensor::full(1.0, &[4, 70])?)?;
    assert!(gradients.get(&w).is_some());
    drop(scores);
    assert!(watch_scores.upgrade().is_none());
    Ok(())
}

proptest! {
    #[test]
    fn a_binary_layer_keeps_two_bits_per_activation_and_one_per_weight(
        m in 1_usize..6, n in 1_usize..6, k in 1_usize..300, needs_x: bool,
    ) {
        let tape = Tape::<f32>::new();
        let var = |needed, x| if needed { tape.leaf(x) } else { tape.constant(x) };
        let x = var(needs_x, Tensor::full(0.5, &[m, k]).unwrap());
        let w = tape.leaf(Tensor::full(0.5, &[n, k]).unwrap());
        ops::binary_linear(&x, &w).unwrap();
        let row = 8 * row_words(k);
        let mask = if needs_x { m * row } else { 0 };
        prop_assert_eq!(tape.memory().total, (m + n) * row + mask);
    }
}

#[test]
fn packed_weights_are_the_callers_and_cost_nothing() -> Result<(), Error> {
    let tape = Tape::<f32>::new();
    let x = tape.leaf(Tensor::full(0.5, &[4, 128])?);
    let w = BinaryWeights::try_from(&Tensor::<f32>::full(0.5, &[100, 128])?)?;
    ops::binary_linear_packed(&x, &Arc::new(w))?;
    assert_eq!(tape.memory().total, 2 * 4 * 128 / 8);
    assert_eq!(tape.memory().besides_tensors, 2 * 4 * 128 / 8);
    Ok(())
}

#[test]
fn batch_norm_after_a_binary_layer_keeps_no_activation_or_two_bytes_each() -> Result<(), Error> {
    let (m, n) = (8, 96);
    for (recompute, input) in [(true, 0), (false, 2 * m * n)] {
        let tape = Tape::<f32>::new();
        tape.set_recompute(recompute);
        let x = tape.constant(Tensor::full(0.5, &[m, 65])?);
        let w = tape.leaf(Tensor::full(0.5, &[n, 65])?);
        let gamma = tape.leaf(Tensor::full(1.0, &[n])?);
        let beta = tape.leaf(Tensor::full(0.0, &[n])?);
        let sums = ops::binary_linear(&x, &w)?;
        ops::batch_norm(&sums, &gamma, &beta, 1e-5)?;
        let nodes = tape.memory().nodes;
        assert_eq!(
            (nodes[1].name, nodes[1].bytes),
            ("batch_norm", input + 3 * 4 * n)
        );
    }
    Ok(())
}

#[test]
fn shared_elements_are_recognised_and_counted_once() -> Result<(), Error> {
    let tape = Tape::<f32>::new();
    let x = tape.constant(Tensor::full(3.0, &[4, 10])?);
    let w = tape.leaf(Tensor::full(0.5, &[5, 10])?);
    ops::sign_weight_linear(&x, &w)?;
    ops::sign_weight_linear(&x, &w)?;
    let memory = tape.memory();
    assert_eq!(memory.total, 4 * 40);
    assert_eq!(memory.besides_tensors, 0);
    for node in memory.nodes {
        assert_eq!((node.bytes, node.shared), (4 * 40, 4 * 40));
    }
    Ok(())
}
