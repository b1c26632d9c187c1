//! Adds what joins tensors, and what gives a single one another shape.

use bnn_core::model::graph::{Operation, Values};

use super::{MAX_CHANNELS, Tensor, bnn_graph_t, elements};
use crate::draft::refused;
use crate::error::Error;
use crate::shape::at_most;
use crate::status::bnn_status_t;

impl bnn_graph_t {
    /// The tensor of a node of bits, floats or fixed point, which may be a part of others.
    pub(super) fn part(&self, what: &'static str, number: usize) -> Result<Tensor, Error> {
        let fits = |values| matches!(values, Values::Bits | Values::Real | Values::Fixed { .. });
        self.tensor_of(what, number, "f32, fixed point or bits", fits)
    }
}

pub(super) fn differ(what: &str, a: (usize, Tensor), b: (usize, Tensor)) -> Error {
    let [(a, first), (b, second)] = [a, b];
    refused(&format!(
        "node {a} is {:?} of {}, node {b} is {:?} of {}: expected one {what}",
        first.shape, first.values, second.shape, second.values
    ))
}

export! {
    /// Adds the sum of two nodes of floats of one shape: the end of a residual connection.
    ///
    /// - `a`, `b`: nodes; they may be the same.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: NULL, MISALIGNED, RANGE (there is no node `a` or `b`), LAYER (they are not of floats
    /// or of different shapes, or the graph is finished).
    pub fn bnn_graph_add(
        graph: *mut bnn_graph_t,
        a: usize,
        b: usize,
        node: *mut usize,
    ) -> bnn_status_t {
        let values = Values::Real;
        let first = Tensor { shape: graph.real("a", a)?, values };
        let second = Tensor { shape: graph.real("b", b)?, values };
        if first != second {
            return Err(differ("shape", (a, first), (b, second)));
        }
        node.place()?.put(graph.add(Operation::Add, &[a, b], first)?);
        Ok(())
    }
}

export! {
    /// Adds the channels of node `a`, followed by those of node `b`.
    ///
    /// - `a`, `b`: nodes of one height and width, both of floats, both of bits or both of fixed
    ///   point of one exponent; they may be the same.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: NULL, MISALIGNED, OVERFLOW, RANGE (there is no node `a` or `b`, or too many
    /// channels), LAYER (they are of other or different types or sides, or the graph is finished).
    pub fn bnn_graph_concat(
        graph: *mut bnn_graph_t,
        a: usize,
        b: usize,
        node: *mut usize,
    ) -> bnn_status_t {
        let (first, second) = (graph.part("a", a)?, graph.part("b", b)?);
        let ([height, width, of_a], [_, _, of_b]) = (first.shape, second.shape);
        let sides = second.shape[..2] == [height, width];
        if !sides || first.values != second.values {
            return Err(differ("type, height and width", (a, first), (b, second)));
        }
        let channels = of_a.checked_add(of_b);
        let channels = channels.ok_or(bnn_core::Error::Overflow { what: "channels" })?;
        let tensor = Tensor { shape: [height, width, channels], ..first };
        node.place()?.put(graph.add(Operation::Concat, &[a, b], tensor)?);
        Ok(())
    }
}

export! {
    /// Adds node `x` as one pixel, in the order `[height, width, channels]`.
    ///
    /// - `x`: a node of floats, fixed point or bits.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: NULL, MISALIGNED, OVERFLOW, RANGE (there is no node `x`, or too many channels),
    /// LAYER (`x` is of unsigned integers, or the graph is finished).
    pub fn bnn_graph_flatten(graph: *mut bnn_graph_t, x: usize, node: *mut usize) -> bnn_status_t {
        let input = graph.part("x", x)?;
        let channels = elements(input.shape)?;
        at_most("channels", MAX_CHANNELS, channels)?;
        let tensor = Tensor { shape: [1, 1, channels], ..input };
        node.place()?.put(graph.add(Operation::Flatten, &[x], tensor)?);
        Ok(())
    }
}
