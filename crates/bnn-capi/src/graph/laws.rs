#![allow(unsafe_code, reason = "exported functions are called as C would")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::ptr::{null, null_mut};

use bnn_core::BitMatrix;
use bnn_core::conv::{Conv2d, ConvOptions, PadValue, Padding, Pool2d};
use bnn_core::model::graph::{NodeEpilogue, NodeNumber, NodeWeights, Numbers, Slopes};

use super::channels::*;
use super::joins::*;
use super::pools::*;
use super::products::bnn_weights_t::*;
use super::products::*;
use super::*;
use crate::boundary::OptionalInput;
use crate::builder::images::{bnn_pool2d_options_init, bnn_pool2d_options_t};
use crate::conv2d::bnn_conv2d_options_t;
use crate::conv2d::options::bnn_conv2d_options_init;
use crate::status::bnn_status_t::*;
use crate::testing::eighths;

const NONE: [f32; 0] = [];

fn new(element: bnn_element_t, bits: i32, [h, w, c]: [usize; 3]) -> *mut bnn_graph_t {
    let mut graph = null_mut();
    // SAFETY: a place for the handle.
    let status = unsafe { bnn_graph_new(element as i32, bits, h, w, c, &mut graph) };
    assert_eq!(status, BNN_OK);
    graph
}

fn free(graph: *mut bnn_graph_t) {
    // SAFETY: a handle of the library's, used by nobody any more.
    unsafe { bnn_graph_free(Some(Box::from_raw(graph))) };
}

fn finish(graph: *mut bnn_graph_t) -> Result<Vec<u8>, bnn_status_t> {
    let mut bytes = 0;
    // SAFETY: a place for a number, and a slice of the size that is passed.
    unsafe {
        match bnn_graph_finish(graph, &mut bytes) {
            BNN_OK => {}
            status => return Err(status),
        }
        let mut file = vec![0; bytes];
        assert_eq!(bnn_graph_file(graph, file.as_mut_ptr(), bytes), BNN_OK);
        Ok(file)
    }
}

fn windows(outputs: usize, kernel: usize) -> bnn_conv2d_options_t {
    let mut options = std::mem::MaybeUninit::uninit();
    // SAFETY: a place for the options, which the call fills.
    let mut options = unsafe {
        assert_eq!(bnn_conv2d_options_init(options.as_mut_ptr()), BNN_OK);
        options.assume_init()
    };
    options.outputs = outputs;
    (options.kernel_height, options.kernel_width) = (kernel, kernel);
    options
}

fn padded(outputs: usize) -> bnn_conv2d_options_t {
    let mut options = windows(outputs, 3);
    (options.pad_top, options.pad_bottom) = (1, 1);
    (options.pad_left, options.pad_right) = (1, 1);
    options
}

fn pool_options() -> bnn_pool2d_options_t {
    let mut options = std::mem::MaybeUninit::uninit();
    // SAFETY: a place for the options, which the call fills.
    unsafe {
        assert_eq!(bnn_pool2d_options_init(options.as_mut_ptr()), BNN_OK);
        options.assume_init()
    }
}

/// NULL for no numbers.
fn optional(x: &[f32]) -> OptionalInput {
    (!x.is_empty()).then_some(x).into()
}

/// The new node, or why there is none.
fn node(add: impl FnOnce(*mut usize) -> bnn_status_t) -> Result<usize, bnn_status_t> {
    let mut node = usize::MAX;
    match add(&mut node) {
        BNN_OK => Ok(node),
        status => {
            assert_eq!(node, usize::MAX, "written in spite of {status:?}");
            Err(status)
        }
    }
}

fn conv<T>(
    graph: *mut bnn_graph_t,
    x: usize,
    options: &bnn_conv2d_options_t,
    weights: bnn_weights_t,
    w: &[T],
    [scale, bias]: [&[f32]; 2],
) -> Result<usize, bnn_status_t> {
    let (w, scale, bias) = (w.as_ptr().cast(), optional(scale), optional(bias));
    // SAFETY: slices of the sizes that the options say, where the call reads them.
    node(|node| unsafe {
        bnn_graph_conv2d_f32(graph, x, options, weights as i32, w, scale, bias, node)
    })
}

fn affine(graph: *mut bnn_graph_t, x: usize, scale: &[f32]) -> Result<usize, bnn_status_t> {
    // SAFETY: a slice of the size that is passed.
    node(|node| unsafe {
        bnn_graph_affine_f32(
            graph,
            x,
            optional(scale),
            optional(&NONE),
            scale.len(),
            node,
        )
    })
}

fn sign(graph: *mut bnn_graph_t, x: usize, thresholds: &[f32]) -> Result<usize, bnn_status_t> {
    let (t, n) = (thresholds.as_ptr(), thresholds.len());
    // SAFETY: a slice of the size that is passed.
    node(|node| unsafe { bnn_graph_sign_f32(graph, x, t, n, node) })
}

fn relu(graph: *mut bnn_graph_t, x: usize) -> Result<usize, bnn_status_t> {
    // SAFETY: a handle, and a place for the number.
    node(|node| unsafe { bnn_graph_relu(graph, x, node) })
}

fn add(graph: *mut bnn_graph_t, a: usize, b: usize) -> Result<usize, bnn_status_t> {
    // SAFETY: a handle, and a place for the number.
    node(|node| unsafe { bnn_graph_add(graph, a, b, node) })
}

fn concat(graph: *mut bnn_graph_t, a: usize, b: usize) -> Result<usize, bnn_status_t> {
    // SAFETY: a handle, and a place for the number.
    node(|node| unsafe { bnn_graph_concat(graph, a, b, node) })
}

fn flatten(graph: *mut bnn_graph_t, x: usize) -> Result<usize, bnn_status_t> {
    // SAFETY: a handle, and a place for the number.
    node(|node| unsafe { bnn_graph_flatten(graph, x, node) })
}

fn pool(
    graph: *mut bnn_graph_t,
    x: usize,
    options: &bnn_pool2d_options_t,
    is_max: bool,
) -> Result<usize, bnn_status_t> {
    // SAFETY: a handle, options, and a place for the number.
    node(|node| unsafe {
        match is_max {
            true => bnn_graph_max_pool2d(graph, x, options, node),
            false => bnn_graph_average_pool2d(graph, x, options, node),
        }
    })
}

mod files;
mod fixed;
mod refusals;
