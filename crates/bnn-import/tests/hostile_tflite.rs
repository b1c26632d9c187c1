//! Small files of TensorFlow Lite that ask for much: refused by their limits before it is done.

mod flat;

use bnn_import::{ImportError, Limits, Options, tflite};
use flat::{FLOAT32, INT8, INT32, Operator, Tensor, file};

const CONCATENATION: i32 = 2;
const FULLY_CONNECTED: i32 = 9;
const RESHAPE: i32 = 22;
const MEAN: i32 = 40;

fn floats(shape: &[i32], numbers: &[f32]) -> Tensor {
    Tensor {
        kind: FLOAT32,
        shape: shape.to_vec(),
        data: numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
        quantization: None,
    }
}

fn integers(shape: &[i32], scales: &[f32], zeros: &[i64]) -> Tensor {
    Tensor {
        kind: INT8,
        shape: shape.to_vec(),
        data: Vec::new(),
        quantization: Some((scales.to_vec(), zeros.to_vec())),
    }
}

fn operator(code: i32, inputs: &[i32], output: i32) -> Operator {
    Operator {
        code,
        inputs: inputs.to_vec(),
        output,
        option: None,
    }
}

fn refusal(file: &[u8]) -> ImportError {
    match tflite(file, &Options::default()) {
        Err(error) => error,
        Ok(_) => panic!("it is imported"),
    }
}

/// Asserts that a file needs more memory than there is.
fn assert_too_large(file: &[u8], limits: Limits, of: &str) {
    let options = Options {
        limits,
        ..Options::default()
    };
    match tflite(file, &options) {
        Err(ImportError::Limit { what, .. }) => assert_eq!(what, "bytes of memory", "{of}"),
        Err(other) => panic!("{of}: {other}"),
        Ok(_) => panic!("{of} is imported"),
    }
}

/// Images whose sizes multiply to small numbers where products wrap at 2^64.
const WRAPPING: [([i32; 4], usize); 4] = [
    ([1, 769_546, 494_770, 48_448_661], 4),
    ([1, 1 << 30, 1 << 30, 16], 0),
    ([1, i32::MAX, i32::MAX, 4], 0),
    ([i32::MAX, i32::MAX, i32::MAX, i32::MAX], 1),
];

#[test]
fn sizes_whose_products_wrap_are_refused() {
    let all = Limits {
        memory_bytes: u64::MAX,
        ..Limits::default()
    };
    for (image, features) in WRAPPING {
        let k = features.max(1);
        let made = floats(&[1, k as i32], &[]);
        let axes = Tensor {
            kind: INT32,
            shape: vec![2],
            data: [1_i32, 2].iter().flat_map(|x| x.to_le_bytes()).collect(),
            quantization: None,
        };
        for (code, constant) in [
            (FULLY_CONNECTED, floats(&[1, k as i32], &vec![1.0; k])),
            (RESHAPE, made.clone()),
            (MEAN, axes),
        ] {
            let tensors = [floats(&image, &[]), constant, made.clone()];
            let file = file(&tensors, &[operator(code, &[0, 1], 2)]);
            for limits in [Limits::default(), all] {
                assert_too_large(&file, limits, &format!("operator {code} on {image:?}"));
            }
        }
    }
}

#[test]
fn constants_whose_sizes_wrap_are_refused() {
    for (shape, k) in WRAPPING {
        let weights = floats(&shape, &vec![1.0; k.max(1)]);
        let tensors = [
            floats(&[1, 1, 1, 4], &[]),
            weights,
            floats(&[1, 1, 1, 4], &[]),
        ];
        // Convolutions, and a depthwise one.
        for code in [3, 4] {
            let file = file(&tensors, &[operator(code, &[0, 1], 2)]);
            assert_too_large(&file, Limits::default(), &format!("filters {shape:?}"));
        }
    }
}

#[test]
fn channels_that_grow_64_times_with_each_operator_are_refused() {
    let tensors = [floats(&[1, 2, 2, 4], &[])];
    let mut joined = operator(CONCATENATION, &[0; 64], 0);
    joined.option = Some((0, 3));
    for memory_bytes in [1 << 30, u64::MAX] {
        let limits = Limits {
            memory_bytes,
            ..Limits::default()
        };
        let file = file(&tensors, &vec![joined.clone(); 12]);
        assert_too_large(&file, limits, "concatenation");
    }
}

#[test]
fn lists_of_zero_points_are_as_long_as_those_of_scales() {
    let dense = operator(FULLY_CONNECTED, &[0, 1], 2);
    let value = integers(&[1, 1], &[0.03], &[0]);
    let zeros = vec![0; 1_000_000];
    let mut weights = integers(&[1, 1], &[0.03], &zeros);
    weights.data = vec![1];
    let tensors = [value.clone(), weights.clone(), value.clone()];
    let error = refusal(&file(&tensors, std::slice::from_ref(&dense))).to_string();
    assert!(
        error.contains("1 scales and 1000000 zero points"),
        "{error}"
    );
    // Nor is a value's list read.
    weights.quantization = Some((vec![0.03], vec![0]));
    let long = integers(&[1, 1], &[0.03], &zeros);
    for (tensors, of) in [
        ([value.clone(), weights.clone(), long.clone()], "output"),
        ([long, weights, value], "input"),
    ] {
        let error = refusal(&file(&tensors, std::slice::from_ref(&dense))).to_string();
        let expected = "1 scales and 1000000 zero points, expected one";
        assert!(error.contains(expected), "{of}: {error}");
    }
}

#[test]
fn images_without_pixels_are_refused() {
    for image in [[1, 0, 4, 4], [1, 4, 0, 4], [1, 4, 4, 0]] {
        let tensors = [floats(&image, &[]), floats(&image, &[])];
        // RELU
        let error = refusal(&file(&tensors, &[operator(19, &[0], 1)])).to_string();
        assert!(error.contains("sizes of at least 1"), "{error}");
    }
}

#[test]
fn nodes_that_operators_become_are_counted() {
    let value = integers(&[1, 1, 1, 1], &[0.03], &[0]);
    let joined = integers(&[1, 1, 1, 64], &[0.03], &[0]);
    let mut concatenation = operator(CONCATENATION, &[0; 64], 1);
    concatenation.option = Some((0, 3));
    let limits = Limits {
        memory_bytes: 4 << 20,
        ..Limits::default()
    };
    // An operator becomes some 130 nodes and constants.
    let of = |operators: usize| {
        let tensors = [value.clone(), joined.clone()];
        file(&tensors, &vec![concatenation.clone(); operators])
    };
    assert_too_large(&of(100), limits, "100 operators");
    let options = Options {
        limits,
        ..Options::default()
    };
    assert!(tflite(&of(10), &options).is_ok());
}
