//! The files are those that the core writes of the same graphs.

use super::*;

const IMAGE: [usize; 3] = [6, 5, 3];

fn of(operation: Operation, inputs: &[usize], values: Values) -> Node {
    Node {
        operation,
        inputs: inputs.to_vec(),
        values,
    }
}

fn core_conv(image: [usize; 3], outputs: usize, padding: Padding, pad_value: PadValue) -> Conv2d {
    let options = ConvOptions {
        padding,
        pad_value,
        ..ConvOptions::default()
    };
    Conv2d::new(image, outputs, [3, 3], options).unwrap()
}

fn real(scale: &[f32], bias: &[f32]) -> NodeEpilogue {
    NodeEpilogue::Real {
        scale: scale.to_vec(),
        bias: bias.to_vec(),
    }
}

/// A stem of bytes, a binary block with a shortcut, rectifiers, pools and a head: every node that
/// works on floats.
#[test]
fn a_residual_network_is_the_one_that_the_core_writes() {
    let (stem, block) = (eighths(4 * 27, 1), eighths(4 * 36, 2));
    let (scale, bias, slope) = (eighths(4, 3), eighths(4, 4), eighths(4, 5));
    let head: Vec<i8> = (0..5 * 8).map(|i| (i * 37 % 255 - 127) as i8).collect();
    let last = eighths(2 * 5, 6);
    let meta = "name=residual\n";

    let graph = new(bnn_element_t::BNN_ELEMENT_U8, 8, IMAGE);
    // SAFETY: a slice of the size that is passed.
    let status = unsafe { bnn_graph_meta(graph, meta.as_ptr(), meta.len()) };
    assert_eq!(status, BNN_OK);
    let x = conv(
        graph,
        0,
        &padded(4),
        BNN_WEIGHTS_SIGNS,
        &stem,
        [&scale, &bias],
    );
    assert_eq!(x, Ok(1));
    assert_eq!(sign(graph, 1, &bias), Ok(2));
    let mut minus_one = padded(4);
    minus_one.pad_value = 1;
    let packed = BitMatrix::pack(&block, 4, 36).unwrap();
    let words = packed.view().words().to_vec();
    let y = conv(
        graph,
        2,
        &minus_one,
        BNN_WEIGHTS_BITS,
        &words,
        [&scale, &NONE],
    );
    assert_eq!(y, Ok(3));
    // SAFETY: slices of the sizes that are passed.
    let y = node(|node| unsafe {
        let (beta, mean) = (optional(&bias), scale.as_ptr());
        let var = [1.0, 2.0, 3.0, 4.0];
        bnn_graph_batch_norm_f32(
            graph,
            3,
            optional(&NONE),
            beta,
            mean,
            var.as_ptr(),
            0.5,
            4,
            node,
        )
    });
    assert_eq!(y, Ok(4));
    assert_eq!(add(graph, 1, 4), Ok(5));
    let prelu = |x, before: &[f32], after: &[f32]| {
        let (before, after) = (optional(before), optional(after));
        // SAFETY: slices of 4 floats.
        node(|node| unsafe {
            bnn_graph_prelu_f32(graph, x, before, slope.as_ptr(), after, 4, node)
        })
    };
    assert_eq!(prelu(5, &NONE, &NONE), Ok(6));
    assert_eq!(prelu(6, &bias, &NONE), Ok(7));
    // SAFETY: a handle.
    let x = node(|node| unsafe { bnn_graph_clamp_f32(graph, 7, -3.0, 50.0, node) });
    assert_eq!(x, Ok(8));
    assert_eq!(relu(graph, 7), Ok(9));
    assert_eq!(concat(graph, 8, 9), Ok(10));
    let mut halves = pool_options();
    (halves.kernel_height, halves.kernel_width, halves.pad_right) = (2, 2, 1);
    assert_eq!(pool(graph, 10, &halves, true), Ok(11));
    assert_eq!(pool(graph, 11, &pool_options(), false), Ok(12));
    let dense = |n| windows(n, 0);
    let x = conv(graph, 12, &dense(5), BNN_WEIGHTS_I8, &head, [&NONE, &NONE]);
    assert_eq!(x, Ok(13));
    let x = conv(
        graph,
        13,
        &dense(2),
        BNN_WEIGHTS_F32,
        &last,
        [&NONE, &bias[..2]],
    );
    assert_eq!(x, Ok(14));
    let (mut element, mut shape) = (0, [0; 3]);
    // SAFETY: places for the numbers.
    let status = unsafe { bnn_graph_node(graph, 11, &mut element, shape.as_mut_ptr()) };
    assert_eq!((status, element, shape), (BNN_OK, 3, [3, 3, 8]));
    let found = finish(graph).unwrap();
    free(graph);

    let ones = |n| vec![1.0_f32; n];
    let zeros = |n| vec![0.0_f32; n];
    let map = [6, 5, 4];
    let signs = |w: &[f32], k| NodeWeights::Bits(BitMatrix::pack(w, 4, k).unwrap());
    let folded = |j: usize| 1.0 / ((j + 1) as f32 + 0.5).sqrt();
    let norm: Vec<f32> = (0..4).map(folded).collect();
    let shift: Vec<f32> = (0..4).map(|j| bias[j] - scale[j] * norm[j]).collect();
    let halves = Padding::Explicit {
        top: 0,
        bottom: 0,
        left: 0,
        right: 1,
    };
    let product = |conv, weights, epilogue| Operation::Product {
        conv,
        weights,
        epilogue,
    };
    let one_pixel =
        |channels, n| Conv2d::new([1, 1, channels], n, [1, 1], ConvOptions::default()).unwrap();
    let slopes = || Slopes::Real(slope.clone());
    let operations = vec![
        product(
            core_conv(IMAGE, 4, Padding::Same, PadValue::Zero),
            signs(&stem, 27),
            real(&scale, &bias),
        ),
        Operation::Sign(Numbers::Real(bias.clone())),
        product(
            core_conv(map, 4, Padding::Same, PadValue::MinusOne),
            signs(&block, 36),
            real(&scale, &zeros(4)),
        ),
        Operation::Affine(real(&norm, &shift)),
        Operation::Add,
        Operation::Prelu(slopes()),
        Operation::Rprelu {
            before: Numbers::Real(bias.clone()),
            slope: slopes(),
            after: Numbers::Real(zeros(4)),
        },
        Operation::Clamp {
            low: NodeNumber::Real(-3.0),
            high: NodeNumber::Real(50.0),
        },
        Operation::Relu,
        Operation::Concat,
        Operation::MaxPool(Pool2d::new([6, 5, 8], [2, 2], [2, 2], halves).unwrap()),
        Operation::AveragePool(Pool2d::new([3, 3, 8], [3, 3], [3, 3], Padding::Valid).unwrap()),
        product(
            one_pixel(8, 5),
            NodeWeights::I8(head.clone()),
            real(&ones(5), &zeros(5)),
        ),
        product(
            one_pixel(5, 2),
            NodeWeights::F32(last.clone()),
            NodeEpilogue::Bias(bias[..2].to_vec()),
        ),
    ];
    let inputs: [&[usize]; 14] = [
        &[0],
        &[1],
        &[2],
        &[3],
        &[1, 4],
        &[5],
        &[6],
        &[7],
        &[7],
        &[8, 9],
        &[10],
        &[11],
        &[12],
        &[13],
    ];
    let nodes = operations.into_iter().zip(inputs);
    let nodes = nodes.map(|(operation, inputs)| {
        let values = match operation {
            Operation::Sign(_) => Values::Bits,
            _ => Values::Real,
        };
        of(operation, inputs, values)
    });
    let expected = Graph {
        input: InputType::Unsigned { depth: 8 },
        input_shape: IMAGE,
        nodes: nodes.collect(),
        meta: meta.to_owned(),
    };
    assert!(found == expected.write().unwrap());
}

/// Integers that become bits by thresholds, and bits that run through pools and joins.
#[test]
fn a_graph_of_bits_is_the_one_that_the_core_writes() {
    let w = eighths(4 * 27, 1);
    let thresholds = [-5, 0, 7, 1 << 20];
    let graph = new(bnn_element_t::BNN_ELEMENT_U8, 5, IMAGE);
    // SAFETY: slices of the sizes that the options say.
    let x = node(|node| unsafe {
        let (w, t) = (w.as_ptr().cast(), thresholds.as_ptr());
        bnn_graph_conv2d_threshold_i32(graph, 0, &padded(4), BNN_WEIGHTS_SIGNS as i32, w, t, node)
    });
    assert_eq!(x, Ok(1));
    // SAFETY: a slice of the size that is passed.
    let x = node(|node| unsafe { bnn_graph_sign_i32(graph, 0, thresholds.as_ptr(), 3, node) });
    assert_eq!(x, Ok(2));
    assert_eq!(concat(graph, 2, 1), Ok(3));
    let mut halves = pool_options();
    (halves.kernel_height, halves.kernel_width) = (2, 1);
    assert_eq!(pool(graph, 3, &halves, true), Ok(4));
    assert_eq!(flatten(graph, 4), Ok(5));
    let found = finish(graph).unwrap();
    free(graph);

    let product = Operation::Product {
        conv: core_conv(IMAGE, 4, Padding::Same, PadValue::Zero),
        weights: NodeWeights::Bits(BitMatrix::pack(&w, 4, 27).unwrap()),
        epilogue: NodeEpilogue::Thresholds(thresholds.to_vec()),
    };
    let halves = Pool2d::new([6, 5, 7], [2, 1], [2, 1], Padding::Valid).unwrap();
    let expected = Graph {
        input: InputType::Unsigned { depth: 5 },
        input_shape: IMAGE,
        nodes: vec![
            of(product, &[0], Values::Bits),
            of(
                Operation::Sign(Numbers::Fixed(thresholds[..3].to_vec())),
                &[0],
                Values::Bits,
            ),
            of(Operation::Concat, &[2, 1], Values::Bits),
            of(Operation::MaxPool(halves), &[3], Values::Bits),
            of(Operation::Flatten, &[4], Values::Bits),
        ],
        meta: String::new(),
    };
    assert!(found == expected.write().unwrap());
}
