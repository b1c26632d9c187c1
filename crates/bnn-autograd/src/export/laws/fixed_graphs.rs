//! Networks in fixed point.

use bnn_core::model::graph::Values;

use super::graphs::check_graph;
use super::images::one_of;
use super::*;
use crate::models::{Family, ResidualConfig, ResidualNet, UnitConfig};
use crate::nn::{
    BinaryConv2d, FixedConv2d, FixedNorm, FixedPReLU, FixedPoint, FixedRPReLU, GlobalAvgPool,
    Int8Conv2d, Int8Linear, MaxPool2d, PReLU, RPReLU, ReLU, SignWeightConv2d,
};
use crate::ops::{ConvOptions, PadValue, Padding};

/// Batch normalisation of integers to fixed-point numbers.
fn fixed_norm(channels: usize, exponent: i8) -> FixedNorm {
    FixedNorm {
        norm: BatchNorm::new(channels).unwrap(),
        exponent,
    }
}

/// Layers from fixed-point numbers to such with the same exponent, which keep the shape of images.
fn keeping_fixed(channels: usize, exponent: i8, rng: &mut Rng) -> Sequential {
    let mut net = Sequential::new();
    for _ in 0..one_of(&[1, 2, 3], rng) {
        match one_of(&[0, 1, 2, 3, 4, 5], rng) {
            0 => net.push(ReLU),
            1 => net.push(FixedPReLU {
                prelu: PReLU::new(channels).unwrap(),
                exponent,
            }),
            2 => net.push(FixedRPReLU {
                rprelu: RPReLU::new(channels).unwrap(),
                exponent,
            }),
            3 => {
                let same = ConvOptions {
                    padding: Padding::Same,
                    ..ConvOptions::default()
                };
                net.push(RSign::new(channels).unwrap());
                let kernel = [one_of(&[1, 3], rng); 2];
                net.push(BinaryConv2d::new(channels, channels, kernel, same, rng).unwrap());
                if one_of(&[true, false], rng) {
                    net.push(FixedPoint { exponent: 0 });
                    net.push(ReLU);
                }
                net.push(fixed_norm(channels, exponent));
            }
            4 => {
                let options = ConvOptions {
                    padding: Padding::Same,
                    dilation: [one_of(&[1, 2], rng); 2],
                    groups: one_of(&[1, channels], rng),
                    ..ConvOptions::default()
                };
                let kernel = [one_of(&[1, 2, 3], rng), one_of(&[1, 3, 5], rng)];
                let sizes = [channels; 2];
                net.push(FixedConv2d::new(sizes, kernel, options, exponent, rng).unwrap());
            }
            _ => {
                net.push(Residual(keeping_fixed(channels, exponent, rng)));
                net.push(FixedPoint { exponent });
            }
        }
    }
    net
}

/// A random network in fixed point over images of bytes, with scores of either kind.
fn of_fixed_point(image: [usize; 3], exponent: i8, rng: &mut Rng) -> Sequential {
    let [height, width, channels] = image;
    let n = one_of(&[1, 3, 8], rng);
    let same = ConvOptions {
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    let mut net = Sequential::new();
    match one_of(&[true, false], rng) {
        true => net.push(Int8Conv2d {
            scaled: false,
            ..Int8Conv2d::new(channels, n, [3, 3], same, rng).unwrap()
        }),
        false => net.push(SignWeightConv2d::new(channels, n, [3, 3], same, rng).unwrap()),
    }
    // Sums as they are, to an exponent of either sign: they saturate.
    match one_of(&[true, true, false], rng) {
        true => net.push(fixed_norm(n, exponent)),
        false => net.push(FixedPoint { exponent }),
    }
    let mut net = net.then(keeping_fixed(n, exponent, rng));
    let pool = [one_of(&[1, 2], rng), one_of(&[1, 2, 3], rng)];
    if height >= pool[0] && width >= pool[1] {
        net.push(MaxPool2d::new(pool));
        net.push(keeping_fixed(n, exponent, rng));
    }
    net.push(GlobalAvgPool);
    net.push(FixedPoint { exponent });
    net.then(Int8Linear {
        exponent: Some(exponent),
        scores_exponent: one_of(&[None, Some(12), Some(-3)], rng),
        ..Int8Linear::new(n, 4, rng).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn files_of_any_graph_in_fixed_point_equal_the_tape_bit_for_bit(
        height in 1_usize..7, width in 1_usize..8, channels in 1_usize..4,
        samples in 2_usize..4, depth in 1_u8..9, exponent in -3_i8..14, seed: u64,
    ) {
        let rng = &mut Rng::new(seed);
        let mut net = of_fixed_point([height, width, channels], exponent, rng);
        let input = InputType::Unsigned { depth };
        check_graph(&mut net, input, &[samples, height, width, channels], rng);
    }
}

#[test]
fn fixed_point_sums_saturate_in_files_as_on_the_tape() {
    let rng = &mut Rng::new(1);
    // Numbers up to 2 in units of 2^-14: most sums are out of range.
    let config = ResidualConfig {
        fixed_point: Some(14),
        ..ResidualConfig::resnet(Family::BiRealNet, [6, 6, 2], 4, &[1, 1], 3).unwrap()
    };
    let mut net = ResidualNet::new(config, rng).unwrap();
    check_graph(
        &mut net,
        InputType::Unsigned { depth: 8 },
        &[4, 6, 6, 2],
        rng,
    );
}

#[test]
fn what_no_file_has_room_for_is_refused_before_training() {
    type Change = fn(&mut ResidualConfig);
    let wide = ResidualConfig::resnet(Family::BiRealNet, [16, 16, 1], 2, &[1], 3).unwrap();
    let new = |change: Change| {
        let mut config = ResidualConfig {
            fixed_point: Some(8),
            ..wide.clone()
        };
        change(&mut config);
        let made = ResidualNet::new(config, &mut Rng::new(1));
        made.map_err(|error| error.to_string())
    };
    let rng = &mut Rng::new(1);
    let input = InputType::Unsigned { depth: 8 };
    check_graph(&mut new(|_| {}).unwrap(), input, &[2, 16, 16, 1], rng);
    let most = |config: &mut ResidualConfig| {
        config.image = [2, 2, 1];
        config.units = vec![UnitConfig {
            channels: 511,
            kernel: 1,
            stride: 1,
            depthwise: false,
        }];
        config.stem.channels = 511;
        config.integer_scores = true;
    };
    let mut net = new(most).unwrap();
    check_graph(&mut net, input, &[2, 2, 2, 1], rng);
    let file = AlignedBytes::from(export(&mut net, input).unwrap().as_slice());
    let model = Model::open(&file).unwrap();
    assert_eq!(model.output(), (3, OutputType::I32));
    let last = bnn_core::internal::nodes(&model).last().unwrap();
    assert_eq!(last.values, Values::Integer { exponent: 12 });
    let refused: [(Change, &str); 6] = [
        (
            |config| {
                config.stem.channels = 57;
                config.units[0].channels = 57;
                config.units[1].channels = 57;
                config.int8_units = 1;
            },
            "elements of a filter of 8 bits",
        ),
        (
            |config| {
                config.fixed_point = None;
                config.int8_units = 1;
            },
            "units with weights of 8 bits",
        ),
        (
            |config| config.image = [16, 17, 1],
            "pixels of the last image",
        ),
        (
            |config| {
                config.image = [2, 2, 1];
                config.units[1].channels = 512;
            },
            "channels of the last unit",
        ),
        (
            |config| config.fixed_point = Some(32),
            "exponent of fixed-point numbers",
        ),
        (
            |config| {
                config.fixed_point = None;
                config.integer_scores = true;
            },
            "exponent of integer scores",
        ),
    ];
    for (change, expected) in refused {
        let text = new(change).unwrap_err();
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn what_is_not_rounded_as_a_file_rounds_is_refused_by_name() {
    let rng = &mut Rng::new(1);
    let new = Sequential::<f32>::new;
    let fixed = |exponent| FixedNorm {
        norm: BatchNorm::new(3).unwrap(),
        exponent,
    };
    let first = |rng: &mut Rng| new().then(SignWeightLinear::new(5, 3, rng).unwrap());
    let head = |exponent, rng: &mut Rng| Int8Linear {
        exponent,
        ..Int8Linear::new(3, 2, rng).unwrap()
    };
    let scores = |exponent, rng: &mut Rng| Int8Linear {
        scores_exponent: Some(12),
        ..head(exponent, rng)
    };
    let cases: Vec<(Sequential, &str)> = vec![
        (
            first(rng)
                .then(BatchNorm::new(3).unwrap())
                .then(FixedPoint { exponent: 8 }),
            "layer `2` (FixedPoint) cannot be exported: it rounds what is no fixed-point number",
        ),
        (
            first(rng).then(BatchNorm::new(3).unwrap()).then(fixed(8)),
            "layer `2` (FixedNorm) cannot be exported: it does not follow a product of integers",
        ),
        (
            first(rng).then(fixed(8)).then(fixed(8)),
            "layer `2` (FixedNorm) cannot be exported: it does not follow a product of integers",
        ),
        (
            first(rng).then(FixedPoint { exponent: 31 }),
            "layer `1` (FixedPoint) cannot be exported: it multiplies sums by 2^31",
        ),
        (
            first(rng).then(fixed(8)).then(FixedPReLU {
                prelu: PReLU::new(3).unwrap(),
                exponent: 9,
            }),
            "layer `2` (FixedPReLU) cannot be exported: it takes fixed-point numbers of the exponent 9",
        ),
        (
            first(rng).then(fixed(8)).then(FixedRPReLU {
                rprelu: RPReLU::new(4).unwrap(),
                exponent: 8,
            }),
            "layer `2` (FixedRPReLU) cannot be exported: it takes 4 columns",
        ),
        (
            first(rng)
                .then(fixed(8))
                .then(Residual(new().then(ReLU)))
                .then(head(Some(8), rng)),
            "layer `3` (Int8Linear) cannot be exported: it follows a sum or a mean",
        ),
        (
            first(rng).then(fixed(8)).then(FixedPoint { exponent: 7 }),
            "layer `2` (FixedPoint) cannot be exported: it rounds to the exponent 7, and what it takes has 8",
        ),
        (
            first(rng).then(fixed(8)).then(head(None, rng)),
            "layer `2` (Int8Linear) cannot be exported: it takes no fixed-point numbers, and is given",
        ),
        (
            first(rng).then(fixed(8)).then(PReLU::new(3).unwrap()),
            "layer `2` (PReLU) cannot be exported: it computes with fixed-point numbers",
        ),
        (
            first(rng).then(fixed(8)).then(scores(Some(7), rng)),
            "layer `2` (Int8Linear) cannot be exported: it takes fixed-point numbers of the exponent 7",
        ),
        (
            first(rng)
                .then(fixed(8))
                .then(scores(Some(8), rng))
                .then(ReLU),
            "layer `3` (ReLU) cannot be exported: it follows integer scores",
        ),
        (
            first(rng).then(fixed(8)),
            "the model (Sequential) cannot be exported: its scores are fixed-point numbers",
        ),
    ];
    check_refusals(cases, InputType::Unsigned { depth: 8 });
    let mut whole = first(rng).then(fixed(8)).then(Residual(new().then(ReLU)));
    whole = whole
        .then(FixedPoint { exponent: 8 })
        .then(head(Some(8), rng));
    check_graph(&mut whole, InputType::Unsigned { depth: 8 }, &[5, 5], rng);
}

#[test]
fn convolutions_of_fixed_point_that_no_file_holds_are_refused_by_name() {
    let rng = &mut Rng::new(1);
    let new = Sequential::<f32>::new;
    let pixels = |rng: &mut Rng| {
        let options = ConvOptions::default();
        new().then(SignWeightConv2d::new(1, 3, [2, 2], options, rng).unwrap())
    };
    let conv = |exponent, pad_value, rng: &mut Rng| {
        let options = ConvOptions {
            padding: Padding::Same,
            pad_value,
            ..ConvOptions::default()
        };
        FixedConv2d::new([3, 3], [3, 3], options, exponent, rng).unwrap()
    };
    let cases: Vec<(Sequential, &str)> = vec![
        (
            pixels(rng)
                .then(fixed_norm(3, 8))
                .then(conv(7, PadValue::Zero, rng)),
            "layer `2` (FixedConv2d) cannot be exported: it takes fixed-point numbers of the exponent 7",
        ),
        (
            pixels(rng)
                .then(fixed_norm(3, 8))
                .then(conv(8, PadValue::PlusOne, rng)),
            "layer `2` (FixedConv2d) cannot be exported: it pads images of numbers with -1 or +1",
        ),
        (
            pixels(rng).then(conv(8, PadValue::Zero, rng)),
            "layer `1` (FixedConv2d) cannot be exported: it takes fixed-point numbers of the exponent 8",
        ),
    ];
    let config = ExportConfig {
        image: Some([4, 4, 1]),
        ..InputType::Unsigned { depth: 8 }.into()
    };
    check_refusals(cases, config);
}
