//! Writes model files of graphs.

use bnn_core::BitMatrix;
use bnn_core::model::InputType;
use bnn_core::model::graph::{
    Graph, Node, NodeEpilogue, NodeNumber, NodeWeights, Numbers, Operation, Slopes, Values,
};
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arrays::{bytes, shape};
use crate::conv2d::Conv2d;
use crate::error::{Error, Refusal};
use crate::windows::pool;

/// A graph in the making. Each method adds a node and returns its number; 0 is the input.
#[pyclass(module = "bnn_engine")]
pub(crate) struct GraphWriter {
    graph: Graph,
}

/// Numbers for each channel.
type Reals<'py> = PyReadonlyArray1<'py, f32>;

#[pymethods]
impl GraphWriter {
    /// A graph whose input `[height, width, channels]` is bits (`input_bits` 0), or bytes of
    /// `input_bits` bits (1 to 8).
    #[new]
    fn new(input_bits: u8, input_shape: [usize; 3]) -> Self {
        Self {
            graph: Graph {
                input: match input_bits {
                    0 => InputType::Bits,
                    depth => InputType::Unsigned { depth },
                },
                input_shape,
                nodes: Vec::new(),
                meta: String::new(),
            },
        }
    }

    /// A product with the packed weights `[outputs, patch]`, which becomes `scale * sum + bias`.
    fn product(
        &mut self,
        x: usize,
        conv: &Conv2d,
        bits: PyReadonlyArray2<'_, u64>,
        scale: Reals<'_>,
        bias: Reals<'_>,
    ) -> PyResult<usize> {
        let [n, _] = shape(&bits);
        let (words, k) = (bits.as_slice()?.to_vec(), conv.shape().patch_len());
        let rows = BitMatrix::from_words(words, n, k).map_err(Refusal::from)?;
        let operation = Operation::Product {
            conv: *conv.shape(),
            weights: NodeWeights::Bits(rows),
            epilogue: real(&scale, &bias)?,
        };
        Ok(self.add_node(operation, vec![x], Values::Real))
    }

    /// A product with weights of 8 bits `[outputs, patch]`, which becomes `scale * sum + bias`.
    fn int8_product(
        &mut self,
        x: usize,
        conv: &Conv2d,
        weights: PyReadonlyArray2<'_, i8>,
        scale: Reals<'_>,
        bias: Reals<'_>,
    ) -> PyResult<usize> {
        let operation = Operation::Product {
            conv: *conv.shape(),
            weights: NodeWeights::I8(weights.as_slice()?.to_vec()),
            epilogue: real(&scale, &bias)?,
        };
        Ok(self.add_node(operation, vec![x], Values::Real))
    }

    /// A product with weights of reals `[outputs, patch]`, plus a bias.
    fn real_product(
        &mut self,
        x: usize,
        conv: &Conv2d,
        weights: PyReadonlyArray2<'_, f32>,
        bias: Reals<'_>,
    ) -> PyResult<usize> {
        let operation = Operation::Product {
            conv: *conv.shape(),
            weights: NodeWeights::F32(weights.as_slice()?.to_vec()),
            epilogue: NodeEpilogue::Bias(bias.as_slice()?.to_vec()),
        };
        Ok(self.add_node(operation, vec![x], Values::Real))
    }

    /// `scale * x + bias`.
    fn affine(&mut self, x: usize, scale: Reals<'_>, bias: Reals<'_>) -> PyResult<usize> {
        let operation = Operation::Affine(real(&scale, &bias)?);
        Ok(self.add_node(operation, vec![x], Values::Real))
    }

    /// The bits `x >= threshold`.
    fn sign(&mut self, x: usize, thresholds: Reals<'_>) -> PyResult<usize> {
        let thresholds = Numbers::Real(thresholds.as_slice()?.to_vec());
        Ok(self.add_node(Operation::Sign(thresholds), vec![x], Values::Bits))
    }

    /// The sum of two tensors.
    fn add(&mut self, a: usize, b: usize) -> usize {
        self.add_node(Operation::Add, vec![a, b], Values::Real)
    }

    /// The channels of two tensors, one after the other.
    fn concat(&mut self, a: usize, b: usize) -> usize {
        self.add_node(Operation::Concat, vec![a, b], Values::Real)
    }

    /// `max(x, 0)`.
    fn relu(&mut self, x: usize) -> usize {
        self.add_node(Operation::Relu, vec![x], Values::Real)
    }

    /// `x` where it is at least 0, else `slope * x`.
    fn prelu(&mut self, x: usize, slopes: Reals<'_>) -> PyResult<usize> {
        let slopes = Slopes::Real(slopes.as_slice()?.to_vec());
        Ok(self.add_node(Operation::Prelu(slopes), vec![x], Values::Real))
    }

    /// `x` between two numbers.
    fn clamp(&mut self, x: usize, low: f32, high: f32) -> usize {
        let (low, high) = (NodeNumber::Real(low), NodeNumber::Real(high));
        self.add_node(Operation::Clamp { low, high }, vec![x], Values::Real)
    }

    /// A pool, of the largest element or of the mean; `padding` is `(top, bottom, left, right)`.
    fn pool(
        &mut self,
        x: usize,
        is_max: bool,
        image: [usize; 3],
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 4],
    ) -> PyResult<usize> {
        let pool = pool(image, kernel, stride, padding)?;
        let operation = match is_max {
            true => Operation::MaxPool(pool),
            false => Operation::AveragePool(pool),
        };
        Ok(self.add_node(operation, vec![x], Values::Real))
    }

    /// The bytes of the file, with lines of `key=value` for people and tools.
    fn finish<'py>(&self, py: Python<'py>, meta: &str) -> PyResult<Bound<'py, PyBytes>> {
        let mut graph = self.graph.clone();
        graph.meta = meta.to_owned();
        let file = graph.write().map_err(Refusal::from)?;
        bytes(py, &file)
    }
}

impl GraphWriter {
    fn add_node(&mut self, operation: Operation, inputs: Vec<usize>, values: Values) -> usize {
        self.graph.nodes.push(Node {
            operation,
            inputs,
            values,
        });
        self.graph.nodes.len()
    }
}

fn real(scale: &Reals<'_>, bias: &Reals<'_>) -> PyResult<NodeEpilogue> {
    let (scale, bias) = (scale.as_slice()?.to_vec(), bias.as_slice()?.to_vec());
    match scale.len() == bias.len() {
        true => Ok(NodeEpilogue::Real { scale, bias }),
        false => Err(Error::new_err(format!(
            "biases: expected {}, found {}",
            scale.len(),
            bias.len()
        ))),
    }
}
