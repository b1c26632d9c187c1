//! Laws of the configurations that papers give.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::tape::Tape;
use crate::tensor::Tensor;

/// Table 1 of the paper on MobileNet V1 (arXiv 1704.04861), which ReActNet-A follows.
#[test]
fn react_net_a_has_the_units_of_the_paper_and_a_score_for_each_class() {
    let paper = ResidualConfig::react_net_a([224, 224, 3], 32, 1000).unwrap();
    assert_eq!(paper.units.len(), 26);
    let strides: usize = paper.units.iter().map(|unit| unit.stride).product();
    assert_eq!(paper.stem.stride * strides, 32);
    let mut before = paper.stem.channels;
    for pair in paper.units.chunks(2) {
        let [reach, mix] = pair else {
            panic!("units come in pairs")
        };
        assert_eq!((reach.kernel, reach.channels), (3, before));
        assert_eq!((mix.kernel, mix.stride), (1, 1));
        before = mix.channels;
    }
    assert_eq!(before, 1024);

    let small = ResidualConfig::react_net_a([32, 32, 3], 2, 5).unwrap();
    let mut net = ResidualNet::new(small, &mut Rng::new(1)).unwrap();
    let pixels = Tensor::full(1.0, &[2, 32, 32, 3]).unwrap();
    let scores = net.forward(&Tape::new().constant(pixels)).unwrap();
    assert_eq!(scores.shape(), [2, 5]);
    assert!(ResidualConfig::react_net_a([32, 32, 3], usize::MAX, 5).is_err());
}

/// Table 1 of the same paper begins with depthwise filters of 3 x 3, then 1 x 1.
#[test]
fn separable_units_are_a_depthwise_one_and_one_of_single_taps() {
    let usual = ResidualConfig::resnet(Family::ReActNet, [8, 8, 1], 4, &[1, 1], 3).unwrap();
    let separable = usual.separable();
    let units = separable.units.iter();
    let units = units.map(|unit| (unit.channels, unit.kernel, unit.stride, unit.depthwise));
    let expected = [
        (4, 3, 1, true),
        (4, 1, 1, false),
        (4, 3, 1, true),
        (4, 1, 1, false),
        (4, 3, 2, true),
        (8, 1, 1, false),
        (8, 3, 1, true),
        (8, 1, 1, false),
    ];
    assert_eq!(units.collect::<Vec<_>>(), expected);
    assert_eq!(separable.clone().separable(), separable);
    let mut net = ResidualNet::new(separable.clone(), &mut Rng::new(1)).unwrap();
    let pixels = Tensor::full(1.0, &[2, 8, 8, 1]).unwrap();
    let scores = net.forward(&Tape::new().constant(pixels)).unwrap();
    assert_eq!(scores.shape(), [2, 3]);
    let mut wrong = separable;
    wrong.units[0].channels = 8;
    let error = ResidualNet::new(wrong, &mut Rng::new(1)).err().unwrap();
    assert!(error.to_string().contains("depthwise unit"), "{error}");
}

#[test]
fn series_whose_files_could_not_slide_are_refused_before_training() {
    let series = |rows: usize, strides: &[usize]| {
        let units = strides.iter().map(|&stride| UnitConfig {
            channels: 2,
            kernel: 3,
            stride,
            depthwise: false,
        });
        let config = ResidualConfig {
            image: [rows, 1, 1],
            family: Family::BiRealNet,
            fixed_point: None,
            integer_scores: false,
            stem: StemConfig {
                channels: 2,
                kernel: 1,
                stride: 1,
                pool: false,
            },
            units: units.collect(),
            slides: true,
            int8_units: 0,
            recompute: 0,
            classes: 2,
        };
        let net = ResidualNet::new(config, &mut Rng::new(1));
        net.err().map(|error| error.to_string())
    };
    assert_eq!(series(257, &[1]), None);
    assert!(series(258, &[1]).is_some_and(|text| text.contains("last image")));
    assert_eq!(series(16_000, &[2; 7]), None);
    assert!(series(16_380, &[2; 7]).is_some_and(|text| text.contains("window and of a step")));
}
