//! A graph as plain data, to be written to a file.

use alloc::string::String;
use alloc::vec::Vec;

use super::info::Values;
use crate::bits::BitMatrix;
use crate::conv::{Conv2d, Pool2d};
use crate::model::InputType;

/// A graph: a model whose layers may have several readers and two inputs, and in which numbers run
/// beside the bits. [`Graph::write`] makes a model file of it.
///
/// ```
/// use bnn_core::BitMatrix;
/// use bnn_core::conv::{Conv2d, ConvOptions, Pool2d};
/// use bnn_core::model::graph::{Graph, Node, NodeEpilogue, NodeWeights, Numbers, Operation, Values};
/// use bnn_core::model::{AlignedBytes, Input, InputType, Model, Output};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // An image of 2 x 2 pixels of one byte: the sum of its pixels and of what a binary convolution
/// // makes of their signs.
/// let image = [2, 2, 1];
/// let conv = Conv2d::new(image, 1, [1, 1], ConvOptions::default())?;
/// let whole = Pool2d::new(image, [2, 2], [1, 1], Default::default())?;
/// let ones = |n| vec![1.0_f32; n];
/// let node = |operation, inputs: &[usize], values| Node {
///     operation,
///     inputs: inputs.to_vec(),
///     values,
/// };
/// let real = || NodeEpilogue::Real { scale: ones(1), bias: vec![0.0] };
/// let product = Operation::Product {
///     conv,
///     weights: NodeWeights::Bits(BitMatrix::pack(&[-1_i8], 1, 1)?),
///     epilogue: real(),
/// };
/// let graph = Graph {
///     input: InputType::Unsigned { depth: 8 },
///     input_shape: image,
///     nodes: vec![
///         node(Operation::Affine(real()), &[0], Values::Real), // 1: the pixels as numbers
///         node(Operation::Sign(Numbers::Fixed(vec![100])), &[0], Values::Bits), // 2
///         node(product, &[2], Values::Real),                   // 3
///         node(Operation::Add, &[1, 3], Values::Real),         // 4
///         node(Operation::AveragePool(whole), &[4], Values::Real),
///     ],
///     meta: String::new(),
/// };
/// let file = AlignedBytes::from(graph.write()?.as_slice());
/// let model = Model::open(&file)?;
/// let mut scratch = vec![0; model.scratch_words(1)?];
/// let mut mean = [0.0];
/// model.run(1, Input::Bytes(&[1, 2, 100, 101]), Output::F32(&mut mean), &mut scratch)?;
/// assert_eq!(mean, [(2.0 + 3.0 + 99.0 + 100.0) / 4.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Graph {
    /// The elements of the input: bits or unsigned integers.
    pub input: InputType,
    /// `[height, width, channels]` of the input.
    pub input_shape: [usize; 3],
    /// The nodes, each after those that it reads; the last one makes the output.
    pub nodes: Vec<Node>,
    /// Text for people and tools, by convention `key=value` lines.
    pub meta: String,
}

/// A node of a [`Graph`].
#[derive(Clone, Debug)]
pub struct Node {
    /// The operation that computes its tensor.
    pub operation: Operation,
    /// The one or two tensors that it reads: 0 is the model's input, `i` the tensor of `nodes[i -
    /// 1]`.
    pub inputs: Vec<usize>,
    /// The type of its tensor. The shape follows from the operation.
    pub values: Values,
}

/// The operation of a node; `docs/MODEL_FORMAT.md` has the arithmetic.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Operation {
    /// A convolution; a dense layer is one whose kernel covers the image.
    Product {
        /// The shape of the convolution.
        conv: Conv2d,
        /// The filters, `[outputs, patch_len]`.
        weights: NodeWeights,
        /// The step that its sums go through.
        epilogue: NodeEpilogue,
    },
    /// The sum of two tensors.
    Add,
    /// The channels of the first tensor, then those of the second.
    Concat,
    /// An affine step for each channel.
    Affine(NodeEpilogue),
    /// `0` where `x <= 0`, else `x`.
    Relu,
    /// `x` where `x >= 0`, else `slope * x`; a slope for each channel.
    Prelu(Slopes),
    /// `prelu(x + before) + after`; three numbers for each channel.
    Rprelu {
        /// Shifts before the rectifier.
        before: Numbers,
        /// Slopes of the rectifier.
        slope: Slopes,
        /// Shifts after the rectifier.
        after: Numbers,
    },
    /// `high` above it, `low` below it, else `x`.
    Clamp {
        /// The least result.
        low: NodeNumber,
        /// The greatest result.
        high: NodeNumber,
    },
    /// The mean under each window.
    AveragePool(Pool2d),
    /// The largest element under each window.
    MaxPool(Pool2d),
    /// The image without so many rows above and below, and columns left and right.
    Crop([usize; 4]),
    /// The bit `x >= threshold`; a threshold for each channel, an integer for unsigned and fixed
    /// point.
    Sign(Numbers),
    /// One pixel with all elements as its channels.
    Flatten,
}

/// The weights of a product, a filter per output.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NodeWeights {
    /// Signs, for inputs of bits and unsigned integers.
    Bits(BitMatrix),
    /// Weights of 8 bits, for inputs of unsigned integers, fixed point and reals.
    I8(Vec<i8>),
    /// Floats, for inputs of reals.
    F32(Vec<f32>),
}

/// The step that sums, or elements, go through, with numbers for each output channel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NodeEpilogue {
    /// The bit `sum >= threshold`.
    Thresholds(Vec<i32>),
    /// `scale * x + bias`, rounded twice.
    Real {
        /// A factor for each channel.
        scale: Vec<f32>,
        /// A summand for each channel.
        bias: Vec<f32>,
    },
    /// `x + bias`, for products of reals with `f32` weights.
    Bias(Vec<f32>),
    /// `round(v * factor / 2^shift) + bias`, saturated to [`Values::Fixed`] or [`Values::Integer`].
    Fixed {
        /// A factor for each channel.
        factor: Vec<i32>,
        /// A summand for each channel.
        bias: Vec<i32>,
        /// The power of two that divides, from 0 to 62.
        shift: u8,
    },
}

/// Numbers for each channel, of the input's type.
#[derive(Clone, Debug)]
pub enum Numbers {
    /// Numbers for inputs of reals.
    Real(Vec<f32>),
    /// Numbers for inputs of unsigned integers and fixed point.
    Fixed(Vec<i32>),
}

/// Slopes for each channel, of the input's type.
#[derive(Clone, Debug)]
pub enum Slopes {
    /// Slopes for inputs of reals.
    Real(Vec<f32>),
    /// Slopes for inputs of fixed point: `slope / 2^shift`.
    Fixed {
        /// A factor for each channel.
        slope: Vec<i32>,
        /// The power of two that divides, from 0 to 62.
        shift: u8,
    },
}

/// A number of the input's type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NodeNumber {
    /// A number for inputs of reals.
    Real(f32),
    /// A number for inputs of fixed point.
    Fixed(i32),
}
