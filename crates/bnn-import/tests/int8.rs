//! Operators of 8-bit integers between tensors of different scales and zero points: for all of the
//! 256 numbers, the model has the integers that TensorFlow Lite's fixed-point arithmetic makes.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;
mod flat;

use std::fs;
use std::path::Path;

use bnn_import::{ImportError, Inputs, Options, tflite};

use common::{assert_scores, scores};
use flat::{INT8, Operator, Tensor, file};

const CHANNELS: usize = 32;
const CASES: usize = 60;

/// The upper half of twice a product, as `SaturatingRoundingDoublingHighMul`.
fn high_mul(a: i64, b: i64) -> i64 {
    let nudge = if a * b >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    (a * b + nudge) / (1 << 31)
}

/// `RoundingDivideByPOT`, halves away from 0; or as the vector code of `QUANTIZE`, upwards.
fn divided(x: i64, exponent: u32, is_upwards: bool) -> i64 {
    if is_upwards {
        return (x + (1_i64 << exponent) / 2) >> exponent;
    }
    let mask = (1_i64 << exponent) - 1;
    let threshold = (mask >> 1) + i64::from(x < 0);
    (x >> exponent) + i64::from(x & mask > threshold)
}

/// `MultiplyByQuantizedMultiplier`, of a multiplier that `QuantizeMultiplier` makes.
fn scaled(x: i64, factor: f64, is_upwards: bool) -> i64 {
    let (mut fraction, mut exponent) = (factor, 0_i32);
    while fraction.abs() >= 1.0 {
        (fraction, exponent) = (fraction / 2.0, exponent + 1);
    }
    while fraction != 0.0 && fraction.abs() < 0.5 {
        (fraction, exponent) = (fraction * 2.0, exponent - 1);
    }
    let multiplier = (fraction * 2_f64.powi(31)).round() as i64;
    let left = exponent.max(0) as u32;
    let right = (-exponent).max(0) as u32;
    divided(high_mul(x << left, multiplier), right, is_upwards)
}

/// The scale of 8-bit integers, and their zero point.
#[derive(Clone, Copy, Debug)]
struct Grid {
    scale: f32,
    zero: i8,
}

/// A field of an operator's options.
type Choice = Option<(usize, i32)>;

/// A file of one operator on `channels` numbers, perhaps with a constant.
fn network(
    (code, option): (i32, Choice),
    channels: usize,
    (from, to): (Grid, Grid),
    constant: Option<(&[i8], Grid)>,
) -> Vec<u8> {
    let tensor = |len: usize, numbers: &[i8], Grid { scale, zero }| Tensor {
        kind: INT8,
        shape: vec![1, len as i32],
        data: numbers.iter().map(|&number| number as u8).collect(),
        quantization: Some((vec![scale], vec![zero.into()])),
    };
    let mut tensors = vec![tensor(channels, &[], from)];
    tensors.extend(constant.map(|(numbers, grid)| tensor(numbers.len(), numbers, grid)));
    let output = tensors.len() as i32;
    tensors.push(tensor(channels, &[], to));
    let operator = Operator {
        code,
        inputs: (0..output).collect(),
        output,
        option,
    };
    file(&tensors, &[operator])
}

struct Random(u32);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        (self.0 >> 8) % end
    }

    fn byte(&mut self) -> i8 {
        (self.below(256) as i32 - 128) as i8
    }

    /// One in three times a power of two, so that there are halves.
    fn grid(&mut self) -> Grid {
        let scale = match self.below(3) {
            0 => 2_f32.powi(self.below(7) as i32 - 5),
            _ => 0.01 + self.below(1 << 20) as f32 / (1 << 20) as f32,
        };
        let zero = self.byte();
        Grid { scale, zero }
    }
}

/// The model's integers, `[256 samples, channels]`: channel `c` of sample `s` takes `q(s, c)`.
fn integers(file: &[u8], channels: usize, from: Grid, to: Grid) -> Result<Vec<i64>, ImportError> {
    let options = Options {
        inputs: Inputs::Bytes {
            scale: from.scale.into(),
            mean: vec![(128.0 + f32::from(from.zero)) * from.scale],
            deviation: vec![],
        },
        ..Options::default()
    };
    let imported = tflite(file, &options)?;
    let bytes = (0..256).flat_map(|s| (0..channels).map(move |c| (q(s, c) + 128) as u8));
    let scores = scores(&imported.file, &bytes.collect::<Vec<u8>>());
    let levels = scores.iter().map(|score| (score / to.scale).round() as i64);
    Ok(levels.map(|level| level + i64::from(to.zero)).collect())
}

fn q(sample: usize, channel: usize) -> i64 {
    ((sample + 8 * channel) % 256) as i64 - 128
}

/// Compares an operator in many cases with a definition, which takes an input less its zero point
/// and a channel's constant less its own, and is to be clamped.
fn agrees(
    (name, code): (&str, i32),
    channels: usize,
    constants: usize,
    case: impl Fn(&mut Random, [f32; 3]) -> (Choice, Definition),
) {
    let mut random = Random(code as u32);
    for _ in 0..CASES {
        let [from, mut grid, to] = [0; 3].map(|_| random.grid());
        // Products that 16 bits hold.
        grid.scale = (grid.scale / 16.0).min(to.scale / from.scale / 8.0);
        let numbers: Vec<i8> = (0..constants).map(|_| random.byte()).collect();
        let (options, Definition { least, most, of }) =
            case(&mut random, [from.scale, grid.scale, to.scale]);
        let constant = (constants > 0).then_some((&numbers[..], grid));
        let file = network((code, options), channels, (from, to), constant);
        let found = integers(&file, channels, from, to)
            .unwrap_or_else(|error| panic!("{name}, {from:?}, {grid:?}, {to:?}: {error}"));
        for s in 0..256 {
            for c in 0..channels {
                let number = match numbers.len() {
                    0 => 0,
                    n => i64::from(numbers[c % n]) - i64::from(grid.zero),
                };
                let x = q(s, c) - i64::from(from.zero);
                let zero = i64::from(to.zero);
                let level = of(x, number).clamp(level(least, to), level(most, to));
                assert_eq!(
                    found[s * channels + c],
                    (level + zero).clamp(-128, 127),
                    "{name} of {x} and {number}: {from:?}, {grid:?}, {to:?}"
                );
            }
        }
    }
}

/// An operator's integers, and what its activation lets through.
struct Definition {
    least: f32,
    most: f32,
    of: Box<dyn Fn(i64, i64) -> i64>,
}

fn unbounded(of: impl Fn(i64, i64) -> i64 + 'static) -> Definition {
    Definition {
        least: -1e9,
        most: 1e9,
        of: Box::new(of),
    }
}

fn level(bound: f32, grid: Grid) -> i64 {
    (bound / grid.scale).round() as i64
}

#[test]
fn quantize_rounds_halves_upwards_where_there_is_a_vector_of_16() {
    for channels in [CHANNELS, 8] {
        agrees(("QUANTIZE", 114), channels, 0, |_, [from, _, to]| {
            let factor = f64::from(from) / f64::from(to);
            let of = move |x, _| scaled(x, factor, channels >= 16);
            (None, unbounded(of))
        });
    }
}

#[test]
fn rectifiers_with_bounds_are_rounded_twice() {
    for (name, code, least, most) in [
        ("RELU", 19, 0.0, 1e9),
        ("RELU_N1_TO_1", 20, -1.0, 1.0),
        ("RELU6", 21, 0.0, 6.0),
    ] {
        agrees((name, code), CHANNELS, 0, |_, [from, _, to]| {
            let factor = f64::from(from / to);
            let of = Box::new(move |x, _| scaled(x, factor, false));
            (None, Definition { least, most, of })
        });
    }
}

#[test]
fn rectifiers_with_slopes_have_a_multiplier_for_each_sign() {
    agrees(("LEAKY_RELU", 98), CHANNELS, 0, |random, [from, _, to]| {
        let slope = random.below(1000) as f32 / 600.0 - 0.5;
        let (below, above) = (f64::from(from * slope / to), f64::from(from / to));
        let of = move |x, _| scaled(x, if x < 0 { below } else { above }, false);
        (Some((0, slope.to_bits() as i32)), unbounded(of))
    });
    for constants in [1, CHANNELS] {
        let case = |_: &mut Random, [from, slope, to]: [f32; 3]| {
            let (below, above) = (f64::from(from * slope / to), f64::from(from / to));
            let of = move |x, number| match x {
                0.. => scaled(x, above, false),
                _ => scaled(x * number, below, false),
            };
            (None, unbounded(of))
        };
        agrees(("PRELU", 54), CHANNELS, constants, case);
    }
}

#[test]
fn products_with_constants_are_rounded_twice() {
    for constants in [1, CHANNELS] {
        let case = |_: &mut Random, [from, number, to]: [f32; 3]| {
            let factor = f64::from(from * number / to);
            let of = move |x, number| scaled(x * number, factor, false);
            (None, unbounded(of))
        };
        agrees(("MUL", 18), CHANNELS, constants, case);
    }
}

/// `MUL` with a fused `RELU`, whose scales have 8/255 among them.
#[test]
fn a_product_that_one_rounding_takes_to_0_is_1() {
    let (one, number) = (1.0, 8.0 / 255.0);
    let [from, to] = [-128, -128].map(|zero| Grid { scale: one, zero });
    let constant = (
        &[5][..],
        Grid {
            scale: number,
            zero: 0,
        },
    );
    let file = network((18, Some((0, 1))), 1, (from, to), Some(constant));
    let found = integers(&file, 1, from, to).unwrap();
    assert_eq!(found[3], 1 - 128);
}

#[test]
fn what_has_no_definition_in_8_bits_is_refused() {
    let grid = |scale| Grid { scale, zero: 0 };
    let refusal = |code, from, number, to| {
        let constant = Some((&[5][..], grid(number)));
        let file = network((code, None), 4, (grid(from), grid(to)), constant);
        tflite(&file, &Options::default()).unwrap_err().to_string()
    };
    for (code, [from, number, to], why) in [
        (42, [1.0, 1.0, 1.0], "a quotient of 8-bit integers"),
        (18, [1.0, 1.0, 0.01], "overflow the 16 bits"),
        (54, [1.0, 1.0, 1e-9], "its multiplier overflows"),
        (54, [1e30, 1e30, 1.0], "its multiplier overflows"),
    ] {
        let error = refusal(code, from, number, to);
        assert!(error.contains(why), "{error}");
    }
}

/// With scales that make halves, and others.
#[test]
fn products_are_rounded_twice_halves_upwards() {
    let mut random = Random(9);
    for case in 0..CASES {
        let [from, to] = [0; 2].map(|_| random.grid());
        let zero = to.zero;
        let scale = match case % 2 {
            0 => 0.125,
            _ => 0.01 + random.below(1 << 20) as f32 / (1 << 24) as f32,
        };
        let rows: Vec<i8> = (0..CHANNELS * CHANNELS).map(|_| random.byte()).collect();
        // So that sums are as large as the outputs' range.
        let to_scale = from.scale * scale * [256.0, 300.0, 777.0, 0.5, 2.0][case % 5];
        let to = Grid {
            scale: to_scale,
            zero,
        };
        let tensor = |shape: [usize; 2], numbers: &[i8], Grid { scale, zero }| Tensor {
            kind: INT8,
            shape: shape.map(|side| side as i32).to_vec(),
            data: numbers.iter().map(|&number| number as u8).collect(),
            quantization: Some((vec![scale], vec![zero.into()])),
        };
        let tensors = [
            tensor([1, CHANNELS], &[], from),
            tensor([CHANNELS, CHANNELS], &rows, Grid { scale, zero: 0 }),
            tensor([1, CHANNELS], &[], to),
        ];
        let operator = Operator {
            code: 9,
            inputs: vec![0, 1],
            output: 2,
            option: None,
        };
        let found = integers(&file(&tensors, &[operator]), CHANNELS, from, to).unwrap();
        let factor = f64::from(from.scale * scale) / f64::from(to.scale);
        for s in 0..256 {
            for (o, row) in rows.chunks(CHANNELS).enumerate() {
                let products = row.iter().enumerate();
                let products =
                    products.map(|(c, &w)| (q(s, c) - i64::from(from.zero)) * i64::from(w));
                let sum: i64 = products.sum();
                let level = scaled(sum, factor, true) + i64::from(to.zero);
                assert_eq!(
                    found[s * CHANNELS + o],
                    level.clamp(-128, 127),
                    "{sum} times {factor}"
                );
            }
        }
    }
}

/// Tensors of different scales and zero points in a row (`models/make_int8.py`).
#[test]
fn a_network_of_different_scales_has_the_scores_of_the_interpreter() {
    let read = |ending: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
        fs::read(folder.join(format!("lce_int8.{ending}"))).unwrap()
    };
    let options = Options {
        inputs: Inputs::Bytes {
            scale: 1.0,
            mean: vec![128.0],
            deviation: vec![],
        },
        ..Options::default()
    };
    let imported = tflite(&read("tflite"), &options).unwrap();
    let found = scores(&imported.file, &read("input"));
    assert_scores("lce_int8", &found, &read("scores"));
}
