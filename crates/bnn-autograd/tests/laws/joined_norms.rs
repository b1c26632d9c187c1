//! A binary layer takes the signs and the mask of a batch norm before it without the normalised
//! values: bits, gradients and what is kept are those of the two operations one after the other.

use bnn_autograd::nn::{BinaryConv2d, BinaryLinear, Init, MaxPool2d, Module};
use bnn_autograd::ops::{self, ConvOptions, Estimator, Padding};
use bnn_autograd::{Error, Rng, Tape, Tensor, Var};

/// The scores of a layer after a batch norm, all gradients, and the bytes that the tape keeps.
#[derive(Debug, PartialEq)]
struct Run {
    bits: Vec<Vec<u32>>,
    kept: usize,
}

/// Somebody looks at the normalised values before the layer, after it, or never.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Look {
    Before,
    After,
    Never,
}

fn bits(x: &Tensor) -> Vec<u32> {
    x.data().iter().map(|x| x.to_bits()).collect()
}

fn run(x: &Tensor, layer: &mut dyn Module, training: bool, look: Look) -> Result<Run, Error> {
    let tape = Tape::new();
    let n = *x.shape().last().unwrap();
    // Columns that are all +0, all -0, all 1 (inside the mask), infinite and NaN among them.
    let edges = [
        (0.0, 0.0),
        (0.0, -0.0),
        (0.0, 1.0),
        (f32::INFINITY, 0.0),
        (1.0, f32::NAN),
    ];
    let random = Init::Uniform(1.0).tensor(&[2 * n], &mut Rng::new(5))?;
    let (mut gamma, mut beta) = (random.data()[..n].to_vec(), random.data()[n..].to_vec());
    for (i, edge) in edges.into_iter().enumerate().take(n.saturating_sub(2)) {
        (gamma[i], beta[i]) = edge;
    }
    let gamma = tape.leaf(Tensor::new(gamma, &[n])?);
    let beta = tape.leaf(Tensor::new(beta, &[n])?);
    let x = tape.leaf(x.clone());
    let (y, stats) = ops::batch_norm(&x, &gamma, &beta, 1e-5)?;
    let y = match training {
        true => y,
        false => ops::batch_norm_eval(&x, &gamma, &beta, &stats, 1e-5)?,
    };
    let mut seen = vec![];
    if look == Look::Before {
        seen.push(bits(y.value()));
    }
    let scores = layer.forward(&y)?;
    if look != Look::Before {
        seen.push(bits(y.value()));
    }
    let kept = tape.memory().total;
    let dy = Init::Uniform(1.0).tensor(scores.shape(), &mut Rng::new(6))?;
    let gradients = scores.vjp(dy)?;
    seen.push(bits(scores.value()));
    let of = |v: &Var| gradients.get(v).map(bits).unwrap_or_default();
    seen.extend([of(&x), of(&gamma), of(&beta)]);
    gradients.add_to(layer)?;
    layer.params(&mut |_, weight| seen.extend(weight.grad().map(bits)));
    layer.zero_grad();
    Ok(Run { bits: seen, kept })
}

/// [`run`] where nobody looks before the layer, so that nothing is computed for it.
fn check(x: &Tensor, layer: &mut dyn Module) -> Result<(), Error> {
    for training in [true, false] {
        let separate = run(x, layer, training, Look::Before)?;
        for look in [Look::After, Look::Never] {
            assert_eq!(
                run(x, layer, training, look)?,
                separate,
                "{look:?}, training: {training}"
            );
        }
    }
    Ok(())
}

const ESTIMATORS: [Estimator; 4] = [
    Estimator::Clipped,
    Estimator::Identity,
    Estimator::Approx,
    Estimator::SWISH,
];

/// Real numbers, or integers as a binary layer sums.
fn values(shape: &[usize], integers: bool) -> Result<Tensor, Error> {
    let mut x: Tensor = Init::Uniform(20.0).tensor(shape, &mut Rng::new(7))?;
    if integers {
        x.data_mut().iter_mut().for_each(|x| *x = x.round());
    }
    Ok(x)
}

#[test]
fn signs_of_a_batch_norm_are_those_of_its_values_in_linear_layers() -> Result<(), Error> {
    // Around words, and rows around the pieces that are computed at a time and the threads' tasks.
    let sizes = [
        [2, 1],
        [3, 63],
        [2, 64],
        [5, 65],
        [64, 66],
        [70, 300],
        [3, 5000],
        [300, 129],
    ];
    for [m, k] in sizes {
        for estimator in ESTIMATORS {
            for integers in [false, true] {
                let mut layer = BinaryLinear::new(k, 7, &mut Rng::new(1))?;
                layer.estimator = estimator;
                check(&values(&[m, k], integers)?, &mut layer)?;
            }
        }
    }
    Ok(())
}

#[test]
fn signs_of_a_batch_norm_are_those_of_its_values_in_convolutions() -> Result<(), Error> {
    let options = ConvOptions {
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    // Channels that are no whole words, images around the pieces.
    for [images, side, channels] in [[2, 3, 5], [3, 5, 64], [9, 8, 70], [40, 6, 33]] {
        for estimator in ESTIMATORS {
            for pool in [None, Some(MaxPool2d::new([2, 2]))] {
                let mut layer = BinaryConv2d::new(channels, 6, [3, 3], options, &mut Rng::new(2))?;
                layer.estimator = estimator;
                layer.pool = pool;
                check(&values(&[images, side, side, channels], true)?, &mut layer)?;
            }
        }
    }
    Ok(())
}

/// Statistics go by the distances from the first row.
#[test]
fn statistics_are_those_of_any_columns() -> Result<(), Error> {
    let column = |first: f64, others: f64| {
        let others = (1..100).map(move |i| others + f64::from(i % 7));
        std::iter::once(first).chain(others).collect::<Vec<_>>()
    };
    let columns = [
        column(3.0e7, 3.0e7),
        column(0.0, 3.0e7),
        column(-3.0e7, 0.0),
        vec![3.0e7; 100],
    ];
    for x in columns {
        let tape = Tape::<f64>::new();
        let mean = x.iter().sum::<f64>() / 100.0;
        let var = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 100.0;
        let one = tape.constant(Tensor::full(1.0, &[1])?);
        let x = tape.constant(Tensor::new(x, &[100, 1])?);
        let (_, stats) = ops::batch_norm(&x, &one, &one, 1e-5)?;
        let (found_mean, found_var) = (stats.mean.data()[0], stats.var.data()[0]);
        assert!((found_mean - mean).abs() <= 1e-14 * mean.abs());
        assert!(
            (found_var - var).abs() <= 1e-13 * var,
            "{found_var} for {var}"
        );
    }
    Ok(())
}
