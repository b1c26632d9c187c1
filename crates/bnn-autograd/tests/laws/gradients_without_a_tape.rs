//! The backward passes over slices give what the tape gives, bit for bit.
use bnn_autograd::internal::gradients::{self, SavedInput, conv2d, linear};
use bnn_autograd::ops::{self, ConvOptions, PadValue, Padding};
use bnn_autograd::{Error, Rng, Tape, Tensor};
use bnn_core::conv::{Conv2d, PackedFilters};
use bnn_core::{BitMatrix, PackedWeights};

fn random(shape: &[usize], rng: &mut Rng) -> Tensor {
    let count: usize = shape.iter().product();
    let numbers = (0..count).map(|_| rng.uniform(-2.0, 2.0) as f32);
    Tensor::new(numbers.collect(), shape).unwrap()
}

/// `(y, dx, dw)` of a function of two inputs on the tape, for the cotangent `dy`.
fn on_tape(
    x: &Tensor,
    w: &Tensor,
    dy: &Tensor,
    function: impl Fn(&bnn_autograd::Var, &bnn_autograd::Var) -> Result<bnn_autograd::Var, Error>,
) -> [Tensor; 3] {
    let tape = Tape::new();
    let (x, w) = (tape.leaf(x.clone()), tape.leaf(w.clone()));
    let y = function(&x, &w).unwrap();
    let grads = y.vjp(dy.clone()).unwrap();
    let of = |var| grads.get(var).unwrap().clone();
    [y.value().clone(), of(&x), of(&w)]
}

#[test]
fn linear_gradients_are_those_of_the_tape() {
    let mut rng = Rng::new(5);
    for [m, n, k] in [
        [1, 1, 1],
        [3, 5, 64],
        [7, 2, 65],
        [33, 70, 131],
        [130, 300, 257],
    ] {
        let (x, w) = (random(&[m, k], &mut rng), random(&[n, k], &mut rng));
        let dy = random(&[m, n], &mut rng);
        let [y, dx, dw] = on_tape(&x, &w, &dy, ops::binary_linear);

        let bits = BitMatrix::pack(w.data(), n, k).unwrap();
        let mut words = vec![u64::MAX; SavedInput::words(m, k).unwrap()];
        let saved = SavedInput::save(x.data(), m, k, 1.0, &mut words).unwrap();
        let mut found = vec![f32::NAN; m * k];
        linear::input(bits.view(), &saved, dy.data(), &mut found).unwrap();
        assert_eq!(found, dx.data());
        let mut found = vec![f32::NAN; n * k];
        linear::weights(&saved, dy.data(), &mut found).unwrap();
        assert_eq!(found, dw.data());

        // The scale's gradient is that of a scale on the tape.
        let tape = Tape::new();
        let (sums, scale) = (
            tape.constant(y),
            tape.leaf(Tensor::full(1.0, &[n]).unwrap()),
        );
        let scaled = ops::mul(&sums, &scale).unwrap();
        let expected = scaled.vjp(dy.clone()).unwrap();
        let mut found = vec![f32::NAN; n];
        let packed = PackedWeights::new(bits.view()).unwrap();
        linear::scale(&packed, &saved, dy.data(), &mut found).unwrap();
        assert_eq!(found, expected.get(&scale).unwrap().data());
    }
}

#[test]
fn convolution_gradients_are_those_of_the_tape() {
    let mut rng = Rng::new(6);
    for (channels, outputs, groups) in [(3, 4, 1), (64, 5, 1), (6, 4, 2), (5, 10, 5)] {
        for pad_value in [PadValue::Zero, PadValue::MinusOne, PadValue::PlusOne] {
            let options = ConvOptions {
                stride: [1, 2],
                groups,
                padding: Padding::Same,
                pad_value,
                ..ConvOptions::default()
            };
            let (batch, side) = (3, 9);
            let conv = Conv2d::new([side, side, channels], outputs, [3, 3], options).unwrap();
            let x = random(&[batch, side, side, channels], &mut rng);
            let w = random(&[outputs, 3, 3, channels / groups], &mut rng);
            let [height, width] = conv.windows().output_size();
            let dy = random(&[batch, height, width, outputs], &mut rng);
            let [y, dx, dw] = on_tape(&x, &w, &dy, |x, w| ops::binary_conv2d(x, w, options));

            let bits = BitMatrix::pack(w.data(), outputs, conv.patch_len()).unwrap();
            let image = side * side * channels;
            let mut words = vec![u64::MAX; SavedInput::words(batch, image).unwrap()];
            let saved = SavedInput::save(x.data(), batch, image, 1.0, &mut words).unwrap();
            let mut found = vec![f32::NAN; x.numel()];
            conv2d::input(&conv, bits.view(), &saved, dy.data(), &mut found).unwrap();
            assert_eq!(found, dx.data());
            let mut found = vec![f32::NAN; w.numel()];
            conv2d::filters(&conv, &saved, dy.data(), &mut found).unwrap();
            assert_eq!(found, dw.data());

            let mut found = vec![f32::NAN; outputs];
            let packed = PackedFilters::new(&conv, bits.view()).unwrap();
            conv2d::scale(&packed, &saved, dy.data(), &mut found).unwrap();
            let pairs = dy.data().chunks(outputs).zip(y.data().chunks(outputs));
            let mut expected = vec![0.0_f64; outputs];
            for (dy, y) in pairs {
                for (sum, (dy, y)) in expected.iter_mut().zip(dy.iter().zip(y)) {
                    *sum += f64::from(*dy) * f64::from(*y);
                }
            }
            let expected: Vec<f32> = expected.into_iter().map(|sum| sum as f32).collect();
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn slices_of_other_lengths_are_refused_before_anything_is_written() {
    let bits = BitMatrix::zeros(3, 5).unwrap();
    let packed = PackedWeights::new(bits.view()).unwrap();
    let mut words = vec![0; 4];
    let saved = SavedInput::save(&[0.5; 10], 2, 5, 1.0, &mut words).unwrap();
    let (dy, mut dx) = ([1.0; 6], [7.0_f32; 15]);
    assert!(linear::input(bits.view(), &saved, &dy[1..], &mut dx[..10]).is_err());
    assert!(linear::input(bits.view(), &saved, &dy, &mut dx).is_err());
    assert!(linear::weights(&saved, &dy, &mut dx[..10]).is_err());
    assert!(linear::weights(&saved, &dy, &mut dx[..14]).is_err());
    assert!(linear::weights(&saved, &[], &mut []).is_err());
    assert!(linear::scale(&packed, &saved, &dy, &mut dx[..2]).is_err());
    assert!(gradients::bias(&dy, &mut dx[..4]).is_err());
    assert!(gradients::bias(&dy, &mut []).is_err());
    assert!(gradients::scaled(&dy, &[1.0; 4]).is_err());
    let conv = Conv2d::new([1, 5, 1], 3, [1, 5], ConvOptions::default()).unwrap();
    let narrow = BitMatrix::zeros(3, 4).unwrap();
    assert!(conv2d::input(&conv, narrow.view(), &saved, &dy, &mut dx[..10]).is_err());
    assert!(conv2d::input(&conv, bits.view(), &saved, &dy, &mut dx).is_err());
    assert!(conv2d::filters(&conv, &saved, &dy[1..], &mut dx).is_err());
    assert!(conv2d::filters(&conv, &saved, &dy, &mut dx[1..]).is_err());
    assert_eq!(dx, [7.0; 15]);
    let mut room = [7; 4];
    assert!(SavedInput::save(&[0.5; 9], 2, 5, 1.0, &mut room).is_err());
    assert!(SavedInput::save(&[0.5; 10], 2, 5, 1.0, &mut room[..3]).is_err());
    assert_eq!(room, [7; 4]);
    assert!(SavedInput::read(&[32, 0, 0, 0], 2, 5).is_err());
    assert!(SavedInput::read(&[0, 0, 0, 32], 2, 5).is_err());
    assert!(SavedInput::words(usize::MAX, 64).is_err());
}
