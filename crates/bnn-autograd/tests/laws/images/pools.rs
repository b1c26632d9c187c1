//! Values of pools, their edges, and what they keep.

use bnn_autograd::ops::{self, Padding};
use bnn_autograd::{Error, Tape, Tensor};
use proptest::prelude::*;

use super::definition::{padding, sides, values, windows};

/// What `join` makes of the elements under each window, the padding left out.
fn pool(
    x: &Tensor<f64>,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
    join: impl Fn(&[f64]) -> f64,
) -> Tensor<f64> {
    let &[batch, height, width, channels] = x.shape() else {
        panic!("{:?}", x.shape())
    };
    let (sides, same) = sides(padding);
    let [top, rows] = windows(height, kernel[0], stride[0], 1, sides[0], same);
    let [start, columns] = windows(width, kernel[1], stride[1], 1, sides[1], same);
    let mut y = Vec::new();
    for at in 0..batch * rows * columns * channels {
        let (c, at) = (at % channels, at / channels);
        let (ox, at) = (at % columns, at / columns);
        let (oy, b) = (at % rows, at / rows);
        let mut under = Vec::new();
        for iy in (oy * stride[0]..oy * stride[0] + kernel[0]).filter_map(|y| y.checked_sub(top)) {
            for ix in
                (ox * stride[1]..ox * stride[1] + kernel[1]).filter_map(|x| x.checked_sub(start))
            {
                if iy < height && ix < width {
                    under.push(x.data()[((b * height + iy) * width + ix) * channels + c]);
                }
            }
        }
        y.push(join(&under));
    }
    Tensor::new(y, &[batch, rows, columns, channels]).unwrap()
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn largest(x: &[f64]) -> f64 {
    x.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

proptest! {
    #[test]
    fn pools_equal_their_definition(
        batch in 1_usize..3, height in 3_usize..9, width in 3_usize..9, channels in 1_usize..20,
        kernel in prop::array::uniform2(3_usize..4), stride in prop::array::uniform2(1_usize..4),
        padding in padding(), seed: u64,
    ) {
        let x = values(&[batch, height, width, channels], seed);
        let tape = Tape::new();
        let leaf = tape.leaf(x.clone());
        let y = ops::max_pool2d(&leaf, kernel, stride, padding).unwrap();
        prop_assert_eq!(y.value(), &pool(&x, kernel, stride, padding, largest));
        // One byte for each of its elements.
        prop_assert_eq!(tape.memory().total, y.value().numel());

        let y = ops::avg_pool2d(&leaf, kernel, stride, padding).unwrap();
        prop_assert_eq!(y.value(), &pool(&x, kernel, stride, padding, mean));
        let y = ops::global_avg_pool(&leaf).unwrap();
        let whole = pool(&x, [height, width], [1, 1], Padding::Valid, mean);
        prop_assert_eq!(y.value(), &whole.reshape(&[batch, channels]).unwrap());
    }
}

fn max_of(x: &[f32]) -> (f32, Vec<f32>) {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::new(x.to_vec(), &[1, 1, x.len(), 1]).unwrap());
    let width = x.shape()[2];
    let y = ops::max_pool2d(&x, [1, width], [1, 1], Padding::Valid).unwrap();
    let gradients = y.backward().unwrap();
    let gradient = gradients.get(&x).unwrap().data().to_vec();
    (y.value().item().unwrap(), gradient)
}

#[test]
fn of_equal_elements_the_first_gets_the_gradient() {
    assert_eq!(max_of(&[1.0, 2.0, 2.0]), (2.0, vec![0.0, 1.0, 0.0]));
    let (y, gradient) = max_of(&[-0.0, 0.0]);
    assert_eq!((y.is_sign_negative(), gradient), (true, vec![1.0, 0.0]));
    let all = [f32::NEG_INFINITY; 2];
    assert_eq!(max_of(&all), (f32::NEG_INFINITY, vec![1.0, 0.0]));
}

#[test]
fn nan_counts_as_the_least_number() {
    let (nan, low) = (f32::NAN, f32::NEG_INFINITY);
    assert_eq!(max_of(&[nan, 1.0]), (1.0, vec![0.0, 1.0]));
    assert_eq!(max_of(&[1.0, nan]), (1.0, vec![1.0, 0.0]));
    assert_eq!(max_of(&[nan, low, nan]), (low, vec![1.0, 0.0, 0.0]));
    assert_eq!(max_of(&[nan, nan]), (low, vec![1.0, 0.0]));
}

#[test]
fn pools_that_do_not_fit_are_refused() {
    let tape = Tape::new();
    let x = tape.constant(Tensor::full(1.0_f32, &[4, 4, 3]).unwrap());
    let rank = ops::max_pool2d(&x, [2, 2], [2, 2], Padding::Valid);
    assert!(matches!(
        rank,
        Err(Error::Shape {
            what: "images of a pool",
            ..
        })
    ));
    assert!(matches!(ops::global_avg_pool(&x), Err(Error::Shape { .. })));
    let x = tape.constant(Tensor::full(1.0_f32, &[1, 4, 4, 3]).unwrap());
    for (kernel, stride) in [([5, 1], [1, 1]), ([0, 1], [1, 1]), ([1, 1], [0, 1])] {
        let refused = ops::avg_pool2d(&x, kernel, stride, Padding::Valid);
        assert!(matches!(refused, Err(Error::Core(_))));
    }
}
