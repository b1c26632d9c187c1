//! Adds nodes of fixed point: signed integers that stand for multiples of a power of two, so that a
//! device without floats runs the graph.

use bnn_core::model::graph::{NodeEpilogue, NodeNumber, Numbers, Operation, Slopes, Values};

use super::products::read_weights;
use super::{Tensor, bnn_graph_t, per_channel, unfit};
use crate::boundary::{Input, OptionalIntegers, UntypedInput};
use crate::conv2d::bnn_conv2d_options_t;
use crate::draft::{out_of_range, refused};
use crate::error::Error;
use crate::memory;
use crate::model::bnn_element_t;
use crate::shape::nonzero;
use crate::status::bnn_status_t;

/// The fixed point that integers `v` become: `round(v * factor / 2^shift) + bias`, saturated, with
/// a factor and a bias for each channel. `round` is to the nearest, ties up.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_fixed_t {
    /// A `bnn_element_t`: BNN_ELEMENT_I16, or BNN_ELEMENT_I32 of the last node, the output.
    pub element: i32,
    /// The exponent `e`, from -16 to 31: a number `v` stands for `v * 2^-e`. The arithmetic does
    /// not use it; the factors convert to it.
    pub exponent: i32,
    /// The power of two that divides, from 0 to 62.
    pub shift: i32,
}

plain!(bnn_fixed_t {
    element,
    exponent,
    shift
});

impl bnn_fixed_t {
    /// The type of the result.
    fn values(&self) -> Result<Values, Error> {
        let exponent = exponent(self.exponent)?;
        match self.element {
            of if of == bnn_element_t::BNN_ELEMENT_I16 as i32 => Ok(Values::Fixed { exponent }),
            of if of == bnn_element_t::BNN_ELEMENT_I32 as i32 => Ok(Values::Integer { exponent }),
            other => Err(out_of_range(format!(
                "element is {other}, expected BNN_ELEMENT_I16 or BNN_ELEMENT_I32"
            ))),
        }
    }

    fn epilogue(
        &self,
        factor: Input<'_, i32>,
        bias: Input<'_, i32>,
        n: usize,
    ) -> Result<NodeEpilogue, Error> {
        Ok(NodeEpilogue::Fixed {
            shift: shift(self.shift)?,
            factor: memory::copied(factor.read(n)?)?,
            bias: memory::copied(bias.read(n)?)?,
        })
    }
}

fn exponent(exponent: i32) -> Result<i8, Error> {
    match exponent {
        -16..=31 => Ok(exponent as i8),
        _ => Err(out_of_range(format!(
            "exponent is {exponent}, expected -16 to 31"
        ))),
    }
}

fn shift(shift: i32) -> Result<u8, Error> {
    match shift {
        0..=62 => Ok(shift as u8),
        _ => Err(out_of_range(format!("shift is {shift}, expected 0 to 62"))),
    }
}

fn numbers_or_zeros(x: Option<Input<'_, i32>>, n: usize) -> Result<Numbers, Error> {
    Ok(Numbers::Fixed(match x {
        Some(x) => memory::copied(x.read(n)?)?,
        None => memory::filled(0, n)?,
    }))
}

impl bnn_graph_t {
    /// The tensor of a node of fixed point, and its exponent.
    fn fixed(&self, what: &'static str, number: usize) -> Result<(Tensor, i8), Error> {
        let tensor = self.tensor(what, number)?;
        match tensor.values {
            Values::Fixed { exponent } => Ok((tensor, exponent)),
            _ => Err(unfit(what, number, tensor, "fixed point")),
        }
    }
}

export! {
    /// Adds a convolution of node `x` as `bnn_graph_conv2d_f32` does, of bits, unsigned integers or
    /// fixed point (weights BNN_WEIGHTS_I8), and gives out fixed point.
    ///
    /// - `to`: read: what the sums become.
    /// - `factor`, `bias`: read, `outputs` numbers each.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TAIL_BITS, NOT_FINITE (`w`), RANGE (`to`, and as
    /// `bnn_graph_conv2d_f32`), INDIVISIBLE, OVERLAP, LAYER (as there, and floats in `x`).
    pub fn bnn_graph_conv2d_fixed_i32(
        graph: *mut bnn_graph_t,
        x: usize,
        options: *const bnn_conv2d_options_t,
        weights: i32,
        w: *const core::ffi::c_void,
        to: *const bnn_fixed_t,
        factor: *const i32,
        bias: *const i32,
        node: *mut usize,
    ) -> bnn_status_t {
        let w: UntypedInput<'_> = w;
        let input = graph.input_of_product(x)?;
        let conv = options.get()?.conv_of(input.shape)?;
        let to = to.get()?;
        let values = to.values()?;
        let (_, weights) = read_weights(weights, w, &conv, input.values)?;
        let epilogue = to.epilogue(factor, bias, conv.outputs())?;
        let node = node.place()?;
        node.put(graph.product(x, input, (conv, weights, epilogue), values)?);
        Ok(())
    }
}

export! {
    /// Adds an affine step per channel of node `x`, of unsigned integers or fixed point, to fixed
    /// point.
    ///
    /// - `to`: read: what the numbers become.
    /// - `factor`, `bias`: read, `n` numbers each.
    /// - `n`: the channels of `x`.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE (`to`, or there is no node `x`), OVERLAP,
    /// LAYER (`x` is of bits or floats, `n` is not its channels, or the graph is finished).
    pub fn bnn_graph_affine_fixed_i32(
        graph: *mut bnn_graph_t,
        x: usize,
        to: *const bnn_fixed_t,
        factor: *const i32,
        bias: *const i32,
        n: usize,
        node: *mut usize,
    ) -> bnn_status_t {
        let input = graph.integers_of(x, n)?;
        let to = to.get()?;
        let tensor = Tensor { values: to.values()?, ..input };
        let operation = Operation::Affine(to.epilogue(factor, bias, n)?);
        node.place()?.put(graph.add(operation, &[x], tensor)?);
        Ok(())
    }
}

export! {
    /// Adds PReLU or RPReLU of node `x` as `bnn_graph_prelu_f32` does, of fixed point: `v` where it
    /// is at least 0, else `round(v * slope / 2^shift)`, every result saturated.
    ///
    /// - `x`: a node of fixed point.
    /// - `before`, `after`: read, `n` numbers each; NULL for summands of 0.
    /// - `slope`: read, `n` numbers.
    /// - `shift`: from 0 to 62.
    /// - `n`: the channels of `x`.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE (`shift`, or there is no node `x`), OVERLAP,
    /// LAYER (`x` is not of fixed point, `n` is not its channels, or the graph is finished).
    pub fn bnn_graph_prelu_fixed_i32(
        graph: *mut bnn_graph_t,
        x: usize,
        before: OptionalIntegers,
        slope: *const i32,
        after: OptionalIntegers,
        shift: i32,
        n: usize,
        node: *mut usize,
    ) -> bnn_status_t {
        nonzero("n", n)?;
        let (tensor, _) = graph.fixed("x", x)?;
        per_channel(n, tensor.shape[2])?;
        let shift = self::shift(shift)?;
        let is_shifted = before.is_some() || after.is_some();
        let slope = Slopes::Fixed { slope: memory::copied(slope.read(n)?)?, shift };
        let operation = match is_shifted {
            false => Operation::Prelu(slope),
            true => Operation::Rprelu {
                before: numbers_or_zeros(before, n)?,
                slope,
                after: numbers_or_zeros(after, n)?,
            },
        };
        node.place()?.put(graph.add(operation, &[x], tensor)?);
        Ok(())
    }
}

export! {
    /// Adds a clamp of node `x`, which is of fixed point: `high` above it, `low` below it.
    ///
    /// - `low`, `high`: `low` not above `high`.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: NULL, MISALIGNED, RANGE (there is no node `x`, or `low` is above `high`), LAYER (`x`
    /// is not of fixed point, or the graph is finished).
    pub fn bnn_graph_clamp_i32(
        graph: *mut bnn_graph_t,
        x: usize,
        low: i32,
        high: i32,
        node: *mut usize,
    ) -> bnn_status_t {
        let (tensor, _) = graph.fixed("x", x)?;
        if low > high {
            return Err(out_of_range(format!("low is {low}, expected at most {high}, which is high")));
        }
        let (low, high) = (NodeNumber::Fixed(low), NodeNumber::Fixed(high));
        let operation = Operation::Clamp { low, high };
        node.place()?.put(graph.add(operation, &[x], tensor)?);
        Ok(())
    }
}

export! {
    /// Adds the sum of two nodes of fixed point of one shape, rounded to an exponent and saturated.
    ///
    /// - `a`, `b`: nodes; they may be the same.
    /// - `exponent`: that of the sum, from -16 to 31. The three exponents differ by at most 15.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: NULL, MISALIGNED, RANGE (`exponent`, or there is no node `a` or `b`), LAYER (they
    /// are not of fixed point or of different shapes, exponents are too far apart, or the graph is
    /// finished).
    pub fn bnn_graph_add_fixed(
        graph: *mut bnn_graph_t,
        a: usize,
        b: usize,
        exponent: i32,
        node: *mut usize,
    ) -> bnn_status_t {
        let ((first, of_a), (second, of_b)) = (graph.fixed("a", a)?, graph.fixed("b", b)?);
        let exponent = self::exponent(exponent)?;
        if first.shape != second.shape {
            return Err(super::joins::differ("shape", (a, first), (b, second)));
        }
        let exponents = [of_a, of_b, exponent];
        let least = exponents.into_iter().fold(exponent, i8::min);
        let most = exponents.into_iter().fold(exponent, i8::max);
        if most.abs_diff(least) > 15 {
            let message = format!("exponents are {of_a}, {of_b} and {exponent}, expected at most 15 apart");
            return Err(refused(&message));
        }
        let tensor = Tensor { values: Values::Fixed { exponent }, ..first };
        node.place()?.put(graph.add(Operation::Add, &[a, b], tensor)?);
        Ok(())
    }
}
