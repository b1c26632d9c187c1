//! A summary lists what a model consists of and computes, and leaves the model unchanged.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::context::Context;
use crate::function::Function;
use crate::models::{Mlp, MlpConfig};
use crate::nn::{BatchNorm, BinaryLinear, HardTanh, Linear, Param, Sequential, SignWeightLinear};
use crate::ops;
use crate::rng::Rng;
use crate::tape::Var;

fn row(
    layer: &str,
    kind: &str,
    output: &[usize],
    params: [usize; 2],
    macs: [u64; 2],
) -> SummaryRow {
    SummaryRow {
        layer: layer.into(),
        kind: kind.into(),
        output: Some(output.to_vec()),
        params: ParamCounts {
            binary: params[0],
            float: params[1],
        },
        macs: Macs {
            binary: macs[0],
            float: macs[1],
        },
    }
}

#[test]
fn rows_have_names_shapes_parameters_and_operations() {
    let rng = &mut Rng::new(1);
    let body = Sequential::new()
        .then(HardTanh)
        .named("fc", BinaryLinear::new(20, 10, rng).unwrap());
    let mut net = Sequential::new()
        .then(SignWeightLinear::new(7, 20, rng).unwrap())
        .then(BatchNorm::new(20).unwrap())
        .named("body", body)
        .then(Linear::new(10, 3, rng).unwrap());
    let found = summary(&mut net, &[2, 5, 7]).unwrap();
    let expected = [
        row("0", "SignWeightLinear", &[2, 5, 20], [140, 0], [0, 1400]),
        row("1", "BatchNorm", &[2, 5, 20], [0, 40], [0, 0]),
        row("", "hard_tanh", &[2, 5, 20], [0, 0], [0, 0]),
        row("body.fc", "BinaryLinear", &[2, 5, 10], [200, 0], [2000, 0]),
        row("3", "Linear", &[2, 5, 3], [0, 33], [0, 300]),
    ];
    assert_eq!(found.rows, expected);
    let params = found.params;
    assert_eq!((params.binary, params.float), (340, 73));
    assert_eq!(params.packed_bytes(), 43 + 292);
    assert_eq!(params.binary + params.float, 413);
    let macs = found.macs;
    assert_eq!((macs.binary, macs.float), (2000, 1700));
}

#[test]
fn the_table_is_aligned() {
    let config = MlpConfig {
        inputs: 64,
        depth: 5,
        hidden: vec![512],
        classes: 10,
        ..MlpConfig::default()
    };
    let mut mlp = Mlp::new(config, &mut Rng::new(1)).unwrap();
    let found = summary(&mut mlp, &[1, 64]).unwrap().to_string();
    let expected = "\
Layer     Kind              Output    Parameters   Bits  Binary MACs  Float MACs
────────────────────────────────────────────────────────────────────────────────
0.linear  SignWeightLinear  [1, 512]      32 768      1            -      32 768
0.norm    BatchNorm         [1, 512]       1 024     32            -           -
1.linear  BinaryLinear      [1, 10]        5 120      1        5 120           -
1.norm    BatchNorm         [1, 10]           20     32            -           -
────────────────────────────────────────────────────────────────────────────────
total                                     38 932  1, 32        5 120      32 768
────────────────────────────────────────────────────────────────────────────────
parameters: 37 888 of 1 bit, 1 044 of 32 bits: 8 912 bytes; all in f32: 155 728 bytes (17.5 x)
input [1, 64]: 8 312 bytes kept for the reverse pass";
    assert_eq!(found, expected);
}

/// Weights of its own, two functions of them in one forward pass, one parameter never used.
struct Plain {
    weight: Param,
    unused: Param,
    norm: BatchNorm,
}

/// A quantizer of weights.
struct Halved;

impl Function<f32> for Halved {
    fn forward(&self, _: &mut Context<f32>, given: &[&Tensor]) -> Result<Vec<Tensor>, Error> {
        let halves = given[0].data().iter().map(|x| x / 2.0).collect();
        Ok(vec![Tensor::new(halves, given[0].shape())?])
    }
}

impl Module for Plain {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        let w = x.tape().apply(Halved, &[&x.tape().param(&self.weight)])?;
        let x = ops::linear(x, &w, None)?;
        let x = self.norm.forward(&x)?;
        ops::linear(&x, &w, None)
    }

    crate::children!(norm);

    fn params(&self, visit: &mut dyn FnMut(&str, &Param)) {
        visit("weight", &self.weight);
        visit("unused", &self.unused);
        visit("norm.gamma", &self.norm.gamma);
        visit("norm.beta", &self.norm.beta);
    }
}

#[test]
fn plain_structs_shared_quantized_and_unused_parameters_are_listed_once() {
    let param = || Param::new(ParamKind::Float, Tensor::full(0.5, &[4, 4]).unwrap());
    let mut net = Plain {
        weight: param(),
        unused: param(),
        norm: BatchNorm::new(4).unwrap(),
    };
    let found = summary(&mut net, &[1, 4]).unwrap();
    let unused = SummaryRow {
        output: None,
        ..row("", "Plain", &[], [0, 16], [0, 0])
    };
    let expected = [
        row("", "Plain", &[1, 4], [0, 16], [0, 16]),
        row("norm", "BatchNorm", &[1, 4], [0, 8], [0, 0]),
        row("", "Plain", &[1, 4], [0, 0], [0, 16]),
        unused,
    ];
    assert_eq!(found.rows, expected);
}

#[test]
fn modes_statistics_and_gradients_stay_and_the_bytes_are_those_of_training() {
    let rng = &mut Rng::new(1);
    let mut net = Sequential::new()
        .then(SignWeightLinear::new(7, 20, rng).unwrap())
        .then(BatchNorm::new(20).unwrap())
        .then(BinaryLinear::new(20, 70, rng).unwrap())
        .then(BatchNorm::new(70).unwrap());
    // One layer frozen, the rest in training.
    let mut first = true;
    net.children_mut(&mut |_, layer| {
        if layer.is_training().is_some() {
            layer.set_training(!first);
            first = false;
        }
    });
    let modes = |net: &Sequential| {
        let mut modes = Vec::new();
        net.children(&mut |_, layer| modes.push(layer.is_training()));
        modes
    };
    let statistics = |net: &Sequential| {
        let mut all = Vec::new();
        net.buffers(&mut |_, buffer| all.push(buffer.clone()));
        all
    };
    let (before, numbers) = (modes(&net), statistics(&net));
    assert_eq!(before, [None, Some(false), None, Some(true)]);
    let found = summary(&mut net, &[3, 7]).unwrap();
    assert!(summary(&mut net, &[3, 8]).is_err());
    assert_eq!(modes(&net), before);
    assert_eq!(statistics(&net), numbers);
    net.params(&mut |name, param| assert!(param.grad().is_none(), "{name}"));

    net.set_training(true);
    let tape = Tape::new();
    let x = tape.constant(Tensor::full(0.5, &[3, 7]).unwrap());
    let _scores = net.forward(&x).unwrap();
    assert_eq!(found.saved_bytes, tape.memory().total);
}

#[test]
fn attention_counts_its_two_products() {
    let attention = crate::nn::BinaryAttention::<f32>::new(8, 2, &mut Rng::new(1));
    let mut net = Sequential::new().named("att", attention.unwrap());
    let rows = summary(&mut net, &[3, 5, 8]).unwrap().rows;
    let row = rows.iter().find(|row| row.kind == "binary_attention");
    // 3 samples, 5 queries, 5 keys, 8 features.
    assert_eq!(row.unwrap().macs.binary, 2 * 3 * 5 * 5 * 8);
}
