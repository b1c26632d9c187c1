//! Initial weights have the spread that they promise.

use super::*;

const LINEAR: &[usize] = &[100, 300];
/// `fan_in` is 3 * 2 * 50, `fan_out` 100 * 3 * 2.
const CONVOLUTION: &[usize] = &[100, 3, 2, 50];

/// Checks mean and standard deviation of some 30 000 numbers, and how far they reach.
#[track_caller]
fn check(x: &Tensor<f64>, std: f64, reach: f64) {
    let n = x.numel() as f64;
    let mean = x.data().iter().sum::<f64>() / n;
    let var = x.data().iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    // Five standard errors; those of the deviation are at most std / sqrt(2 n).
    assert!(mean.abs() < 5.0 * std / n.sqrt(), "mean {mean}");
    assert!(
        (var.sqrt() / std - 1.0).abs() < 5.0 / (2.0 * n).sqrt(),
        "{var}"
    );
    let largest = x.data().iter().fold(0.0, |a: f64, x| a.max(x.abs()));
    assert!(largest <= reach && largest > 1.7 * std, "{largest}");
}

#[test]
fn deviations_follow_the_fans_of_linear_and_convolution_weights() {
    let glorot = |fan_in: f64, fan_out: f64| (2.0 / (fan_in + fan_out)).sqrt();
    let kaiming = |fan_in: f64| (2.0 / fan_in).sqrt();
    let normals = [Init::GlorotNormal, Init::KaimingNormal];
    let uniforms = [Init::GlorotUniform, Init::KaimingUniform];
    let mut rng = Rng::new(7);
    for (shape, fan_in, fan_out) in [(LINEAR, 300.0, 100.0), (CONVOLUTION, 300.0, 600.0)] {
        let stds = [glorot(fan_in, fan_out), kaiming(fan_in)];
        for ((normal, uniform), std) in normals.iter().zip(uniforms).zip(stds) {
            let x = normal.tensor(shape, &mut rng).unwrap();
            assert_eq!(x.shape(), shape);
            check(&x, std, 6.0 * std);
            check(
                &uniform.tensor(shape, &mut rng).unwrap(),
                std,
                3.0_f64.sqrt() * std,
            );
        }
    }
    check(
        &Init::Uniform(0.3).tensor(&[30_000], &mut rng).unwrap(),
        0.3 / 3.0_f64.sqrt(),
        0.3,
    );
}

#[test]
fn normal_numbers_lie_within_one_two_and_three_deviations_as_often_as_they_should() {
    let drawn = Init::Normal(0.5).tensor(&[100_000], &mut Rng::new(3));
    let x: Tensor<f64> = drawn.unwrap();
    for (deviations, share) in [(1.0, 0.682_689), (2.0, 0.954_500), (3.0, 0.997_300)] {
        let inside = x
            .data()
            .iter()
            .filter(|x| x.abs() < deviations * 0.5)
            .count();
        let found = inside as f64 / 1e5;
        // Five standard errors of a share.
        let margin = 5.0 * f64::sqrt(share * (1.0 - share) / 1e5);
        assert!(
            (found - share).abs() < margin,
            "{found} within {deviations}"
        );
    }
}

#[test]
fn equal_seeds_give_equal_numbers_on_every_machine() {
    let draw = || (0..3).scan(Rng::new(1), |rng, _| Some(rng.normal().to_bits()));
    assert_eq!(draw().collect::<Vec<_>>(), NORMALS_OF_SEED_1);
}

/// Computed apart from this code, by a program in Python.
const NORMALS_OF_SEED_1: [u64; 3] = [
    0x3FE7_FE2B_6E80_ACBF,
    0xBFDB_4F02_841C_1194,
    0xBFF3_F7ED_083D_ECFA,
];

#[test]
fn what_has_no_fans_or_no_scale_is_refused() {
    let mut rng = Rng::new(0);
    for shape in [&[] as &[usize], &[5]] {
        let refused = Init::GlorotNormal.tensor::<f32>(shape, &mut rng);
        assert!(matches!(refused, Err(Error::Shape { .. })));
    }
    for shape in [&[0_usize, 0] as &[usize], &[3, 0], &[0, 2, 2, 3]] {
        let fans = [
            Init::GlorotUniform,
            Init::KaimingNormal,
            Init::KaimingUniform,
        ];
        for init in fans {
            let refused = init.tensor::<f32>(shape, &mut rng);
            assert!(matches!(refused, Err(Error::ZeroDimension { .. })));
        }
    }
    let large = Init::KaimingUniform.tensor::<f32>(&[usize::MAX, usize::MAX], &mut rng);
    assert!(matches!(large, Err(Error::TooLarge { .. })));
    assert!(Init::Uniform(0.0).tensor::<f32>(&[2], &mut rng).is_err());
    assert!(
        Init::Normal(f64::NAN)
            .tensor::<f32>(&[2], &mut rng)
            .is_err()
    );
}
