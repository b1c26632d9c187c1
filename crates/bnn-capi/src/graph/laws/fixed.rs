//! Graphs of fixed point are those that the core writes; what does not fit is refused.

use super::*;
use crate::boundary::OptionalIntegers;
use crate::graph::fixed::*;

const I16: i32 = bnn_element_t::BNN_ELEMENT_I16 as i32;
const I32: i32 = bnn_element_t::BNN_ELEMENT_I32 as i32;

fn to(element: i32, exponent: i32, shift: i32) -> bnn_fixed_t {
    bnn_fixed_t {
        element,
        exponent,
        shift,
    }
}

fn fixed_conv<T>(
    graph: *mut bnn_graph_t,
    x: usize,
    options: &bnn_conv2d_options_t,
    (weights, w): (bnn_weights_t, &[T]),
    to: &bnn_fixed_t,
    [factor, bias]: [&[i32]; 2],
) -> Result<usize, bnn_status_t> {
    let (w, weights) = (w.as_ptr().cast(), weights as i32);
    let (factor, bias) = (factor.as_ptr(), bias.as_ptr());
    // SAFETY: slices of the sizes that the options say.
    node(|node| unsafe {
        bnn_graph_conv2d_fixed_i32(graph, x, options, weights, w, to, factor, bias, node)
    })
}

fn fixed_affine(
    graph: *mut bnn_graph_t,
    x: usize,
    to: &bnn_fixed_t,
    [factor, bias]: [&[i32]; 2],
) -> Result<usize, bnn_status_t> {
    let (n, factor, bias) = (factor.len(), factor.as_ptr(), bias.as_ptr());
    // SAFETY: slices of the size that is passed.
    node(|node| unsafe { bnn_graph_affine_fixed_i32(graph, x, to, factor, bias, n, node) })
}

fn fixed_prelu(
    graph: *mut bnn_graph_t,
    x: usize,
    [before, slope, after]: [&[i32]; 3],
    shift: i32,
) -> Result<usize, bnn_status_t> {
    let optional = |x: &[i32]| -> OptionalIntegers { Some(x).filter(|x| !x.is_empty()).into() };
    let (n, slope) = (slope.len(), slope.as_ptr());
    // SAFETY: slices of the size that is passed.
    node(|node| unsafe {
        let (before, after) = (optional(before), optional(after));
        bnn_graph_prelu_fixed_i32(graph, x, before, slope, after, shift, n, node)
    })
}

fn fixed_add(graph: *mut bnn_graph_t, a: usize, b: usize, e: i32) -> Result<usize, bnn_status_t> {
    // SAFETY: a handle, and a place for the number.
    node(|node| unsafe { bnn_graph_add_fixed(graph, a, b, e, node) })
}

fn fixed_clamp(
    graph: *mut bnn_graph_t,
    x: usize,
    low: i32,
    high: i32,
) -> Result<usize, bnn_status_t> {
    // SAFETY: a handle, and a place for the number.
    node(|node| unsafe { bnn_graph_clamp_i32(graph, x, low, high, node) })
}

/// Every node of fixed point, from bytes to integer scores.
#[test]
fn a_graph_of_fixed_point_is_the_one_that_the_core_writes() {
    let image = [6, 5, 3];
    let stem: Vec<i8> = (0..4 * 27).map(|i| (i * 37 % 255 - 127) as i8).collect();
    let block = eighths(4 * 36, 2);
    let head: Vec<i8> = (0..2 * 8).map(|i| (i * 11 % 255 - 127) as i8).collect();
    let (factor, bias, slope) = ([3, -5, 1 << 20, 7], [1, 0, -9, 4], [1, 2, -3, 200]);
    let none: [i32; 0] = [];

    let graph = new(bnn_element_t::BNN_ELEMENT_U8, 8, image);
    let weights = (BNN_WEIGHTS_I8, &stem[..]);
    let x = fixed_conv(
        graph,
        0,
        &padded(4),
        weights,
        &to(I16, 8, 20),
        [&factor, &bias],
    );
    assert_eq!(x, Ok(1));
    // SAFETY: a slice of 4 numbers.
    let x = node(|node| unsafe { bnn_graph_sign_i32(graph, 1, bias.as_ptr(), 4, node) });
    assert_eq!(x, Ok(2));
    let weights = (BNN_WEIGHTS_SIGNS, &block[..]);
    let x = fixed_conv(
        graph,
        2,
        &padded(4),
        weights,
        &to(I16, -3, 0),
        [&factor, &bias],
    );
    assert_eq!(x, Ok(3));
    assert_eq!(fixed_add(graph, 1, 3, 4), Ok(4));
    assert_eq!(fixed_prelu(graph, 4, [&none, &slope, &none], 7), Ok(5));
    assert_eq!(fixed_prelu(graph, 5, [&bias, &slope, &none], 62), Ok(6));
    assert_eq!(fixed_clamp(graph, 6, -100, 30000), Ok(7));
    assert_eq!(relu(graph, 6), Ok(8));
    assert_eq!(concat(graph, 7, 8), Ok(9));
    let mut halves = pool_options();
    (halves.kernel_height, halves.kernel_width) = (2, 1);
    assert_eq!(pool(graph, 9, &halves, true), Ok(10));
    assert_eq!(pool(graph, 10, &pool_options(), false), Ok(11));
    let eight = [[1; 8], [2; 8]];
    assert_eq!(
        fixed_affine(graph, 11, &to(I16, 0, 1), [&eight[0], &eight[1]]),
        Ok(12)
    );
    let (mut element, mut shape) = (0, [0; 3]);
    // SAFETY: places for the numbers.
    let status = unsafe { bnn_graph_node(graph, 12, &mut element, shape.as_mut_ptr()) };
    assert_eq!((status, element, shape), (BNN_OK, I16, [1, 1, 8]));
    let weights = (BNN_WEIGHTS_I8, &head[..]);
    let last = [&factor[..2], &bias[..2]];
    assert_eq!(
        fixed_conv(graph, 12, &windows(2, 0), weights, &to(I32, 16, 3), last),
        Ok(13)
    );
    let found = finish(graph).unwrap();
    free(graph);

    let fixed = |factor: &[i32], bias: &[i32], shift| NodeEpilogue::Fixed {
        factor: factor.to_vec(),
        bias: bias.to_vec(),
        shift,
    };
    let product = |image: [usize; 3], n, kernel, padding, weights, epilogue| {
        let options = ConvOptions {
            padding,
            ..ConvOptions::default()
        };
        Operation::Product {
            conv: Conv2d::new(image, n, kernel, options).unwrap(),
            weights,
            epilogue,
        }
    };
    let slopes = |shift| Slopes::Fixed {
        slope: slope.to_vec(),
        shift,
    };
    let of = |exponent| Values::Fixed { exponent };
    let (same, valid, three) = (Padding::Same, Padding::Valid, [3, 3]);
    let signs = NodeWeights::Bits(BitMatrix::pack(&block, 4, 36).unwrap());
    let halves = Pool2d::new([6, 5, 8], [2, 1], [2, 1], valid).unwrap();
    let whole = Pool2d::new([3, 5, 8], [3, 5], [3, 5], valid).unwrap();
    let nodes: [(Operation, &[usize], Values); 13] = [
        (
            product(
                image,
                4,
                three,
                same,
                NodeWeights::I8(stem),
                fixed(&factor, &bias, 20),
            ),
            &[0],
            of(8),
        ),
        (
            Operation::Sign(Numbers::Fixed(bias.to_vec())),
            &[1],
            Values::Bits,
        ),
        (
            product([6, 5, 4], 4, three, same, signs, fixed(&factor, &bias, 0)),
            &[2],
            of(-3),
        ),
        (Operation::Add, &[1, 3], of(4)),
        (Operation::Prelu(slopes(7)), &[4], of(4)),
        (
            Operation::Rprelu {
                before: Numbers::Fixed(bias.to_vec()),
                slope: slopes(62),
                after: Numbers::Fixed(vec![0; 4]),
            },
            &[5],
            of(4),
        ),
        (
            Operation::Clamp {
                low: NodeNumber::Fixed(-100),
                high: NodeNumber::Fixed(30000),
            },
            &[6],
            of(4),
        ),
        (Operation::Relu, &[6], of(4)),
        (Operation::Concat, &[7, 8], of(4)),
        (Operation::MaxPool(halves), &[9], of(4)),
        (Operation::AveragePool(whole), &[10], of(4)),
        (
            Operation::Affine(fixed(&eight[0], &eight[1], 1)),
            &[11],
            of(0),
        ),
        (
            product(
                [1, 1, 8],
                2,
                [1, 1],
                valid,
                NodeWeights::I8(head),
                fixed(last[0], last[1], 3),
            ),
            &[12],
            Values::Integer { exponent: 16 },
        ),
    ];
    let nodes = nodes.map(|(operation, inputs, values)| Node {
        operation,
        inputs: inputs.to_vec(),
        values,
    });
    let expected = Graph {
        input: InputType::Unsigned { depth: 8 },
        input_shape: image,
        nodes: nodes.into(),
        meta: String::new(),
    };
    assert!(found == expected.write().unwrap());
}

#[test]
fn numbers_that_fixed_point_does_not_have_are_refused() {
    let graph = new(bnn_element_t::BNN_ELEMENT_U8, 8, [2, 2, 1]);
    let (one, two, none) = ([1], [1, 2], [0; 0]);
    let plain = to(I16, 8, 0);
    assert_eq!(fixed_affine(graph, 0, &plain, [&one, &one]), Ok(1));
    assert_eq!(
        fixed_affine(graph, 1, &to(I16, -10, 0), [&one, &one]),
        Ok(2)
    );
    assert_eq!(fixed_affine(graph, 1, &to(I32, 0, 0), [&one, &one]), Ok(3));
    let odd = [
        to(3, 0, 0),
        to(I16, 32, 0),
        to(I16, -17, 0),
        to(I16, 1 << 8, 0),
        to(I32, 0, 63),
        to(I32, 0, -1),
    ];
    for odd in odd {
        assert_eq!(
            fixed_affine(graph, 1, &odd, [&one, &one]),
            Err(BNN_ERROR_RANGE)
        );
    }
    let w = [1_i8; 4];
    let whole = windows(1, 0);
    let conv = |x, to: &_| fixed_conv(graph, x, &whole, (BNN_WEIGHTS_I8, &w[..]), to, [&one, &one]);
    let refused: [Result<usize, bnn_status_t>; 10] = [
        fixed_add(graph, 1, 2, 0),  // exponents of 8 and -10
        fixed_add(graph, 1, 1, 24), // far from 8
        concat(graph, 1, 2),
        fixed_affine(graph, 1, &plain, [&two, &two]),
        fixed_affine(graph, 3, &plain, [&one, &one]), // an output
        fixed_prelu(graph, 0, [&none, &one, &none], 0),
        fixed_clamp(graph, 0, 0, 1),
        relu(graph, 3),
        conv(3, &plain),
        sign(graph, 1, &[0.0]),
    ];
    for (i, refused) in refused.into_iter().enumerate() {
        assert_eq!(refused, Err(BNN_ERROR_LAYER), "call {i}");
    }
    assert_eq!(
        fixed_prelu(graph, 1, [&none, &one, &none], 63),
        Err(BNN_ERROR_RANGE)
    );
    assert_eq!(fixed_clamp(graph, 1, 1, 0), Err(BNN_ERROR_RANGE));
    assert_eq!(fixed_add(graph, 1, 1, 40), Err(BNN_ERROR_RANGE));
    assert_eq!(conv(1, &to(I32, 5, 9)), Ok(4));
    free(graph);
}

/// Integers times fixed point, compared with thresholds.
#[test]
fn thresholds_of_fixed_point_are_those_that_the_core_writes() {
    let graph = new(bnn_element_t::BNN_ELEMENT_U8, 8, [2, 2, 1]);
    let (w, thresholds) = ([1_i8, -2, 100, -128, 3, 0, -7, 9], [-5, 1 << 20]);
    assert_eq!(fixed_affine(graph, 0, &to(I16, 3, 1), [&[5], &[-9]]), Ok(1));
    let whole = windows(2, 0);
    let of = |kind: bnn_weights_t, w: *const core::ffi::c_void| {
        let (kind, t) = (kind as i32, thresholds.as_ptr());
        // SAFETY: as many weights and thresholds as the options say.
        node(|node| unsafe { bnn_graph_conv2d_threshold_i32(graph, 1, &whole, kind, w, t, node) })
    };
    // Weights that do not go with fixed point are refused before they are read.
    for kind in [BNN_WEIGHTS_SIGNS, BNN_WEIGHTS_BITS, BNN_WEIGHTS_F32] {
        assert_eq!(of(kind, null()), Err(BNN_ERROR_LAYER));
    }
    assert_eq!(of(BNN_WEIGHTS_I8, w.as_ptr().cast()), Ok(2));
    let found = finish(graph).unwrap();
    free(graph);
    let node = |operation, input, values| Node {
        operation,
        inputs: vec![input],
        values,
    };
    let to_fixed = NodeEpilogue::Fixed {
        factor: vec![5],
        bias: vec![-9],
        shift: 1,
    };
    let product = Operation::Product {
        conv: Conv2d::new([2, 2, 1], 2, [2, 2], ConvOptions::default()).unwrap(),
        weights: NodeWeights::I8(w.to_vec()),
        epilogue: NodeEpilogue::Thresholds(thresholds.to_vec()),
    };
    let expected = Graph {
        input: InputType::Unsigned { depth: 8 },
        input_shape: [2, 2, 1],
        nodes: vec![
            node(
                Operation::Affine(to_fixed),
                0,
                Values::Fixed { exponent: 3 },
            ),
            node(product, 1, Values::Bits),
        ],
        meta: String::new(),
    };
    assert!(found == expected.write().unwrap());
}
