//! Networks of too many weights are refused before they are made.

use super::{MOST_WEIGHTS, WeightCount};
use crate::error::Error;
use crate::models::{
    Cnn, CnnConfig, Family, Mlp, MlpConfig, ResidualConfig, ResidualNet, StemConfig, UnitConfig,
};
use crate::rng::Rng;

#[test]
fn as_many_weights_as_the_error_says_are_counted_and_no_more() {
    let mut weights = WeightCount::default();
    weights.add(1 << 14, [1 << 10, 9]).unwrap();
    weights.add(MOST_WEIGHTS - (9 << 24), [1, 1]).unwrap();
    let error = weights.add(3, [2, 1]).unwrap_err().to_string();
    let expected = "number of weights is 268435462, expected at most 268435456";
    assert_eq!(error, expected);
    assert!(weights.add(usize::MAX, [usize::MAX, 9]).is_err());
    assert!(error.ends_with(&MOST_WEIGHTS.to_string()));
}

#[track_caller]
fn check<T>(network: Result<T, Error>, found: f64) {
    let is_refused = matches!(
        network,
        Err(Error::OutOfRange { what: "number of weights", found: weights, .. })
            if weights == found
    );
    assert!(is_refused, "{:?}", network.err());
}

fn mlp(hidden: &[usize]) -> Result<Mlp, Error> {
    let config = MlpConfig {
        inputs: 16,
        hidden: hidden.to_vec(),
        classes: 2,
        ..MlpConfig::default()
    };
    Mlp::new(config, &mut Rng::new(1))
}

fn cnn(stages: &[&[usize]], hidden: &[usize]) -> Result<Cnn, Error> {
    let config = CnnConfig {
        image: [4, 4, 1],
        stages: stages.iter().map(|stage| stage.to_vec()).collect(),
        hidden: hidden.to_vec(),
        classes: 2,
    };
    Cnn::new(config, &mut Rng::new(1))
}

fn residual(stem: usize, units: &[(usize, usize)], classes: usize) -> Result<ResidualNet, Error> {
    let config = ResidualConfig {
        stem: StemConfig {
            channels: stem,
            kernel: 3,
            stride: 1,
            pool: false,
        },
        units: units
            .iter()
            .map(|&(channels, kernel)| UnitConfig {
                channels,
                kernel,
                stride: 1,
                depthwise: false,
            })
            .collect(),
        ..ResidualConfig::resnet(Family::BiRealNet, [4, 4, 1], 1, &[1], classes)?
    };
    ResidualNet::new(config, &mut Rng::new(1))
}

#[cfg(target_pointer_width = "64")]
#[test]
fn networks_without_memory_for_a_sample_are_refused_before_any_weight_is_made() {
    #[track_caller]
    fn check<T>(network: Result<T, Error>, elements: usize) {
        let Err(Error::Core(bnn_core::Error::OutOfMemory { bytes })) = network else {
            panic!("{:?}", network.err());
        };
        assert!(bytes >= 16 * elements && bytes < 17 * elements, "{bytes}");
    }
    // 2^30 pixels, of which the first layer makes 2^13 channels each.
    let (image, channels) = ([1 << 15, 1 << 15, 1], 1 << 13);
    let mut stages = vec![vec![1]; 12];
    stages[0] = vec![channels];
    let cnn = CnnConfig {
        image,
        stages,
        hidden: Vec::new(),
        classes: 2,
    };
    check(Cnn::new(cnn, &mut Rng::new(1)), 1 << 43);
    let stem = StemConfig {
        channels,
        kernel: 1,
        stride: 1,
        pool: false,
    };
    let unit = UnitConfig {
        channels,
        kernel: 1,
        stride: 1,
        depthwise: false,
    };
    let residual = ResidualConfig {
        stem,
        units: vec![unit],
        ..ResidualConfig::resnet(Family::BiRealNet, image, 1, &[1], 2).unwrap()
    };
    check(ResidualNet::new(residual, &mut Rng::new(1)), 1 << 43);
}

#[test]
fn networks_with_more_are_refused_before_any_weight_is_made() {
    check(mlp(&[1 << 40]), 2_f64.powi(44));
    check(mlp(&[4, 1 << 40]), 64.0 + 2_f64.powi(42));
    check(mlp(&[1 << 20, 1 << 20]), 2_f64.powi(24) + 2_f64.powi(40));
    check(cnn(&[&[1 << 30]], &[]), 9.0 * 2_f64.powi(30));
    check(cnn(&[&[2, 1 << 40]], &[]), 18.0 + 18.0 * 2_f64.powi(40));
    // Of four pixels of two channels.
    check(cnn(&[&[2]], &[1 << 40]), 18.0 + 2_f64.powi(43));
    check(residual(1 << 30, &[(1 << 30, 3)], 2), 9.0 * 2_f64.powi(30));
    check(residual(1, &[(1 << 40, 1)], 2), 9.0 + 2_f64.powi(40));
    check(residual(1, &[(1, 3)], 1 << 40), 18.0 + 2_f64.powi(40));
}
