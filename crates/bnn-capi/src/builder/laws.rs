//! The builder writes what `bnn train` writes of the same network, and the file runs.
#![allow(unsafe_code, reason = "exported functions are called as C would")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod images;

use std::collections::BTreeMap;
use std::ptr::null_mut;

use bnn_autograd::export::{ExportConfig, export};
use bnn_autograd::nn::{
    BatchNorm, BinaryConv2d, BinaryLinear, Flatten, InputThresholds, MaxPool2d, Module, Sequential,
    SignWeightConv2d, SignWeightLinear,
};
use bnn_autograd::ops::{ConvOptions, PadValue, Padding};
use bnn_autograd::{Rng, Tensor};
use bnn_core::model::{AlignedBytes, Input, InputType, Model, Output};

use super::images::*;
use super::layers::*;
use super::*;
use crate::boundary::OptionalInput;
use crate::conv2d::bnn_conv2d_options_t;
use crate::conv2d::options::{bnn_conv2d_options_init, bnn_pad_value_t};
use crate::model::run::bnn_model_run_batch;
use crate::model::{bnn_element_t, bnn_model_t};
use crate::status::bnn_status_t::*;
use crate::testing::eighths;

const DEPTH: u8 = 5;

/// Everything in a network that is learned or counted, by name.
fn tensors(net: &Sequential) -> BTreeMap<String, Tensor> {
    let mut tensors = BTreeMap::new();
    net.params(&mut |name, param| {
        tensors.insert(name.to_owned(), param.value().clone());
    });
    net.buffers(&mut |name, buffer| {
        tensors.insert(name.to_owned(), buffer.clone());
    });
    tensors
}

/// Gives batch norms factors of both signs and statistics of all sizes.
fn move_norms(net: &mut Sequential) {
    let mut moved = 0;
    net.params_mut(&mut |name, param| {
        if !name.ends_with("weight") {
            moved += 1;
            let value = eighths(param.value().numel(), moved);
            param
                .set_value(Tensor::new(value, param.value().shape()).unwrap())
                .unwrap();
        }
    });
    net.buffers_mut(&mut |_, buffer| {
        moved += 1;
        let values = eighths(buffer.numel(), moved).into_iter().map(f32::abs);
        *buffer = Tensor::new(values.collect(), buffer.shape()).unwrap();
    });
}

fn new(element: bnn_element_t, bits: i32) -> Result<*mut bnn_builder_t, bnn_status_t> {
    let mut builder = null_mut();
    // SAFETY: a place for the handle.
    match unsafe { bnn_builder_new(element as i32, bits, &mut builder) } {
        BNN_OK => Ok(builder),
        status => Err(status),
    }
}

fn free(builder: *mut bnn_builder_t) {
    // SAFETY: a handle of the library's, used by nobody any more.
    unsafe { bnn_builder_free(Some(Box::from_raw(builder))) };
}

fn linear(builder: *mut bnn_builder_t, w: &Tensor) -> bnn_status_t {
    // SAFETY: a slice of the size that is passed.
    unsafe { bnn_builder_linear_f32(builder, w.data().as_ptr(), w.shape()[0], w.shape()[1]) }
}

fn image(builder: *mut bnn_builder_t, [height, width, channels]: [usize; 3]) -> bnn_status_t {
    // SAFETY: a handle.
    unsafe { bnn_builder_image(builder, height, width, channels) }
}

/// 3 x 3 taps over images of a size, padded by one pixel all around.
fn padded(image: [usize; 3], outputs: usize, groups: usize) -> bnn_conv2d_options_t {
    let mut options = std::mem::MaybeUninit::uninit();
    // SAFETY: a place for the options, which the call fills.
    let mut options = unsafe {
        assert_eq!(bnn_conv2d_options_init(options.as_mut_ptr()), BNN_OK);
        options.assume_init()
    };
    [options.height, options.width, options.channels] = image;
    (options.outputs, options.groups) = (outputs, groups);
    (options.kernel_height, options.kernel_width) = (3, 3);
    (options.pad_top, options.pad_bottom) = (1, 1);
    (options.pad_left, options.pad_right) = (1, 1);
    options
}

fn conv2d(builder: *mut bnn_builder_t, o: &bnn_conv2d_options_t, w: &Tensor) -> bnn_status_t {
    // SAFETY: a handle, options, and as many floats as they say.
    unsafe { bnn_builder_conv2d_f32(builder, o, w.data().as_ptr()) }
}

/// A pool of windows two pixels high, `stride` apart, one pixel wide.
fn max_pool(builder: *mut bnn_builder_t, stride: usize) -> bnn_status_t {
    let mut options = std::mem::MaybeUninit::uninit();
    // SAFETY: a place for the options, which the call fills; a handle.
    unsafe {
        assert_eq!(bnn_pool2d_options_init(options.as_mut_ptr()), BNN_OK);
        let mut options = options.assume_init();
        (options.kernel_height, options.kernel_width) = (2, 1);
        options.stride_y = stride;
        bnn_builder_max_pool2d(builder, &options)
    }
}

fn flatten(builder: *mut bnn_builder_t) -> bnn_status_t {
    // SAFETY: a handle.
    unsafe { bnn_builder_flatten(builder) }
}

fn affine(builder: *mut bnn_builder_t, scale: &[f32], bias: &[f32]) -> bnn_status_t {
    let (factors, summands) = (Some(scale).into(), Some(bias).into());
    // SAFETY: slices of the size that is passed.
    unsafe { bnn_builder_affine_f32(builder, factors, summands, scale.len()) }
}

fn batch_norm(builder: *mut bnn_builder_t, all: &BTreeMap<String, Tensor>, at: usize) {
    let of = |name: &str| all[&format!("{at}.{name}")].data();
    let (gamma, beta): (OptionalInput, OptionalInput) =
        (Some(of("gamma")).into(), Some(of("beta")).into());
    let (mean, var) = (of("running_mean"), of("running_var"));
    // SAFETY: slices of the size that is passed.
    let status = unsafe {
        let (mean, var, n) = (mean.as_ptr(), var.as_ptr(), mean.len());
        bnn_builder_batch_norm_f32(builder, gamma, beta, mean, var, 1e-5, n)
    };
    assert_eq!(status, BNN_OK);
}

fn set_tolerance(builder: *mut bnn_builder_t, tolerance: f32) -> bnn_status_t {
    // SAFETY: a handle.
    unsafe { bnn_builder_set_tolerance(builder, tolerance) }
}

fn finish(builder: *mut bnn_builder_t) -> Result<Vec<u8>, bnn_status_t> {
    let mut bytes = 0;
    // SAFETY: a place for a number, and a slice of the size that is passed.
    unsafe {
        match bnn_builder_finish(builder, &mut bytes) {
            BNN_OK => {}
            status => return Err(status),
        }
        let mut file = vec![0; bytes];
        let status = bnn_builder_file(builder, file.as_mut_ptr(), bytes);
        assert_eq!(status, BNN_OK);
        Ok(file)
    }
}

#[test]
fn the_file_is_the_one_that_export_writes_and_runs_as_the_core_does() {
    let mut rng = Rng::new(3);
    let mut net = Sequential::new()
        .then(SignWeightLinear::new(64, 70, &mut rng).unwrap())
        .then(BatchNorm::new(70).unwrap())
        .then(BinaryLinear::new(70, 10, &mut rng).unwrap())
        .then(BatchNorm::new(10).unwrap());
    move_norms(&mut net);
    let meta = "name=example\n";
    let input = InputType::Unsigned { depth: DEPTH };
    let config = ExportConfig {
        meta,
        ..input.into()
    };
    let expected = export(&mut net, config).unwrap();

    let all = tensors(&net);
    let builder = new(bnn_element_t::BNN_ELEMENT_U8, DEPTH.into()).unwrap();
    // SAFETY: a slice of the size that is passed.
    let status = unsafe { bnn_builder_meta(builder, meta.as_ptr(), meta.len()) };
    assert_eq!(status, BNN_OK);
    assert_eq!(linear(builder, &all["0.weight"]), BNN_OK);
    batch_norm(builder, &all, 1);
    assert_eq!(linear(builder, &all["2.weight"]), BNN_OK);
    batch_norm(builder, &all, 3);
    let file = finish(builder).unwrap();
    free(builder);
    assert!(file == expected);

    let samples = 3;
    let file = AlignedBytes::from(file.as_slice());
    let x: Vec<u8> = (0..samples * 64).map(|i| (i * 7 % 32) as u8).collect();
    let model = Model::open(&file).unwrap();
    let mut scratch = vec![0; model.scratch_words(samples).unwrap()];
    let mut scores = vec![0.0; samples * 10];
    let output = Output::F32(&mut scores);
    model
        .run(samples, Input::Bytes(&x), output, &mut scratch)
        .unwrap();

    let opened = bnn_model_t::of(model);
    let mut found = vec![f32::NAN; scores.len()];
    // SAFETY: slices of the sizes that are passed.
    let status = unsafe {
        bnn_model_run_batch(
            &opened,
            samples,
            x.as_ptr().cast(),
            x.len(),
            found.as_mut_ptr().cast(),
            4 * found.len(),
            scratch.as_mut_ptr().cast(),
            8 * scratch.len(),
        )
    };
    assert_eq!(status, BNN_OK);
    assert_eq!(found, scores);
}

#[test]
fn a_model_that_begins_with_thresholds_is_the_one_that_export_writes() {
    let thresholds: Vec<u8> = (0..70).map(|i: u32| (i * 11 % 251) as u8).collect();
    let w = Tensor::new(eighths(3 * 70, 1), &[3, 70]).unwrap();
    let mut linear_layer = BinaryLinear::new(70, 3, &mut Rng::new(1)).unwrap();
    linear_layer.params_mut(&mut |_, weight| weight.set_value(w.clone()).unwrap());
    let mut net = Sequential::new()
        .then(InputThresholds::new(&thresholds).unwrap())
        .then(linear_layer);
    let expected = export(&mut net, InputType::Thresholds).unwrap();
    let new = |len: usize| {
        let mut builder = null_mut();
        // SAFETY: at least `len` bytes, and a place for the handle.
        let status = unsafe { bnn_builder_new_thresholds(thresholds.as_ptr(), len, &mut builder) };
        (status, builder)
    };
    let (status, builder) = new(70);
    assert_eq!(status, BNN_OK);
    assert_eq!(linear(builder, &w), BNN_OK);
    assert!(finish(builder).unwrap() == expected);
    free(builder);
    // Other than one for each input: nothing is added, and nothing is begun of none.
    let (_, builder) = new(69);
    assert_eq!(linear(builder, &w), BNN_ERROR_LAYER);
    assert_eq!(finish(builder), Err(BNN_ERROR_LAYER));
    free(builder);
    assert_eq!(new(0), (BNN_ERROR_ZERO, null_mut()));
}

#[test]
fn weights_that_are_not_finite_are_refused() {
    let builder = new(bnn_element_t::BNN_ELEMENT_BITS, 1).unwrap();
    assert_eq!(image(builder, [3, 3, 1]), BNN_OK);
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut w = vec![0.5; 9];
        w[7] = odd;
        let w = Tensor::new(w, &[1, 3, 3, 1]).unwrap();
        let status = conv2d(builder, &padded([3, 3, 1], 1, 1), &w);
        assert_eq!(status, BNN_ERROR_NOT_FINITE);
        let w = w.reshape(&[9, 1]).unwrap();
        assert_eq!(linear(builder, &w), BNN_ERROR_NOT_FINITE);
    }
    assert_eq!(finish(builder), Err(BNN_ERROR_LAYER));
    free(builder);
}

#[test]
fn thresholds_compare_sums_over_the_whole_range_of_their_type() {
    let k = 3;
    let thresholds = [
        i32::MIN,
        -(1 << 24) - 1,
        -3,
        -1,
        0,
        3,
        4,
        (1 << 24) + 1,
        i32::MAX,
    ];
    let n = thresholds.len();
    let w = Tensor::new(vec![1.0; n * k], &[n, k]).unwrap();
    let threshold = |builder, n| {
        // SAFETY: a handle, and a slice of at least the size that is passed.
        unsafe { bnn_builder_threshold_i32(builder, thresholds.as_ptr(), n) }
    };
    let builder = new(bnn_element_t::BNN_ELEMENT_BITS, 1).unwrap();
    assert_eq!(threshold(builder, n), BNN_ERROR_LAYER);
    assert_eq!(linear(builder, &w), BNN_OK);
    assert_eq!(threshold(builder, n - 1), BNN_ERROR_LAYER);
    assert_eq!(threshold(builder, n), BNN_OK);
    let file = AlignedBytes::from(finish(builder).unwrap().as_slice());
    free(builder);
    let model = Model::open(&file).unwrap();
    let mut scratch = vec![0; model.scratch_words(1).unwrap()];
    for plus in 0..=k {
        let sum = 2 * plus as i32 - k as i32;
        let mut bits = [0];
        let x = [(1 << plus) - 1];
        let output = Output::Bits(&mut bits);
        model.run(1, Input::Bits(&x), output, &mut scratch).unwrap();
        for (j, &threshold) in thresholds.iter().enumerate() {
            assert_eq!(bits[0] >> j & 1 == 1, sum >= threshold, "{sum} {threshold}");
        }
    }
}

/// Channel scales, batch norms and biases after each other, as a layer with a bias before a batch
/// norm has them.
#[test]
fn affine_steps_that_follow_each_other_are_those_that_export_writes() {
    let mut rng = Rng::new(8);
    let mut net = Sequential::new()
        .then(BinaryLinear::new(70, 9, &mut rng).unwrap())
        .then(BatchNorm::new(9).unwrap())
        .then(BatchNorm::new(9).unwrap())
        .then(BinaryLinear::new(9, 4, &mut rng).unwrap())
        .then(BatchNorm::new(4).unwrap())
        .then(BatchNorm::new(4).unwrap());
    move_norms(&mut net);
    let tolerance = 1e-5;
    let config = ExportConfig {
        tolerance: tolerance.into(),
        ..InputType::Bits.into()
    };
    let expected = export(&mut net, config).unwrap();

    let all = tensors(&net);
    let builder = new(bnn_element_t::BNN_ELEMENT_BITS, 1).unwrap();
    assert_eq!(linear(builder, &all["0.weight"]), BNN_OK);
    batch_norm(builder, &all, 1);
    batch_norm(builder, &all, 2);
    assert_eq!(linear(builder, &all["3.weight"]), BNN_OK);
    batch_norm(builder, &all, 4);
    batch_norm(builder, &all, 5);
    for odd in [-0.1, 1.5, f32::NAN, f32::INFINITY] {
        assert_eq!(set_tolerance(builder, odd), BNN_ERROR_RANGE);
    }
    assert_eq!(set_tolerance(builder, tolerance), BNN_OK);
    assert!(finish(builder).unwrap() == expected);
    assert_eq!(set_tolerance(builder, 0.0), BNN_ERROR_LAYER);
    free(builder);
}

#[test]
fn what_follows_the_last_product_is_what_the_model_gives_out() {
    let w = Tensor::new(eighths(3 * 70, 1), &[3, 70]).unwrap();
    type Epilogue = fn(*mut bnn_builder_t);
    let epilogues: [(&str, Epilogue); 4] = [
        ("i32", |_| {}),
        ("f32", |builder| {
            assert_eq!(affine(builder, &[1.0; 3], &[0.5; 3]), BNN_OK);
        }),
        ("+-1 bits", |builder| {
            // SAFETY: a handle.
            assert_eq!(unsafe { bnn_builder_sign(builder) }, BNN_OK);
        }),
        ("+-1 bits", |builder| {
            assert_eq!(affine(builder, &[-1.0; 3], &[0.5; 3]), BNN_OK);
            // SAFETY: a handle.
            assert_eq!(unsafe { bnn_builder_sign(builder) }, BNN_OK);
        }),
    ];
    for (expected, epilogue) in epilogues {
        let builder = new(bnn_element_t::BNN_ELEMENT_BITS, 1).unwrap();
        assert_eq!(linear(builder, &w), BNN_OK);
        epilogue(builder);
        let file = AlignedBytes::from(finish(builder).unwrap().as_slice());
        let model = Model::open(&file).unwrap();
        assert_eq!(model.output().1.to_string(), expected);
        free(builder);
    }
}

#[test]
fn what_no_model_file_holds_is_refused_and_changes_nothing() {
    let w = Tensor::new(eighths(3 * 70, 1), &[3, 70]).unwrap();
    let narrow = Tensor::new(eighths(2 * 4, 1), &[2, 4]).unwrap();
    let plain = new(bnn_element_t::BNN_ELEMENT_BITS, 1).unwrap();
    let builder = new(bnn_element_t::BNN_ELEMENT_BITS, 1).unwrap();
    assert_eq!(finish(builder), Err(BNN_ERROR_LAYER));
    assert_eq!(affine(builder, &[1.0; 3], &[0.5; 3]), BNN_ERROR_LAYER);
    for builder in [plain, builder] {
        assert_eq!(linear(builder, &w), BNN_OK);
    }
    assert_eq!(linear(builder, &narrow), BNN_ERROR_LAYER);
    assert_eq!(affine(builder, &[1.0; 2], &[0.5; 2]), BNN_ERROR_LAYER);
    let infinite = affine(builder, &[f32::INFINITY; 3], &[0.5; 3]);
    assert_eq!(infinite, BNN_ERROR_NOT_FINITE);
    for builder in [plain, builder] {
        assert_eq!(affine(builder, &[1.0; 3], &[0.5; 3]), BNN_OK);
    }
    assert!(finish(builder) == finish(plain));
    assert_eq!(finish(builder), Err(BNN_ERROR_LAYER));
    assert_eq!(linear(builder, &w), BNN_ERROR_LAYER);
    free(builder);
    free(plain);

    use bnn_element_t::*;
    let odd = [
        (BNN_ELEMENT_BITS, 2),
        (BNN_ELEMENT_U8, 0),
        (BNN_ELEMENT_U8, 9),
        (BNN_ELEMENT_F32, 32),
    ];
    for (element, bits) in odd {
        assert_eq!(new(element, bits), Err(BNN_ERROR_RANGE));
    }
}

#[test]
fn a_builder_whose_model_could_not_be_finished_goes_on() {
    let w = Tensor::new(eighths(3 * 70, 1), &[3, 70]).unwrap();
    let builder = new(bnn_element_t::BNN_ELEMENT_BITS, 1).unwrap();
    // SAFETY: a handle.
    assert_eq!(unsafe { bnn_builder_sign(builder) }, BNN_OK);
    assert_eq!(finish(builder), Err(BNN_ERROR_LAYER));
    assert_eq!(linear(builder, &w), BNN_OK);
    let file = finish(builder).unwrap();
    free(builder);
    let file = AlignedBytes::from(file.as_slice());
    assert_eq!(Model::open(&file).unwrap().layers().len(), 1);
}

#[test]
fn numbers_of_thresholds_that_no_memory_has_are_refused() {
    let threshold = [7_u8];
    for len in [1_usize << 61, 1 << 62, usize::MAX] {
        let mut builder = null_mut();
        // SAFETY: the length is refused before the bytes are read.
        let status = unsafe { bnn_builder_new_thresholds(threshold.as_ptr(), len, &mut builder) };
        assert_eq!((status, builder), (BNN_ERROR_RANGE, null_mut()), "{len}");
    }
}
