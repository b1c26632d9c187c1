//! Networks over images.

use super::*;
use crate::models::{Cnn, CnnConfig};
use crate::nn::{AvgPool2d, BinaryConv2d, MaxPool2d, SignWeightConv2d};
use crate::ops::{ConvOptions, PadValue, Padding};

pub(super) fn one_of<T: Copy>(of: &[T], rng: &mut Rng) -> T {
    of[rng.uniform(0.0, of.len() as f64) as usize]
}

/// A random network over images, or none where the numbers drawn do not fit each other.
fn network(input: InputType, image: [usize; 3], rng: &mut Rng) -> Option<Sequential> {
    let [mut height, mut width, mut channels] = image;
    let mut net = signs_of_bytes(input, channels, rng);
    let mut takes_numbers = matches!(input, InputType::Unsigned { .. });
    for block in 0..one_of(&[1, 2, 3], rng) {
        let groups = one_of(&[1, 1, 2, channels], rng);
        let options = ConvOptions {
            stride: [one_of(&[1, 1, 2], rng), 1],
            dilation: [1, one_of(&[1, 1, 2], rng)],
            groups,
            padding: one_of(&[Padding::Same, Padding::Valid], rng),
            // What is turned cannot be padded with ones, nor can integers.
            pad_value: match block {
                0 if !takes_numbers => one_of(&[PadValue::Zero, PadValue::PlusOne], rng),
                _ => PadValue::Zero,
            },
        };
        let kernel = [one_of(&[1, 2, 3], rng), one_of(&[1, 3], rng)];
        let outputs = groups * one_of(&[1, 3, 20], rng);
        let shape = [height, width, channels];
        let conv = bnn_core::conv::Conv2d::new(shape, outputs, kernel, options).ok()?;
        match takes_numbers {
            true => net.push(SignWeightConv2d::new(channels, outputs, kernel, options, rng).ok()?),
            false => net.push(BinaryConv2d::new(channels, outputs, kernel, options, rng).ok()?),
        }
        takes_numbers = false;
        [height, width] = conv.windows().output_size();
        channels = outputs;
        // A pool of sums, of numbers after batch norm, or of signs.
        let place = one_of(&[0, 1, 2, 3], rng);
        let mut pool = |net: &mut Sequential, here| {
            if place == here && height > 2 {
                net.push(MaxPool2d {
                    stride: [2, 1],
                    padding: Padding::Same,
                    ..MaxPool2d::new([3, 1])
                });
                height = height.div_ceil(2);
            }
        };
        pool(&mut net, 1);
        if one_of(&[true, true, false], rng) {
            net.push(BatchNorm::new(channels).ok()?);
        }
        pool(&mut net, 2);
        if one_of(&[true, false], rng) {
            net.push(HardTanh);
        }
        net.push(Sign);
        pool(&mut net, 3);
    }
    // All pixels at once, or each by itself.
    let flat = one_of(&[true, false], rng);
    if flat {
        net.push(Flatten);
        channels *= height * width;
    }
    net.push(BinaryLinear::new(channels, 7, rng).ok()?);
    net.push(BatchNorm::new(7).ok()?);
    if one_of(&[true, false], rng) {
        net.push(Sign);
    }
    Some(net)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn files_of_any_network_over_images_equal_the_tape_bit_for_bit(
        code in 0_u8..10, height in 3_usize..8, width in 3_usize..7, channels in prop_oneof![Just(1_usize), Just(2), Just(3), Just(64)],
        samples in 2_usize..5, seed: u64,
    ) {
        let input = input_type(code);
        let mut rng = Rng::new(seed);
        let mut net = network(input, [height, width, channels], &mut rng);
        while net.is_none() {
            net = network(input, [height, width, channels], &mut rng);
        }
        let mut net = net.unwrap();
        check(&mut net, input, &[samples, height, width, channels], &mut rng);
    }

    #[test]
    fn files_of_the_cnn_equal_the_tape_bit_for_bit(
        height in 4_usize..11, width in 4_usize..9, channels in 1_usize..4,
        stages in proptest::collection::vec(proptest::collection::vec(1_usize..70, 1..3), 1..3),
        hidden in proptest::collection::vec(1_usize..70, 0..2),
        samples in 2_usize..4, seed: u64,
    ) {
        let config = CnnConfig { image: [height, width, channels], stages, hidden, classes: 5 };
        let mut rng = Rng::new(seed);
        let mut cnn = Cnn::new(config, &mut rng).unwrap();
        let input = InputType::Unsigned { depth: 8 };
        check(&mut cnn, input, &[samples, height, width, channels], &mut rng);
    }
}

/// A batch norm that turns its second channel around.
fn turning(channels: usize) -> BatchNorm {
    let mut norm = BatchNorm::new(channels).unwrap();
    norm.params_mut(&mut |name, param| {
        if name == "gamma" {
            let gamma = (0..channels).map(|c| if c == 1 { -1.0 } else { 1.0 });
            param
                .set_value(Tensor::new(gamma.collect(), &[channels]).unwrap())
                .unwrap();
        }
    });
    norm
}

#[test]
fn what_a_file_cannot_hold_of_images_is_refused_by_name() {
    let rng = &mut Rng::new(1);
    let new = Sequential::<f32>::new;
    let padded = |pad_value| ConvOptions {
        padding: Padding::Same,
        pad_value,
        ..ConvOptions::default()
    };
    let zero = padded(PadValue::Zero);
    let first = |rng: &mut Rng| SignWeightConv2d::new(1, 2, [3, 3], zero, rng).unwrap();
    let next = |options, rng: &mut Rng| BinaryConv2d::new(2, 2, [3, 3], options, rng).unwrap();
    let pool = || MaxPool2d::new([2, 2]);
    let cases: Vec<(Sequential, &str)> = vec![
        (
            new().then(next(zero, rng)),
            "layer `0` (BinaryConv2d) cannot be exported: unsigned inputs",
        ),
        (
            new().then(first(rng)).then(first(rng)),
            "layer `1` (SignWeightConv2d) cannot be exported: it multiplies numbers",
        ),
        (
            new().then(first(rng)).then(Flatten).then(next(zero, rng)),
            "layer `2` (BinaryConv2d) cannot be exported: it takes images",
        ),
        (
            new()
                .then(first(rng))
                .then(BinaryConv2d::new(3, 2, [3, 3], zero, rng).unwrap()),
            "layer `1` (BinaryConv2d) cannot be exported: it takes 3 columns, the layer before gives 2",
        ),
        (
            new().then(first(rng)).then(MaxPool2d::new([9, 1])),
            "layer `1` (MaxPool2d) cannot be exported: height of the dilated kernel",
        ),
        (
            new().then(pool()).then(first(rng)),
            "layer `0` (MaxPool2d) cannot be exported: it pools the bytes",
        ),
        (
            new()
                .then(first(rng))
                .then(Sign)
                .then(AvgPool2d::new([2, 2])),
            "layer `2` (AvgPool2d) cannot be exported: it computes with signs",
        ),
        (
            new().then(first(rng)).then(pool()).then(turning(2)),
            "layer `1` (MaxPool2d) cannot be exported: the runner of model files pools bits",
        ),
        (
            new()
                .then(first(rng))
                .then(pool())
                .then(turning(2))
                .then(Sign),
            "layer `1` (MaxPool2d) cannot be exported: the runner of model files pools bits",
        ),
        (
            new()
                .then(first(rng))
                .then(pool())
                .then(turning(2))
                .then(pool())
                .then(next(zero, rng)),
            "layer `4` (BinaryConv2d) cannot be exported: the runner pools bits",
        ),
        (
            new()
                .then(first(rng))
                .then(pool())
                .then(turning(2))
                .then(next(padded(PadValue::PlusOne), rng)),
            "layer `3` (BinaryConv2d) cannot be exported: it pads with -1 or +1",
        ),
        (
            new()
                .then(first(rng))
                .then(BinaryLinear::new(3, 2, rng).unwrap()),
            "layer `1` (BinaryLinear) cannot be exported: it takes 3 columns, the layer before gives 2",
        ),
    ];
    let input = InputType::Unsigned { depth: 8 };
    let config = ExportConfig {
        image: Some([8, 8, 1]),
        ..input.into()
    };
    check_refusals(cases, config);
    let text = export(&mut new().then(first(rng)), input)
        .unwrap_err()
        .to_string();
    assert!(text.contains("`ExportConfig::image`"), "{text}");
    // Where nothing is turned, two pools are as good as one.
    let mut net = new()
        .then(first(rng))
        .then(pool())
        .then(BatchNorm::new(2).unwrap())
        .then(pool())
        .then(next(padded(PadValue::PlusOne), rng));
    export(
        &mut net,
        ExportConfig {
            image: Some([8, 8, 1]),
            ..input.into()
        },
    )
    .unwrap();
}

#[test]
fn another_image_than_a_network_takes_is_refused() {
    let config = CnnConfig {
        image: [4, 4, 1],
        stages: vec![vec![2]],
        hidden: vec![],
        classes: 2,
    };
    let mut cnn = Cnn::new(config, &mut Rng::new(1)).unwrap();
    let input = InputType::Unsigned { depth: 8 };
    export(&mut cnn, input).unwrap();
    export(
        &mut cnn,
        ExportConfig {
            image: Some([4, 4, 1]),
            ..input.into()
        },
    )
    .unwrap();
    let text = export(
        &mut cnn,
        ExportConfig {
            image: Some([4, 5, 1]),
            ..input.into()
        },
    )
    .unwrap_err()
    .to_string();
    assert!(text.contains("it takes images [4, 4, 1]"), "{text}");
}
