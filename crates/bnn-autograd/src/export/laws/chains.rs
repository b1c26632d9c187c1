//! Affine steps after a product compose: exactly into signs, and into scores exactly, within a
//! tolerance, or not at all.

use super::images::one_of;
use super::*;
use crate::nn::{BinaryConv2d, ChannelScale, MaxPool2d};
use crate::ops::{ConvOptions, ScaledSign};

/// Any number of affine steps over `n` columns.
fn steps(net: &mut Sequential, n: usize, rng: &mut Rng) {
    for _ in 0..one_of(&[0, 1, 2, 3], rng) {
        match one_of(&[0, 1], rng) {
            0 => net.push(BatchNorm::new(n).unwrap()),
            _ => net.push(ChannelScale::new(n, 1.0).unwrap()),
        }
    }
}

fn binary(inputs: usize, outputs: usize, rng: &mut Rng) -> BinaryLinear {
    let mut layer = BinaryLinear::new(inputs, outputs, rng).unwrap();
    if one_of(&[false, true], rng) {
        let gradients = [ScaledSign::XnorNet, ScaledSign::MagnitudeAware];
        layer.scaled_signs = Some(one_of(&gradients, rng));
    }
    layer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn signs_after_any_affine_steps_equal_the_tape_bit_for_bit(
        code in 0_u8..10, widths in proptest::collection::vec(1_usize..140, 2..4),
        shifted: bool, samples in 2_usize..9, seed: u64,
    ) {
        let input = input_type(code);
        let mut rng = Rng::new(seed);
        let mut net = signs_of_bytes(input, widths[0], &mut rng);
        let mut takes_numbers = matches!(input, InputType::Unsigned { .. });
        for pair in widths.windows(2) {
            match takes_numbers {
                true => net.push(SignWeightLinear::new(pair[0], pair[1], &mut rng).unwrap()),
                false => net.push(binary(pair[0], pair[1], &mut rng)),
            }
            takes_numbers = false;
            steps(&mut net, pair[1], &mut rng);
            match shifted {
                true => net.push(RSign::new(pair[1]).unwrap()),
                false => net.push(Sign),
            }
        }
        check(&mut net, input, &[samples, widths[0]], &mut rng);
    }

    #[test]
    fn pools_between_affine_steps_equal_the_tape_bit_for_bit_or_are_refused(
        height in 4_usize..9, width in 4_usize..9, channels in 1_usize..4, outputs in 1_usize..5,
        samples in 2_usize..5, seed: u64,
    ) {
        let mut rng = Rng::new(seed);
        let conv = BinaryConv2d::new(channels, outputs, [2, 2], ConvOptions::default(), &mut rng);
        let mut net = Sequential::new().then(conv.unwrap());
        steps(&mut net, outputs, &mut rng);
        net.push(MaxPool2d::new([2, 1]));
        steps(&mut net, outputs, &mut rng);
        if one_of(&[false, true], &mut rng) {
            net.push(MaxPool2d::new([1, 2]));
            steps(&mut net, outputs, &mut rng);
        }
        net.push(Sign);
        net.push(BinaryConv2d::new(outputs, 3, [1, 1], ConvOptions::default(), &mut rng).unwrap());
        let shape = [samples, height, width, channels];
        let drawn = Samples::draw(InputType::Bits, &shape, &mut rng);
        train(&mut net, &drawn.numbers, &mut rng);
        match export(&mut net, ExportConfig { image: Some([height, width, channels]), ..InputType::Bits.into() }) {
            Ok(_) => check_trained(&mut net, InputType::Bits, &drawn),
            // Two pools that are turned around differently.
            Err(error) => prop_assert!(error.to_string().contains("the runner pools bits"), "{error}"),
        }
    }

    #[test]
    fn scores_after_several_affine_steps_are_exact_or_within_the_tolerance(
        inputs in 1_usize..300, outputs in 1_usize..7, samples in 2_usize..9, seed: u64,
    ) {
        let mut rng = Rng::new(seed);
        let mut net = Sequential::new().then(binary(inputs, outputs, &mut rng));
        net.push(ChannelScale::new(outputs, 1.0).unwrap());
        steps(&mut net, outputs, &mut rng);
        let drawn = Samples::draw(InputType::Bits, &[samples, inputs], &mut rng);
        train(&mut net, &drawn.numbers, &mut rng);
        match export(&mut net, InputType::Bits) {
            Ok(_) => check_trained(&mut net, InputType::Bits, &drawn),
            Err(ExportError::Rounding { found, steps, .. }) => {
                prop_assert!(steps > 1 && found > 0.0 && found < 1e-5, "{found}");
                let within = |tolerance| ExportConfig {
                    samples: Some(&drawn.numbers),
                    tolerance,
                    ..InputType::Bits.into()
                };
                // Not less than what was found, and as much is enough.
                let refused = export(&mut net, within(0.99 * found));
                let refused = matches!(refused, Err(ExportError::Rounding { .. }));
                prop_assert!(refused);
                let file = export(&mut net, within(found)).unwrap();
                net.set_training(false);
                let expected = net.forward(&Tape::new().constant(drawn.numbers.clone())).unwrap();
                let found = drawn.run(&file);
                let pairs = expected.value().data().iter().zip(found);
                for (expected, found) in pairs {
                    prop_assert!((expected - found).abs() <= 1e-4 * expected.abs().max(1.0));
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// A scale per output of numbers that say little: powers of two compose exactly.
#[test]
fn steps_that_round_nothing_away_become_one_exactly() {
    let rng = &mut Rng::new(1);
    let scale = |x: f64| ChannelScale::new(3, x).unwrap();
    let mut net = Sequential::new()
        .then(BinaryLinear::new(70, 3, rng).unwrap())
        .then(scale(0.25))
        .then(scale(-8.0))
        .then(BatchNorm::new(3).unwrap());
    let drawn = Samples::draw(InputType::Bits, &[5, 70], rng);
    net.forward(&Tape::new().constant(drawn.numbers.clone()))
        .unwrap();
    check_trained(&mut net, InputType::Bits, &drawn);
}

#[test]
fn steps_that_overflow_on_the_way_are_refused_by_name() {
    let rng = &mut Rng::new(1);
    let mut net = Sequential::new()
        .then(BinaryLinear::new(70, 1, rng).unwrap())
        .then(ChannelScale::new(1, 1e38).unwrap())
        .then(ChannelScale::new(1, 0.0).unwrap())
        .then(Sign);
    let text = export(&mut net, InputType::Bits).unwrap_err().to_string();
    assert!(
        text.starts_with("layer `2`: largest value of output 0 is -inf, expected a finite number"),
        "{text}"
    );
}

#[test]
fn a_tolerance_outside_its_range_is_refused() {
    for wrong in [-0.1, 1.1, f64::NAN] {
        let mut net = Sequential::new().then(BinaryLinear::new(4, 2, &mut Rng::new(1)).unwrap());
        let config = ExportConfig {
            tolerance: wrong,
            ..InputType::Bits.into()
        };
        assert!(matches!(
            export(&mut net, config),
            Err(ExportError::Network(_))
        ));
    }
}
