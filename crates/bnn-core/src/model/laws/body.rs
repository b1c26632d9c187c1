//! A model without its last layer gives what the last layer multiplies.

use alloc::vec;
use alloc::vec::Vec;

use super::net::{Kind, Limits, SpatialNet};
use super::outputs;
use crate::bits::BitMatrix;
use crate::model::graph::graph_of;
use crate::model::*;

const LIMITS: Limits = Limits {
    image: [9, 7],
    vertical_padding: true,
    one_row: true,
};

#[test]
fn a_body_computes_all_layers_but_the_last_by_the_definition() -> Result<(), ModelError> {
    let mut bodies = 0;
    for seed in 0..300 {
        let mut net = SpatialNet::draw(seed, LIMITS)?;
        let file = AlignedBytes::from(net.file()?.as_slice());
        let model = Model::open(&file)?;
        let last = net.layers.pop();
        let ends_dense = matches!(last, Some((Kind::Dense(_), _)));
        let Some(body) = model.body() else {
            assert!(!ends_dense || net.layers.is_empty(), "seed {seed}");
            continue;
        };
        assert!(ends_dense, "seed {seed}");
        bodies += 1;
        let x = net.samples(1, seed)?;
        let expected = net.compute(&x)?;
        let mut scratch = vec![u64::MAX; body.sizes().scratch_words];
        let (y, done) = outputs(&body, 1, |y| body.run(1, x.input(), y, &mut scratch));
        done?;
        assert_eq!(y, expected, "seed {seed}, in place");
        let packed = PackedModel::new(body)?;
        let (y, done) = outputs(&body, 1, |y| packed.run(1, x.input(), y));
        done?;
        assert_eq!(y, expected, "seed {seed}, packed");
    }
    assert!(bodies > 50, "{bodies}");
    Ok(())
}

#[test]
fn one_layer_and_graphs_have_no_body() -> Result<(), ModelError> {
    let ones = BitMatrix::pack(&[1_i8; 6], 2, 3)?;
    let mut writer = ModelWriter::new(InputType::Bits);
    writer.dense(ones.view(), Epilogue::Sums)?;
    let file = AlignedBytes::from(writer.finish()?.as_slice());
    assert!(Model::open(&file)?.body().is_none());

    let mut writer = ModelWriter::new(InputType::Bits);
    let thresholds: Vec<i32> = vec![0; 2];
    writer.dense(
        ones.view(),
        Epilogue::Threshold(thresholds.as_slice().into()),
    )?;
    let last = BitMatrix::pack(&[1_i8; 4], 2, 2)?;
    writer.dense(last.view(), Epilogue::Sums)?;
    let file = AlignedBytes::from(writer.finish()?.as_slice());
    let chain = Model::open(&file)?;
    assert!(chain.body().is_some());
    let graph = AlignedBytes::from(graph_of(&chain)?.write()?.as_slice());
    assert!(Model::open(&graph)?.body().is_none());
    Ok(())
}
