//! Bytes that become bits by thresholds.

use super::*;
use crate::nn::{BinaryConv2d, MaxPool2d, SignWeightConv2d};
use crate::ops::ConvOptions;

/// For every byte in every channel, the file's threshold and the layer give the same sign.
fn check_every_byte(layer: impl Module + Clone + Send + 'static, channels: usize) {
    let rng = &mut Rng::new(1);
    let mut net = Sequential::new()
        .then(layer.clone())
        .then(BinaryLinear::new(channels, 3, rng).unwrap());
    let file = export(
        &mut net,
        ExportConfig {
            meta: "name=bytes\n",
            ..InputType::Thresholds.into()
        },
    )
    .unwrap();
    let aligned = AlignedBytes::from(file.as_slice());
    let model = Model::open(&aligned).unwrap();
    assert_eq!(model.input(), (channels, InputType::Thresholds));
    assert_eq!(model.meta(), "name=bytes\n");
    let thresholds = model.layers().next().unwrap().input_thresholds;
    let mut samples = Samples::draw(InputType::Thresholds, &[256, channels], rng);
    for (byte, sample) in (0..=255).zip(samples.bytes.chunks_mut(channels)) {
        sample.fill(byte);
    }
    for (number, byte) in samples.numbers.data_mut().iter_mut().zip(&samples.bytes) {
        *number = f32::from(*byte);
    }
    let x = Tape::new().constant(samples.numbers.clone());
    let signs = layer.clone().forward(&x).unwrap();
    for (i, (sign, byte)) in signs.value().data().iter().zip(&samples.bytes).enumerate() {
        let channel = i % channels;
        let expected = if *byte >= thresholds[channel] {
            1.0
        } else {
            -1.0
        };
        assert_eq!(*sign, expected, "byte {byte} of channel {channel}");
    }
    let expected = net.forward(&x).unwrap();
    assert_eq!(expected.value().data(), samples.run(&file));
}

fn shifted(shifts: Vec<f32>) -> RSign {
    let mut layer = RSign::new(shifts.len()).unwrap();
    let shape = [shifts.len()];
    layer.params_mut(&mut |_, param| {
        let shifts = Tensor::new(shifts.clone(), &shape).unwrap();
        param.set_value(shifts).unwrap();
    });
    layer
}

#[test]
fn every_byte_at_every_threshold_gives_the_sign_of_the_tape() {
    let all: Vec<u8> = (0..=255).collect();
    check_every_byte(InputThresholds::new(&all).unwrap(), 256);
}

#[test]
fn every_byte_with_shifts_at_the_edges_of_f32_gives_the_sign_of_the_tape() {
    let tiny = f32::from_bits(1);
    let edges = [0.0, -0.0, tiny, -tiny, 1e-30, -1e-7, -0.5, -1.0, 1e9];
    let near = [-254.999_98, -255.0, -254.5, -127.000_01, -128.0, f32::MAX];
    check_every_byte(shifted([&edges[..], &near].concat()), 15);
}

proptest! {
    #[test]
    fn every_byte_with_any_shift_gives_the_sign_of_the_tape(
        shifts in proptest::collection::vec(-255.0_f32..30.0, 1..80),
    ) {
        let channels = shifts.len();
        check_every_byte(shifted(shifts), channels);
    }

    #[test]
    fn a_sign_of_shifted_sums_is_a_threshold_of_them(
        inputs in 1_usize..100, hidden in 1_usize..70, samples in 2_usize..9, seed: u64,
    ) {
        let rng = &mut Rng::new(seed);
        let mut net = Sequential::new()
            .then(BinaryLinear::new(inputs, hidden, rng).unwrap())
            .then(RSign::new(hidden).unwrap())
            .then(BinaryLinear::new(hidden, 4, rng).unwrap());
        check(&mut net, InputType::Bits, &[samples, inputs], rng);
    }

    #[test]
    fn channels_of_images_that_are_flattened_keep_their_thresholds(
        height in 1_usize..6, width in 1_usize..6, channels in 1_usize..5, flat_first: bool, seed: u64,
    ) {
        let rng = &mut Rng::new(seed);
        let all = height * width * channels;
        let signs = signs_of_bytes(InputType::Thresholds, if flat_first { all } else { channels }, rng);
        let net = match flat_first {
            true => Sequential::new().then(Flatten).then(signs),
            false => signs.then(Flatten),
        };
        let mut net = net.then(SignWeightLinear::new(all, 5, rng).unwrap());
        check(&mut net, InputType::Thresholds, &[2, height, width, channels], rng);
    }
}

#[test]
fn thresholds_that_a_file_cannot_hold_are_refused_by_name() {
    let rng = &mut Rng::new(1);
    let new = Sequential::<f32>::new;
    let bytes = |n: usize| InputThresholds::new(&vec![3; n]).unwrap();
    let binary = |k, rng: &mut Rng| BinaryLinear::new(k, 2, rng).unwrap();
    let numbers = SignWeightLinear::new(5, 3, rng).unwrap();
    let valid = ConvOptions::default();
    let cases: Vec<(Sequential, &str)> = vec![
        (
            new().then(numbers),
            "layer `0` (SignWeightLinear) cannot be exported: the input is `InputType::Thresholds`: expected thresholds",
        ),
        (
            new().then(binary(5, rng)),
            "layer `0` (BinaryLinear) cannot be exported: the input is `InputType::Thresholds`: expected thresholds",
        ),
        (
            new().then(HardTanh).then(bytes(5)),
            "layer `0` (HardTanh) cannot be exported: it clips the input",
        ),
        (
            new().then(Sign),
            "layer `0` (Sign) cannot be exported: unsigned inputs",
        ),
        (
            new().then(bytes(4)).then(binary(5, rng)),
            "layer `1` (BinaryLinear) cannot be exported: it takes 5 channels, the thresholds before it are 4",
        ),
        (
            new().then(bytes(5)).then(bytes(5)),
            "layer `1` (InputThresholds) cannot be exported: it shifts signs",
        ),
        (
            new()
                .then(shifted(vec![0.0, -255.0, -255.1]))
                .then(binary(3, rng)),
            "layer `0` (RSign) cannot be exported: channel 2 is shifted by -255.1: no byte reaches its threshold, expected one of 0 to 255",
        ),
        (
            new().then(shifted(vec![f32::NAN])),
            "layer `0`: shift 0 is NaN, expected a finite number",
        ),
        (
            new().then(bytes(5)),
            "the model (Sequential) cannot be exported: it has no layer",
        ),
    ];
    check_refusals(cases, InputType::Thresholds);
    for input in [InputType::Bits, InputType::Unsigned { depth: 8 }] {
        let net = new().then(bytes(5)).then(binary(5, rng));
        let expected = "layer `0` (InputThresholds) cannot be exported: it makes signs of the model's bytes: expected";
        check_refusals(vec![(net, expected)], input);
    }
    let images: Vec<(Sequential, &str)> = vec![
        (
            new()
                .then(bytes(3))
                .then(SignWeightConv2d::new(2, 3, [1, 1], valid, rng).unwrap()),
            "layer `0` (InputThresholds) cannot be exported: it has 3 channels, the input of the model 2",
        ),
        (
            new()
                .then(bytes(2))
                .then(MaxPool2d::new([2, 2]))
                .then(BinaryConv2d::new(2, 3, [1, 1], valid, rng).unwrap()),
            "layer `1` (MaxPool2d) cannot be exported: it pools the bytes",
        ),
    ];
    let config = ExportConfig {
        image: Some([4, 4, 2]),
        ..InputType::Thresholds.into()
    };
    check_refusals(images, config);
}
