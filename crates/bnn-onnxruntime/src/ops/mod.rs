//! The operators of the nodes. An operator is made once for each node of a session, and then run
//! from any number of threads.

mod average_pool;
mod max_pool;
mod ordered;
mod pack;
mod product;
mod unpack;
mod window;

use std::ffi::CStr;

pub(crate) use average_pool::AveragePool;
pub(crate) use max_pool::MaxPool;
pub(crate) use ordered::OrderedConv;
pub(crate) use pack::Pack;
pub(crate) use product::{Conv, ConvBits, Linear, LinearBits};
pub(crate) use unpack::Unpack;

use crate::tensor::{Element, Refusal, Tensor};

/// An input of an operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input {
    /// `None`: of several types, which the operator looks at.
    pub(crate) element: Option<Element>,
    pub(crate) is_optional: bool,
}

impl Input {
    pub(crate) const fn any() -> Self {
        Self {
            element: None,
            is_optional: false,
        }
    }

    pub(crate) const fn of(element: Element) -> Self {
        Self {
            element: Some(element),
            is_optional: false,
        }
    }

    pub(crate) const fn optional(element: Element) -> Self {
        Self {
            element: Some(element),
            is_optional: true,
        }
    }
}

/// The facts about a node when its session is made.
pub(crate) trait NodeInfo {
    /// An attribute of one integer.
    fn int(&self, name: &CStr) -> Option<i64>;
    /// An attribute of integers.
    fn ints(&self, name: &CStr) -> Option<Vec<i64>>;
    /// An input that is a constant of the file.
    fn constant(&self, input: usize) -> Result<Option<Tensor<'_>>, Refusal>;
}

/// The destination of a node's output. Asking for its elements ends it, so that there is one
/// writer.
pub(crate) trait Output<'a> {
    /// Memory for elements of a shape, of the operator's own type.
    fn floats(self, shape: &[usize]) -> Result<&'a mut [f32], Refusal>;
    /// Memory for words of a shape.
    fn words(self, shape: &[usize]) -> Result<&'a mut [u64], Refusal>;
}

/// A type of nodes.
pub(crate) trait Operator: Send + Sync + Sized + 'static {
    /// The name of the nodes in files.
    const NAME: &'static CStr;
    /// The inputs of the nodes.
    const INPUTS: &'static [Input];
    /// The type of its output.
    const OUTPUT: Element;

    /// The operator of a node.
    fn new(node: &impl NodeInfo) -> Result<Self, Refusal>;

    /// About how many steps that takes, each the product of an element with a sign or like it.
    fn steps(&self, inputs: &[Option<Tensor<'_>>]) -> usize {
        first(inputs).map_or(0, Tensor::len)
    }

    /// Computes the node. An optional input may be absent.
    fn run<'a>(
        &self,
        inputs: &[Option<Tensor<'a>>],
        output: impl Output<'a> + Send,
    ) -> Result<(), Refusal>;
}

/// The first input, which every operator has.
fn first<'t, 'a>(inputs: &'t [Option<Tensor<'a>>]) -> Result<&'t Tensor<'a>, Refusal> {
    let first = inputs.first().and_then(Option::as_ref);
    first.ok_or_else(|| Refusal("expected an input X, found none".to_owned()))
}
