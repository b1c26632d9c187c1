//! Models of images through the C functions.
#![allow(unsafe_code, reason = "exported functions are called as C would")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use core::mem::MaybeUninit;

use bnn_core::BitMatrix;
use bnn_core::conv::{Conv2d, ConvOptions, Padding, Pool2d};
use bnn_core::model::{AlignedBytes, Epilogue, Input, ModelWriter, Output};

use super::layer::{bnn_model_layer, bnn_model_layers};
use super::run::bnn_model_run_batch;
use super::*;
use crate::status::bnn_status_t::*;

const IMAGE: [usize; 3] = [6, 5, 3];

/// Bits in, a convolution, a pool, bits out: `[3, 5, 70]`.
fn file() -> AlignedBytes {
    let options = ConvOptions {
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    let conv = Conv2d::new(IMAGE, 70, [3, 3], options).unwrap();
    let weights: Vec<i32> = (0..70 * 27).map(|i| (i * i) % 7 - 3).collect();
    let filters = BitMatrix::pack(&weights, 70, 27).unwrap();
    let pool = Pool2d::new([6, 5, 70], [2, 1], [2, 1], Padding::Valid).unwrap();
    let mut writer = ModelWriter::new(InputType::Bits);
    let epilogue = Epilogue::Threshold([3_i32; 70].as_slice().into());
    writer.conv2d(&conv, filters.view(), epilogue).unwrap();
    writer.max_pool2d(&pool).unwrap();
    AlignedBytes::from(writer.finish().unwrap().as_slice())
}

#[test]
fn models_of_images_tell_their_shapes_and_run() {
    let file = file();
    let model = Model::open(&file).unwrap();
    let opened = bnn_model_t::of(model);
    let mut shape = [7; 4];
    let mut tensor = bnn_tensor_t {
        elements: 0,
        bytes: 0,
        element: 0,
        element_bits: 0,
    };
    // SAFETY: places of the sizes that the functions write.
    unsafe {
        assert_eq!(bnn_model_input_shape(&opened, shape.as_mut_ptr()), BNN_OK);
        assert_eq!(shape, [6, 5, 3, 7]);
        assert_eq!(bnn_model_output_shape(&opened, shape.as_mut_ptr()), BNN_OK);
        assert_eq!(shape, [3, 5, 70, 7]);
        assert_eq!(bnn_model_input(&opened, &mut tensor), BNN_OK);
    }
    assert_eq!((tensor.elements, tensor.bytes), (6 * 5 * 3, 6 * 5 * 8));
    // SAFETY: a place for the struct.
    assert_eq!(unsafe { bnn_model_output(&opened, &mut tensor) }, BNN_OK);
    assert_eq!((tensor.elements, tensor.bytes), (3 * 5 * 70, 3 * 5 * 16));

    let samples = 2;
    let numbers: Vec<i32> = (0..samples as i32 * 90)
        .map(|i| (i * 13) % 11 - 5)
        .collect();
    let x = BitMatrix::pack(&numbers, samples * 30, 3).unwrap();
    let mut scratch = vec![0; model.scratch_words(samples).unwrap()];
    let mut expected = vec![0; samples * 30];
    let output = Output::Bits(&mut expected);
    model
        .run(samples, Input::Bits(x.words()), output, &mut scratch)
        .unwrap();
    let mut y = vec![0_u64; samples * 30];
    // SAFETY: slices of the sizes that are passed.
    let status = unsafe {
        bnn_model_run_batch(
            &opened,
            samples,
            x.words().as_ptr().cast(),
            size_of_val(x.words()),
            y.as_mut_ptr().cast(),
            size_of_val(&y[..]),
            scratch.as_mut_ptr().cast(),
            size_of_val(&scratch[..]),
        )
    };
    assert_eq!(status, BNN_OK);
    assert_eq!(y, expected);
}

/// Bytes in, a binary convolution with a shortcut around it, scores out: a graph.
fn graph() -> AlignedBytes {
    use bnn_core::model::graph::{
        Graph, Node, NodeEpilogue, NodeWeights, Numbers, Operation, Values,
    };
    let options = ConvOptions {
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    let conv = Conv2d::new(IMAGE, 3, [3, 3], options).unwrap();
    let weights: Vec<i32> = (0..3 * 27).map(|i| (i * i) % 7 - 3).collect();
    let real = || NodeEpilogue::Real {
        scale: vec![0.5, 1.0, -2.0],
        bias: vec![0.25; 3],
    };
    let product = Operation::Product {
        conv,
        weights: NodeWeights::Bits(BitMatrix::pack(&weights, 3, 27).unwrap()),
        epilogue: real(),
    };
    let node = |operation, inputs: &[usize], values| Node {
        operation,
        inputs: inputs.to_vec(),
        values,
    };
    let graph = Graph {
        input: InputType::Unsigned { depth: 8 },
        input_shape: IMAGE,
        nodes: vec![
            node(Operation::Affine(real()), &[0], Values::Real),
            node(
                Operation::Sign(Numbers::Real(vec![9.0; 3])),
                &[1],
                Values::Bits,
            ),
            node(product, &[2], Values::Real),
            node(Operation::Add, &[1, 3], Values::Real),
        ],
        meta: "name=graph\n".into(),
    };
    AlignedBytes::from(graph.write().unwrap().as_slice())
}

#[test]
fn graphs_open_and_run_through_the_same_calls() {
    use crate::packed_model::run::bnn_packed_model_run;
    use crate::packed_model::{bnn_packed_model_free, bnn_packed_model_new};

    let file = graph();
    let model = Model::open(&file).unwrap();
    let opened = bnn_model_t::of(model);
    // SAFETY: a model that is open.
    assert_eq!(unsafe { bnn_model_layers(&opened) }, 0);
    for index in [0, 1, usize::MAX] {
        let mut layer = MaybeUninit::uninit();
        // SAFETY: a model that is open, and room for a layer.
        let status = unsafe { bnn_model_layer(&opened, index, layer.as_mut_ptr()) };
        assert_eq!(status, BNN_ERROR_UNSUPPORTED);
    }
    let samples = 2;
    let x: Vec<u8> = (0..samples * 90).map(|i| (i * 13) as u8).collect();
    let mut scratch = vec![0; model.scratch_words(samples).unwrap()];
    let mut expected = vec![0.0; samples * 90];
    let output = Output::F32(&mut expected);
    model
        .run(samples, Input::Bytes(&x), output, &mut scratch)
        .unwrap();
    let (mut y, mut packed_y) = (vec![0.0_f32; samples * 90], vec![0.0_f32; samples * 90]);
    let mut packed = core::ptr::null_mut();
    // SAFETY: slices of the sizes that are passed, and a model that is freed once.
    unsafe {
        let status = bnn_model_run_batch(
            &opened,
            samples,
            x.as_ptr().cast(),
            x.len(),
            y.as_mut_ptr().cast(),
            size_of_val(&y[..]),
            scratch.as_mut_ptr().cast(),
            size_of_val(&scratch[..]),
        );
        assert_eq!(status, BNN_OK);
        let status = bnn_packed_model_new(file.as_ptr(), file.len(), &raw mut packed);
        assert_eq!(status, BNN_OK);
        let status = bnn_packed_model_run(
            packed,
            samples,
            x.as_ptr().cast(),
            x.len(),
            packed_y.as_mut_ptr().cast(),
            size_of_val(&packed_y[..]),
        );
        assert_eq!(status, BNN_OK);
        bnn_packed_model_free(Some(Box::from_raw(packed)));
    }
    assert_eq!(y, expected);
    assert_eq!(packed_y, expected);
}
