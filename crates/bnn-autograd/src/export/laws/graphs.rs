//! Networks that are no chain: real numbers beside the bits, shortcuts, weights of 8 bits.

use super::images::one_of;
use super::*;
use crate::models::{Family, ResidualConfig, ResidualNet, StemConfig, UnitConfig};
use crate::nn::{
    AvgPool2d, BinaryConv2d, ChannelScale, Crop, GlobalAvgPool, Int8Conv2d, Int8Linear, MaxPool2d,
    PReLU, RPReLU, ReLU, SignWeightConv2d,
};
use crate::ops::{ConvOptions, Padding};

/// Moves all that is not a weight, and lets batch norms see data.
fn shake(model: &mut dyn Module, x: &Tensor, rng: &mut Rng) {
    for _ in 0..3 {
        model.forward(&Tape::new().constant(x.clone())).unwrap();
    }
    model.params_mut(&mut |name, param| {
        if !name.ends_with("weight") {
            let mut value = param.value().clone();
            let moved = |v: &mut f32| *v += rng.uniform(-1.2, 1.2) as f32;
            value.data_mut().iter_mut().for_each(moved);
            param.set_value(value).unwrap();
        }
    });
}

pub(super) fn check_graph(
    model: &mut dyn Module,
    input: InputType,
    shape: &[usize],
    rng: &mut Rng,
) {
    let samples = Samples::draw(input, shape, rng);
    shake(model, &samples.numbers, rng);
    check_trained(model, input, &samples);
}

/// Layers that keep the shape of images, or of rows.
fn keeping(channels: usize, images: bool, rng: &mut Rng) -> Sequential {
    let mut net = Sequential::new();
    for _ in 0..one_of(&[1, 2, 3], rng) {
        match one_of(&[0, 1, 2, 3, 4, 5, 6, 7], rng) {
            0 => net.push(BatchNorm::new(channels).unwrap()),
            1 => net.push(ReLU),
            2 => net.push(PReLU::new(channels).unwrap()),
            3 => net.push(RPReLU::new(channels).unwrap()),
            4 => net.push(ChannelScale::new(channels, 0.7).unwrap()),
            5 => net.push(HardTanh),
            6 if images => {
                let same = ConvOptions {
                    padding: Padding::Same,
                    ..ConvOptions::default()
                };
                net.push(RSign::new(channels).unwrap());
                let kernel = [one_of(&[1, 3], rng); 2];
                net.push(BinaryConv2d::new(channels, channels, kernel, same, rng).unwrap());
            }
            6 => net.push(BinaryLinear::new(channels, channels, rng).unwrap()),
            _ => {
                let inner = keeping(channels, images, rng);
                net.push(Residual(inner.then(PReLU::new(channels).unwrap())));
            }
        }
    }
    net
}

/// A random network over images of bytes.
fn of_images(image: [usize; 3], rng: &mut Rng) -> Sequential {
    let [height, width, channels] = image;
    let same = ConvOptions {
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    let n = one_of(&[1, 3, 8], rng);
    let mut net = Sequential::new();
    match one_of(&[true, false], rng) {
        true => net.push(Int8Conv2d::new(channels, n, [3, 3], same, rng).unwrap()),
        false => net.push(SignWeightConv2d::new(channels, n, [3, 3], same, rng).unwrap()),
    }
    let mut net = net
        .then(keeping(n, true, rng))
        .then(Residual(keeping(n, true, rng).then(ReLU)));
    let pool = [one_of(&[1, 2], rng), one_of(&[1, 2, 3], rng)];
    let (mut height, mut width) = (height, width);
    if width > 3 && one_of(&[true, false], rng) {
        let crop = Crop {
            left: 1,
            right: 1,
            ..Crop::default()
        };
        // Of numbers and of signs.
        match one_of(&[true, false], rng) {
            true => net.push(crop),
            false => {
                let signs = Sequential::new().then(RSign::new(n).unwrap()).then(crop);
                let kernel = one_of(&[[1, 1], [1, 2]], rng);
                let conv = BinaryConv2d::new(n, n, kernel, ConvOptions::default(), rng);
                width -= kernel[1] - 1;
                net.push(signs.then(conv.unwrap()));
            }
        }
        width -= 2;
    }
    // A shortcut around a convolution that loses rows.
    if width > 0 && height > 2 && one_of(&[true, false], rng) {
        let conv = BinaryConv2d::new(n, n, [3, 1], ConvOptions::default(), rng).unwrap();
        net.push(Residual(
            Sequential::new().then(RSign::new(n).unwrap()).then(conv),
        ));
        height -= 2;
    }
    if height >= pool[0] && width >= pool[1] {
        match one_of(&[true, false], rng) {
            true => net.push(AvgPool2d::new(pool)),
            false => net.push(MaxPool2d::new(pool)),
        }
        [height, width] = [height / pool[0], width / pool[1]];
    }
    let features = match one_of(&[true, false], rng) {
        true => {
            net.push(GlobalAvgPool);
            n
        }
        false => {
            net.push(Flatten);
            height * width * n
        }
    };
    match one_of(&[0, 1, 2], rng) {
        0 => net.push(Int8Linear::new(features, 4, rng).unwrap()),
        1 => net.push(Linear::new(features, 4, rng).unwrap()),
        _ => net.push(BinaryLinear::new(features, 4, rng).unwrap()),
    }
    net
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn files_of_any_graph_over_images_equal_the_tape_bit_for_bit(
        height in 1_usize..7, width in 1_usize..8, channels in 1_usize..4,
        samples in 2_usize..4, depth in 1_u8..9, seed: u64,
    ) {
        let rng = &mut Rng::new(seed);
        let mut net = of_images([height, width, channels], rng);
        let input = InputType::Unsigned { depth };
        check_graph(&mut net, input, &[samples, height, width, channels], rng);
    }

    #[test]
    fn files_of_any_graph_over_rows_equal_the_tape_bit_for_bit(
        k in 1_usize..130, n in 1_usize..70, samples in 2_usize..5, code in 0_u8..10, seed: u64,
    ) {
        let (input, rng) = (input_type(code), &mut Rng::new(seed));
        let mut net = signs_of_bytes(input, k, rng);
        match (input, one_of(&[true, false], rng)) {
            (InputType::Unsigned { .. }, true) => net.push(Int8Linear::new(k, n, rng).unwrap()),
            _ => net.push(SignWeightLinear::new(k, n, rng).unwrap()),
        }
        let mut net = net.then(keeping(n, false, rng)).then(Residual(ReLU)).then(keeping(n, false, rng));
        check_graph(&mut net, input, &[samples, k], rng);
    }

    #[test]
    fn files_of_residual_networks_equal_the_tape_bit_for_bit(
        height in 1_usize..16, width in 1_usize..12, channels in 1_usize..4, first in 1_usize..6,
        stem in 1_usize..3, pool: bool, samples in 2_usize..4, seed: u64,
        fixed in proptest::option::of(4_i8..13), integer: bool, slides: bool, int8 in 0_usize..4,
        units in proptest::collection::vec((1_usize..3, prop_oneof![Just(1_usize), Just(3)], 1_usize..3), 1..4),
    ) {
        let rng = &mut Rng::new(seed);
        let mut before = first;
        let units = units.into_iter().map(|(copies, kernel, stride)| {
            before *= copies;
            UnitConfig { channels: before, kernel, stride, depthwise: false }
        });
        let any = [Family::BiRealNet, Family::ReActNet, Family::QuickNet];
        let config = ResidualConfig {
            image: [height, width, channels],
            family: one_of(&any, rng),
            fixed_point: fixed,
            integer_scores: fixed.is_some() && integer,
            stem: StemConfig { channels: first, kernel: 3, stride: stem, pool },
            units: units.collect(),
            slides,
            int8_units: if fixed.is_some() { int8 } else { 0 },
            recompute: seed as usize % 4,
            classes: 3,
        };
        let config = if one_of(&[true, false], rng) { config.separable() } else { config };
        // Images that are too small for their windows are refused.
        if let Ok(mut net) = ResidualNet::new(config, rng)
            && net.forward(&Tape::new().constant(Tensor::full(0.0, &[2, height * width * channels]).unwrap())).is_ok()
        {
            let input = InputType::Unsigned { depth: 8 };
            check_graph(&mut net, input, &[samples, height, width, channels], rng);
            if slides {
                let file = AlignedBytes::from(export(&mut net, input).unwrap().as_slice());
                let mut memory = vec![0; Model::open(&file).unwrap().sizes().stream_words];
                let stream = Stream::new(Model::open(&file).unwrap(), &mut memory).unwrap();
                prop_assert!(stream.state().slides);
            }
        }
    }
}

#[test]
fn chains_stay_chains() {
    let rng = &mut Rng::new(1);
    let chain = Sequential::new()
        .then(SignWeightLinear::new(5, 4, rng).unwrap())
        .then(BatchNorm::new(4).unwrap())
        .then(BinaryLinear::new(4, 4, rng).unwrap());
    let version = |net: &mut Sequential| {
        let file = export(net, InputType::Unsigned { depth: 8 }).unwrap();
        u16::from_le_bytes([file[8], file[9]])
    };
    let mut chain = chain;
    assert_eq!(version(&mut chain), 1);
    assert_eq!(version(&mut chain.then(ReLU)), 2);
}

#[test]
fn what_a_graph_cannot_hold_is_refused_by_name() {
    let rng = &mut Rng::new(1);
    let new = Sequential::<f32>::new;
    let numbers = |k, n, rng: &mut Rng| SignWeightLinear::new(k, n, rng).unwrap();
    let wide = Int8Linear::new(3000, 1, rng).unwrap();
    let cases: Vec<(Sequential, &str)> = vec![
        (
            new().then(ReLU).then(numbers(5, 3, rng)),
            "layer `0` (ReLU) cannot be exported: no layer before it",
        ),
        (
            new().then(numbers(5, 3, rng)).then(PReLU::new(4).unwrap()),
            "layer `1` (PReLU) cannot be exported: it takes 4 columns, the layer before gives 3",
        ),
        (
            new()
                .then(numbers(5, 3, rng))
                .then(ReLU)
                .then(numbers(3, 2, rng)),
            "layer `2` (SignWeightLinear) cannot be exported: it multiplies numbers",
        ),
        (
            new().then(numbers(5, 3, rng)).then(GlobalAvgPool),
            "layer `1` (GlobalAvgPool) cannot be exported: it takes images",
        ),
        (
            new().then(wide),
            "layer `0` (Int8Linear) cannot be exported: its sums can be as large as",
        ),
        (
            new()
                .then(numbers(5, 3, rng))
                .then(Sign)
                .then(Int8Linear::new(3, 2, rng).unwrap()),
            "layer `2` (Int8Linear) cannot be exported: it multiplies signs with numbers",
        ),
    ];
    check_refusals(cases, InputType::Unsigned { depth: 8 });
}
