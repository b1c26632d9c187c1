//! The exported file computes what the tape does.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use bnn_core::BitMatrix;
use bnn_core::internal::output_exponent;
use bnn_core::model::{AlignedBytes, Input, InputType, Model, Output, OutputType, Stream};
use proptest::prelude::*;

use super::*;
use crate::context::Context;
use crate::error::Error;
use crate::function::Function;
use crate::models::{Mlp, MlpConfig};
use crate::nn::{
    BatchNorm, BinaryLinear, Dropout, Flatten, HardTanh, InputThresholds, Linear, RSign, Residual,
    Sequential, SignWeightLinear,
};
use crate::rng::Rng;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;

mod bytes;
mod chains;
mod compare;
mod fixed_graphs;
mod float_convolutions;
mod fold;
mod graphs;
mod images;

/// A layer of a user's own: signs.
struct Sign;

struct SignFunction;

impl Function<f32> for SignFunction {
    fn forward(&self, _: &mut Context<f32>, given: &[&Tensor]) -> Result<Vec<Tensor>, Error> {
        let x = given[0];
        let signs = x.data().iter().map(|&x| if x >= 0.0 { 1.0 } else { -1.0 });
        Ok(vec![Tensor::new(signs.collect(), x.shape())?])
    }
}

impl Module for Sign {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        x.tape().apply(SignFunction, &[x])
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.operation("SignFunction");
        to.sign()
    }
}

/// Lets the batch norms see data, in training mode, and gives them factors of both signs.
fn train(model: &mut dyn Module, x: &Tensor, rng: &mut Rng) {
    model.params_mut(&mut |name, param| {
        if !name.ends_with("weight") {
            let mut value = param.value().clone();
            let (least, most) = match name.ends_with("shift") {
                true => (-255.0, 3.0), // of bytes
                false => (-1.5, 1.5),
            };
            let moved = |v: &mut f32| *v += rng.uniform(least, most) as f32;
            value.data_mut().iter_mut().for_each(moved);
            param.set_value(value).unwrap();
        }
    });
    for _ in 0..3 {
        model.forward(&Tape::new().constant(x.clone())).unwrap();
    }
}

/// Each network is refused in words that begin as expected.
fn check_refusals<'a>(cases: Vec<(Sequential, &str)>, config: impl Into<ExportConfig<'a>>) {
    let config = config.into();
    for (mut net, expected) in cases {
        let text = export(&mut net, config).unwrap_err().to_string();
        assert!(text.starts_with(expected), "{text}");
    }
}

/// Random samples, as the tape takes them and as the runner does.
struct Samples {
    samples: usize,
    numbers: Tensor,
    bytes: Vec<u8>,
    bits: BitMatrix,
}

impl Samples {
    /// Draws samples; `shape` begins with their number.
    fn draw(input: InputType, shape: &[usize], rng: &mut Rng) -> Self {
        let mut numbers = Tensor::full(0.0, shape).unwrap();
        for x in numbers.data_mut() {
            *x = match input {
                InputType::Unsigned { depth } => {
                    rng.uniform(0.0, f64::from(1_u32 << depth)).floor() as f32
                }
                InputType::Thresholds => rng.uniform(0.0, 256.0).floor() as f32,
                _ => (rng.uniform(-1.0, 1.0) as f32).signum(),
            };
        }
        let cols = *shape.last().unwrap();
        let rows = numbers.data().len() / cols;
        Self {
            samples: shape[0],
            bytes: numbers.data().iter().map(|&x| x as u8).collect(),
            bits: BitMatrix::pack(numbers.data(), rows, cols).unwrap(),
            numbers,
        }
    }

    /// What a file gives out, as numbers.
    fn run(&self, file: &[u8]) -> Vec<f32> {
        let file = AlignedBytes::from(file);
        let model = Model::open(&file).unwrap();
        let input = match model.input().1 {
            InputType::Bits => Input::Bits(self.bits.words()),
            _ => Input::Bytes(&self.bytes),
        };
        let mut scratch = vec![0; model.scratch_words(self.samples).unwrap()];
        let (n, kind) = (self.samples * model.sizes().output_len, model.output().1);
        let (mut scores, mut sums, mut words) = (vec![0.0; n], vec![0; n], vec![0; n]);
        let output = match kind {
            OutputType::F32 => Output::F32(&mut scores),
            OutputType::I32 => Output::I32(&mut sums),
            _ => Output::Bits(&mut words),
        };
        model
            .run(self.samples, input, output, &mut scratch)
            .unwrap();
        match kind {
            OutputType::F32 => scores,
            OutputType::I32 => {
                let unit = f32::from(-output_exponent(&model)).exp2();
                sums.iter().map(|&sum| sum as f32 * unit).collect()
            }
            _ => {
                let [height, width, channels] = model.output_shape();
                let pixels = self.samples * height * width;
                let bits = BitMatrix::from_words(words, pixels, channels).unwrap();
                bits.unpack().unwrap()
            }
        }
    }
}

/// The file gives out what the tape does in evaluation, whatever mode the model is exported in.
/// `shape` is `[samples, inputs]`, or `[samples, height, width, channels]` of a model of images.
fn check(model: &mut dyn Module, input: InputType, shape: &[usize], rng: &mut Rng) {
    let samples = Samples::draw(input, shape, rng);
    train(model, &samples.numbers, rng);
    check_trained(model, input, &samples);
}

/// The file of a trained model gives out what the tape does in evaluation.
fn check_trained(model: &mut dyn Module, input: InputType, samples: &Samples) {
    let export = |model: &mut dyn Module| match *samples.numbers.shape() {
        [_, height, width, channels] => export(
            model,
            ExportConfig {
                image: Some([height, width, channels]),
                ..input.into()
            },
        )
        .unwrap(),
        _ => export(model, input).unwrap(),
    };
    let file = export(model);
    model.set_training(false);
    assert_eq!(export(model), file);
    let x = Tape::new().constant(samples.numbers.clone());
    let expected = Tensor::from(model.forward(&x).unwrap());
    let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(expected.data()), bits(&samples.run(&file)));
}

/// What follows a product.
#[derive(Clone, Copy, Debug)]
struct After {
    norm: bool,
    clip: bool,
    sign: bool,
    nested: bool,
}

fn after() -> impl Strategy<Value = After> {
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(norm, clip, sign, nested)| After {
            norm,
            clip,
            sign,
            nested,
        },
    )
}

/// The layer that makes signs of bytes, with fixed or learned thresholds; no layer for other
/// inputs.
fn signs_of_bytes(input: InputType, channels: usize, rng: &mut Rng) -> Sequential {
    let net = Sequential::new();
    match input {
        InputType::Thresholds if rng.uniform(0.0, 1.0) < 0.5 => {
            let thresholds: Vec<u8> = (0..channels)
                .map(|_| rng.uniform(0.0, 256.0) as u8)
                .collect();
            net.then(InputThresholds::new(&thresholds).unwrap())
        }
        InputType::Thresholds => net.then(RSign::new(channels).unwrap()),
        _ => net,
    }
}

/// The type of inputs, coded as in a file: 0 bits, 1 to 8 integers of that many bits, 9 bytes with
/// thresholds.
fn input_type(code: u8) -> InputType {
    match code {
        0 => InputType::Bits,
        9 => InputType::Thresholds,
        depth => InputType::Unsigned { depth },
    }
}

/// A network of products `widths[i]` to `widths[i + 1]`, with what follows each.
fn network(input: InputType, widths: &[usize], after: &[After], rng: &mut Rng) -> Sequential {
    let mut net = signs_of_bytes(input, widths[0], rng);
    let mut takes_numbers = matches!(input, InputType::Unsigned { .. });
    let last = widths.len() - 2;
    for (i, (pair, after)) in widths.windows(2).zip(after).enumerate() {
        let mut block = Sequential::new();
        match takes_numbers {
            true => block.push(SignWeightLinear::new(pair[0], pair[1], rng).unwrap()),
            false => block.push(BinaryLinear::new(pair[0], pair[1], rng).unwrap()),
        }
        if after.norm {
            block.push(BatchNorm::new(pair[1]).unwrap());
        }
        block.push(Dropout::new(0.5, 1).unwrap());
        block.push(Flatten);
        if after.clip && (i < last || after.sign) {
            block.push(HardTanh);
        }
        if after.sign {
            block.push(Sign);
        }
        // After signs both kinds of layer compute the same.
        takes_numbers = after.sign && after.nested;
        match after.nested {
            true => net.push(Sequential::new().named("block", block)),
            false => net.push(block),
        }
    }
    net
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn files_of_any_sequential_network_equal_the_tape_bit_for_bit(
        code in 0_u8..10, widths in proptest::collection::vec(1_usize..140, 2..5),
        after in proptest::collection::vec(after(), 4), samples in 2_usize..9, seed: u64,
    ) {
        let input = input_type(code);
        let mut rng = Rng::new(seed);
        let mut net = network(input, &widths, &after, &mut rng);
        check(&mut net, input, &[samples, widths[0]], &mut rng);
    }

    #[test]
    fn files_of_the_mlp_equal_the_tape_bit_for_bit(
        inputs in 1_usize..150, depth in 1_u8..9, on_bits: bool,
        hidden in proptest::collection::vec(1_usize..140, 1..4),
        classes in 2_usize..12, samples in 2_usize..9, integer_scores: bool, seed: u64,
    ) {
        let mut rng = Rng::new(seed);
        let mut byte = || rng.uniform(0.0, 256.0) as u8;
        let thresholds = on_bits.then(|| (0..inputs).map(|_| byte()).collect());
        let config = MlpConfig { inputs, depth, hidden, classes, thresholds, integer_scores };
        let mut mlp = Mlp::new(config, &mut rng).unwrap();
        if integer_scores {
            let input = mlp.input();
            let file = export(&mut mlp, input).unwrap();
            let file = AlignedBytes::from(file.as_slice());
            let model = Model::open(&file).unwrap();
            prop_assert_eq!(model.output(), (classes, OutputType::I32));
        }
        let input = mlp.input();
        check(&mut mlp, input, &[samples, inputs], &mut rng);
    }
}

#[test]
fn a_diverged_network_is_refused_by_name() {
    let config = MlpConfig {
        inputs: 4,
        depth: 2,
        hidden: vec![3],
        classes: 2,
        ..MlpConfig::default()
    };
    let mut mlp = Mlp::new(config, &mut Rng::new(1)).unwrap();
    mlp.params_mut(&mut |name, param| {
        if name == "1.norm.gamma" {
            let nan = Tensor::new(vec![1.0, f32::NAN], &[2]).unwrap();
            param.set_value(nan).unwrap();
        }
    });
    let input = mlp.input();
    let refused = export(&mut mlp, input).unwrap_err();
    let text = refused.to_string();
    assert!(
        text.starts_with("layer `1.norm`: scale of output 1 is NaN, expected a finite number"),
        "{text}"
    );
}

/// A network that does not say what it computes.
struct Silent(BinaryLinear);

impl Module for Silent {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        self.0.forward(x)
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("linear", &self.0);
    }
}

#[test]
fn what_a_file_cannot_hold_is_refused_by_name() {
    let rng = &mut Rng::new(1);
    let new = Sequential::<f32>::new;
    let binary = |k, n, rng: &mut Rng| BinaryLinear::new(k, n, rng).unwrap();
    let numbers = |k, n, rng: &mut Rng| SignWeightLinear::new(k, n, rng).unwrap();
    let norm = |n| BatchNorm::new(n).unwrap();
    let float = Linear::new(5, 3, rng).unwrap();
    let wide = SignWeightLinear::new((1 << 16) + 258, 1, rng).unwrap();
    let cases: Vec<(Sequential, &str)> = vec![
        (
            new(),
            "the model (Sequential) cannot be exported: it has no layer",
        ),
        (
            new()
                .then(numbers(5, 5, rng))
                .then(Sign)
                .then(new().named("scores", float)),
            "layer `2.scores` (Linear) cannot be exported: its weights are floats",
        ),
        (
            new().then(numbers(5, 3, rng)).then(numbers(3, 2, rng)),
            "layer `1` (SignWeightLinear) cannot be exported: it multiplies numbers",
        ),
        (
            new().then(binary(5, 3, rng)),
            "layer `0` (BinaryLinear) cannot be exported: unsigned inputs",
        ),
        (
            new().then(norm(5)).then(numbers(5, 3, rng)),
            "layer `0` (BatchNorm) cannot be exported: it does not follow a product",
        ),
        (
            new().then(numbers(5, 3, rng)).then(norm(3)).then(norm(3)),
            "layer `2` (BatchNorm) cannot be exported exactly: the scores pass 2 affine steps",
        ),
        (
            new().then(numbers(5, 3, rng)).then(Sign).then(norm(3)),
            "layer `2` (BatchNorm) cannot be exported: it does not follow a product",
        ),
        (
            new().then(numbers(5, 3, rng)).then(norm(4)),
            "layer `1` (BatchNorm) cannot be exported: it takes 4 columns, the layer before gives 3",
        ),
        (
            new().then(numbers(5, 3, rng)).then(binary(4, 2, rng)),
            "layer `1` (BinaryLinear) cannot be exported: it takes 4 columns, the layer before gives 3",
        ),
        (
            new().then(HardTanh).then(numbers(5, 3, rng)),
            "layer `0` (HardTanh) cannot be exported: it clips the input",
        ),
        (
            new().then(numbers(5, 3, rng)).named("clip", HardTanh),
            "layer `clip` (HardTanh) cannot be exported: no layer after it",
        ),
        (
            new().then(Sign).then(numbers(5, 3, rng)),
            "layer `0` (Sign) cannot be exported: unsigned inputs",
        ),
        (
            new().then(wide),
            "layer `0` (SignWeightLinear) cannot be exported: the sums of 65794 inputs",
        ),
        (
            new()
                .then(numbers(5, 3, rng))
                .then(Residual(binary(3, 2, rng))),
            "layer `1` (Residual) cannot be exported: its branches have the shapes [1, 1, 2] and [1, 1, 3]",
        ),
        (
            new().then(Silent(binary(5, 3, rng))),
            "layer `0` (Silent) cannot be exported: it does not say",
        ),
    ];
    let input = InputType::Unsigned { depth: 8 };
    for (mut net, expected) in cases {
        let text = export(&mut net, input).unwrap_err().to_string();
        assert!(text.starts_with(expected), "{text}");
    }
    for depth in [0, 9, 255] {
        let mut net = new().then(numbers(5, 3, rng));
        let refused = export(&mut net, InputType::Unsigned { depth });
        assert!(matches!(refused, Err(ExportError::Network(_))), "{depth}");
    }
}
