//! What goes around a step: clipped gradients, and how many weights have flipped.

use crate::common::params;

use bnn_autograd::nn::{BatchNorm, BinaryLinear, ParamKind, Sequential, SignWeightLinear};
use bnn_autograd::optim::{SignSnapshot, clip_grad_norm, clip_grad_value};
use bnn_autograd::{Error, Rng};
use params::{Params, number, sign};
use proptest::prelude::*;

proptest! {
    #[test]
    fn clipping_by_norm_scales_to_the_norm_and_only_larger_ones(
        grad in prop::collection::vec(number(), 1..60), max_norm in 0.01_f64..5.0,
    ) {
        let mut model = Params::one(ParamKind::Float, vec![0.0; grad.len()]);
        model.set_gradients(|i| grad[i]);
        let norm_of = |grad: &[f32]| grad.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        let norm = clip_grad_norm(&mut model, max_norm).unwrap();
        prop_assert!((norm - norm_of(&grad)).abs() <= 1e-12 * norm);
        let clipped = model.0[0].1.grad().unwrap().data().to_vec();
        if norm + 1e-6 <= max_norm {
            prop_assert_eq!(clipped, grad);
        } else {
            prop_assert!(norm_of(&clipped) <= max_norm * (1.0 + 1e-6));
            for (clipped, grad) in clipped.iter().zip(&grad) {
                let expected = f64::from(*grad) * max_norm / (norm + 1e-6);
                prop_assert!((f64::from(*clipped) - expected).abs() <= 1e-6 * expected.abs() + 1e-40);
            }
        }
    }

    #[test]
    fn a_snapshot_counts_the_weights_whose_signs_differ(
        before in prop::collection::vec(number(), 1..200), seed: u64,
    ) {
        let after: Vec<f32> = before.iter().enumerate()
            .map(|(i, &x)| if seed.rotate_left(i as u32) & 1 == 1 { -x } else { x })
            .collect();
        let expected = before.iter().zip(&after).filter(|(a, b)| sign(**a) != sign(**b)).count();
        let snapshot = |values: &[f32]| {
            let mut model = Params::one(ParamKind::Binary, values.to_vec());
            model.0.extend(Params::one(ParamKind::Float, values.to_vec()).0);
            SignSnapshot::of(&model).unwrap()
        };
        let flips = snapshot(&before).flips_to(&snapshot(&after)).unwrap();
        prop_assert_eq!(flips.total.flipped, expected as u64);
        prop_assert_eq!(flips.total.of, before.len() as u64);
        prop_assert_eq!(flips.params["p"], flips.total);
    }
}

#[test]
fn flips_are_counted_per_parameter_and_only_between_equal_models() {
    let network = |width, seed| {
        let mut rng = Rng::new(seed);
        // More than one piece, and no whole number of words.
        Sequential::new()
            .then(SignWeightLinear::<f32>::new(211, width, &mut rng).unwrap())
            .then(BatchNorm::new(width).unwrap())
            .then(BinaryLinear::new(width, 3, &mut rng).unwrap())
    };
    let (a, b) = (network(101, 1), network(101, 2));
    let snapshots = [&a, &b].map(|model| SignSnapshot::of(model).unwrap());
    let flips = snapshots[0].flips_to(&snapshots[1]).unwrap();
    assert_eq!(flips, snapshots[1].flips_to(&snapshots[0]).unwrap());
    let names: Vec<_> = flips.params.keys().map(String::as_str).collect();
    assert_eq!(names, ["0.weight", "2.weight"]);
    assert_eq!(flips.params["0.weight"].of, 211 * 101);
    assert_eq!(flips.total.of, 211 * 101 + 101 * 3);
    let share = flips.total.flipped as f64 / flips.total.of as f64;
    assert!((0.4..0.6).contains(&share));
    assert_eq!(
        snapshots[0].flips_to(&snapshots[0]).unwrap().total.flipped,
        0
    );

    let wider = SignSnapshot::of(&network(102, 1)).unwrap();
    let shorter = SignSnapshot::of(&Params::large()).unwrap();
    for other in [wider, shorter] {
        assert!(matches!(
            snapshots[0].flips_to(&other),
            Err(Error::Count { .. })
        ));
    }
}

#[test]
fn clipping_leaves_what_is_not_finite_to_be_noticed() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut model = Params::one(ParamKind::Float, vec![0.0; 3]);
        model.set_gradients(|i| if i == 1 { bad } else { 5.0 });
        assert!(!clip_grad_norm(&mut model, 1.0).unwrap().is_finite());
        assert_eq!(model.0[0].1.grad().unwrap().data()[0], 5.0);
        clip_grad_value(&mut model, 1.0).unwrap();
        let grad = model.0[0].1.grad().unwrap().data();
        assert_eq!((grad[0], grad[1].is_nan()), (1.0, bad.is_nan()));
    }
    let mut model = Params::large();
    assert_eq!(clip_grad_norm(&mut model, 1.0).unwrap(), 0.0);
    assert!(clip_grad_norm(&mut model, f64::NAN).is_err());
    assert!(clip_grad_value(&mut model, -1.0).is_err());
}
