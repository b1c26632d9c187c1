//! Convolutions with float weights: stems, shortcuts of 1 x 1, depthwise ones.

use super::graphs::check_graph;
use super::images::one_of;
use super::*;
use crate::nn::{BinaryConv2d, Conv2d, FixedNorm, GlobalAvgPool, PReLU};
use crate::ops::{ConvOptions, PadValue, Padding};

/// The sum of a binary branch and of a shortcut with a float convolution, as where channels double.
struct Doubling {
    norm: BatchNorm,
    binary: BinaryConv2d,
    shortcut: Conv2d,
}

impl Module for Doubling {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        let y = self.norm.forward(&self.binary.forward(x)?)?;
        crate::ops::add(&y, &self.shortcut.forward(x)?)
    }

    crate::children!(norm, binary, shortcut);

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        let x = to.branch();
        to.layer("binary", &self.binary)?;
        to.layer("norm", &self.norm)?;
        let y = to.branch();
        to.go_on_from(&x);
        to.layer("shortcut", &self.shortcut)?;
        to.add(&y)
    }
}

fn conv(c: usize, n: usize, kernel: [usize; 2], options: ConvOptions, rng: &mut Rng) -> Conv2d {
    Conv2d::new(c, n, kernel, options, rng).unwrap()
}

fn network(channels: usize, rng: &mut Rng) -> Sequential {
    let options = |stride: usize, dilation: usize, groups: usize| ConvOptions {
        stride: [stride, 1],
        dilation: [dilation, 1],
        groups,
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    let n = one_of(&[2, 6, 10], rng);
    let stem = options(one_of(&[1, 2], rng), one_of(&[1, 2], rng), 1);
    let mut net = Sequential::new().then(conv(channels, n, [3, 3], stem, rng));
    net.push(BatchNorm::new(n).unwrap());
    if one_of(&[true, false], rng) {
        // Depthwise, or in two groups.
        let groups = one_of(&[n, 2], rng);
        net.push(conv(n, n, [3, 1], options(1, 1, groups), rng));
        net.push(PReLU::new(n).unwrap());
    }
    let stride = one_of(&[1, 2], rng);
    net.push(Doubling {
        norm: BatchNorm::new(2 * n).unwrap(),
        binary: BinaryConv2d::new(n, 2 * n, [3, 3], options(stride, 1, 1), rng).unwrap(),
        shortcut: conv(n, 2 * n, [1, 1], options(stride, 1, 1), rng),
    });
    net.then(GlobalAvgPool)
        .then(Linear::new(2 * n, 3, rng).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn files_with_float_convolutions_equal_the_tape_bit_for_bit(
        height in 5_usize..9, width in 3_usize..9, channels in 1_usize..4,
        samples in 2_usize..4, depth in 1_u8..9, seed: u64,
    ) {
        let rng = &mut Rng::new(seed);
        let mut net = network(channels, rng);
        let input = InputType::Unsigned { depth };
        check_graph(&mut net, input, &[samples, height, width, channels], rng);
    }
}

#[test]
fn float_convolutions_that_no_file_holds_are_refused_by_name() {
    let rng = &mut Rng::new(1);
    let new = Sequential::<f32>::new;
    let padded = ConvOptions {
        padding: Padding::Same,
        pad_value: PadValue::PlusOne,
        ..ConvOptions::default()
    };
    let plain = ConvOptions::default();
    let fixed = FixedNorm {
        norm: BatchNorm::new(2).unwrap(),
        exponent: 8,
    };
    let signs = |rng: &mut Rng| crate::nn::SignWeightConv2d::new(1, 2, [1, 1], plain, rng).unwrap();
    let cases: Vec<(Sequential, &str)> = vec![
        (
            new().then(conv(1, 2, [3, 3], padded, rng)),
            "layer `0` (Conv2d) cannot be exported: it pads images of numbers with -1 or +1",
        ),
        (
            new().then(conv(2, 2, [1, 1], plain, rng)),
            "layer `0` (Conv2d) cannot be exported: it takes 2 columns",
        ),
        (
            new()
                .then(signs(rng))
                .then(fixed)
                .then(conv(2, 2, [1, 1], plain, rng)),
            "layer `2` (Conv2d) cannot be exported: its weights are floats",
        ),
        (
            new()
                .then(signs(rng))
                .then(Sign)
                .then(conv(2, 2, [1, 1], plain, rng)),
            "layer `2` (Conv2d) cannot be exported: its weights are floats",
        ),
    ];
    let input = InputType::Unsigned { depth: 8 };
    let config = ExportConfig {
        image: Some([4, 4, 1]),
        ..input.into()
    };
    check_refusals(cases, config);
}
