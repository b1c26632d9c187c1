//! Adds what happens to each element by the numbers of its channel: affine steps, signs,
//! rectifiers.

use bnn_autograd::Tensor as Column;
use bnn_autograd::ops::{ColumnStats, fold_batch_norm};
use bnn_core::model::graph::{NodeEpilogue, NodeNumber, Numbers, Operation, Slopes, Values};

use super::{Tensor, bnn_graph_t, numbers, numbers_or, per_channel};
use crate::boundary::OptionalInput;
use crate::draft::{out_of_range, room_to_fold};
use crate::error::Error;
use crate::layer::finite;
use crate::memory;
use crate::shape::nonzero;
use crate::status::bnn_status_t;

impl bnn_graph_t {
    /// The tensor of a node of numbers with `n` channels, which an affine step makes floats of.
    fn numbers_of(&self, x: usize, n: usize) -> Result<Tensor, Error> {
        nonzero("n", n)?;
        let fits = |values| !matches!(values, Values::Bits | Values::Integer { .. });
        let input = self.tensor_of("x", x, "numbers", fits)?;
        per_channel(n, input.shape[2])?;
        Ok(Tensor {
            values: Values::Real,
            ..input
        })
    }

    /// The tensor of a node of unsigned integers or fixed point with `n` channels.
    pub(super) fn integers_of(&self, x: usize, n: usize) -> Result<Tensor, Error> {
        nonzero("n", n)?;
        let fits = |values| matches!(values, Values::Unsigned { .. } | Values::Fixed { .. });
        let input = self.tensor_of("x", x, "unsigned integers or fixed point", fits)?;
        per_channel(n, input.shape[2])?;
        Ok(input)
    }

    /// The tensor of a node of floats with `n` channels.
    fn real_of(&self, x: usize, n: usize) -> Result<Tensor, Error> {
        nonzero("n", n)?;
        let shape = self.real("x", x)?;
        per_channel(n, shape[2])?;
        Ok(Tensor {
            shape,
            values: Values::Real,
        })
    }
}

export! {
    /// Adds `scale * x + bias` per channel, product and sum rounded to a float each.
    ///
    /// - `x`: a node of floats, unsigned integers or fixed point.
    /// - `scale`: read, `n` floats; NULL for factors of 1. One of the two must not be NULL.
    /// - `bias`: read, `n` floats; NULL for summands of 0.
    /// - `n`: the channels of `x`.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE, RANGE (there is no node `x`), OVERLAP,
    /// LAYER (`x` is of bits, `n` is not its channels, or the graph is finished).
    pub fn bnn_graph_affine_f32(
        graph: *mut bnn_graph_t,
        x: usize,
        scale: OptionalInput,
        bias: OptionalInput,
        n: usize,
        node: *mut usize,
    ) -> bnn_status_t {
        let tensor = graph.numbers_of(x, n)?;
        if scale.is_none() && bias.is_none() {
            return Err(Error::Null { argument: "scale" });
        }
        let (scale, bias) = (numbers_or(scale, 1.0, n)?, numbers_or(bias, 0.0, n)?);
        let node = node.place()?;
        let operation = Operation::Affine(NodeEpilogue::Real { scale, bias });
        node.put(graph.add(operation, &[x], tensor)?);
        Ok(())
    }
}

export! {
    /// Adds a batch norm in evaluation, with fixed statistics, as the affine step that
    /// `bnn_builder_batch_norm_f32` makes of it.
    ///
    /// - `x`: a node of floats, unsigned integers or fixed point.
    /// - `gamma`: read, `n` floats; NULL for factors of 1.
    /// - `beta`: read, `n` floats; NULL for summands of 0.
    /// - `mean`, `var`: read, `n` floats each: the running statistics.
    /// - `n`: the channels of `x`.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: as `bnn_graph_affine_f32`.
    pub fn bnn_graph_batch_norm_f32(
        graph: *mut bnn_graph_t,
        x: usize,
        gamma: OptionalInput,
        beta: OptionalInput,
        mean: *const f32,
        var: *const f32,
        eps: f32,
        n: usize,
        node: *mut usize,
    ) -> bnn_status_t {
        let tensor = graph.numbers_of(x, n)?;
        let stats = ColumnStats { mean: column(mean.read(n)?)?, var: column(var.read(n)?)? };
        let gamma = column(&numbers_or(gamma, 1.0, n)?)?;
        let beta = column(&numbers_or(beta, 0.0, n)?)?;
        room_to_fold(n)?;
        let affine = fold_batch_norm(&gamma, &beta, &stats, eps)?;
        finite("gamma / sqrt(var + eps)", &affine.scale)?;
        finite("beta - mean * gamma / sqrt(var + eps)", &affine.bias)?;
        let (scale, bias) = (affine.scale, affine.bias);
        let node = node.place()?;
        let operation = Operation::Affine(NodeEpilogue::Real { scale, bias });
        node.put(graph.add(operation, &[x], tensor)?);
        Ok(())
    }
}

fn column(x: &[f32]) -> Result<Column, Error> {
    Ok(Column::new(memory::copied(x)?, &[x.len()])?)
}

export! {
    /// Adds the signs of node `x`, bits, which binary products take: `+1` where an element is at
    /// least the threshold of its channel, else `-1`.
    ///
    /// - `x`: a node of floats.
    /// - `thresholds`: read, `n` floats; zeros for the sign law. A shift before the sign, `sign(x +
    ///   s)`, is the threshold `-s`.
    /// - `n`: the channels of `x`.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE, RANGE (there is no node `x`), OVERLAP,
    /// LAYER (`x` is not of floats, `n` is not its channels, or the graph is finished).
    pub fn bnn_graph_sign_f32(
        graph: *mut bnn_graph_t,
        x: usize,
        thresholds: *const f32,
        n: usize,
        node: *mut usize,
    ) -> bnn_status_t {
        let input = graph.real_of(x, n)?;
        let thresholds = Numbers::Real(numbers(thresholds, n)?);
        let node = node.place()?;
        let tensor = Tensor { values: Values::Bits, ..input };
        node.put(graph.add(Operation::Sign(thresholds), &[x], tensor)?);
        Ok(())
    }
}

export! {
    /// Adds the signs of node `x` as `bnn_graph_sign_f32` does, of unsigned integers or fixed
    /// point.
    ///
    /// - `thresholds`: read, `n` numbers.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE, OVERLAP, LAYER (`x` is of bits or floats,
    /// `n` is not its channels, or the graph is finished).
    pub fn bnn_graph_sign_i32(
        graph: *mut bnn_graph_t,
        x: usize,
        thresholds: *const i32,
        n: usize,
        node: *mut usize,
    ) -> bnn_status_t {
        let input = graph.integers_of(x, n)?;
        let thresholds = Numbers::Fixed(memory::copied(thresholds.read(n)?)?);
        let node = node.place()?;
        let tensor = Tensor { values: Values::Bits, ..input };
        node.put(graph.add(Operation::Sign(thresholds), &[x], tensor)?);
        Ok(())
    }
}

export! {
    /// Adds `max(x, 0)` of node `x`, which is of floats or fixed point.
    ///
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: NULL, MISALIGNED, RANGE (there is no node `x`), LAYER (`x` is of bits or unsigned
    /// integers, or the graph is finished).
    pub fn bnn_graph_relu(graph: *mut bnn_graph_t, x: usize, node: *mut usize) -> bnn_status_t {
        let tensor = graph.number("x", x)?;
        node.place()?.put(graph.add(Operation::Relu, &[x], tensor)?);
        Ok(())
    }
}

export! {
    /// Adds PReLU of node `x`: `x` where it is at least 0, else `slope * x`, a slope per channel.
    /// With shifts it is RPReLU (Liu et al. 2020, arXiv 2003.03488): `prelu(x + before) + after`,
    /// each operation rounded to a float.
    ///
    /// - `x`: a node of floats.
    /// - `before`, `after`: read, `n` floats each; NULL for summands of 0.
    /// - `slope`: read, `n` floats.
    /// - `n`: the channels of `x`.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: as `bnn_graph_sign_f32`.
    pub fn bnn_graph_prelu_f32(
        graph: *mut bnn_graph_t,
        x: usize,
        before: OptionalInput,
        slope: *const f32,
        after: OptionalInput,
        n: usize,
        node: *mut usize,
    ) -> bnn_status_t {
        let tensor = graph.real_of(x, n)?;
        let is_shifted = before.is_some() || after.is_some();
        let slope = Slopes::Real(numbers(slope, n)?);
        let operation = match is_shifted {
            false => Operation::Prelu(slope),
            true => Operation::Rprelu {
                before: Numbers::Real(numbers_or(before, 0.0, n)?),
                slope,
                after: Numbers::Real(numbers_or(after, 0.0, n)?),
            },
        };
        node.place()?.put(graph.add(operation, &[x], tensor)?);
        Ok(())
    }
}

export! {
    /// Adds a clamp of node `x`, which is of floats: `high` above it, `low` below it.
    ///
    /// - `low`, `high`: finite, `low` not above `high`.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: NULL, MISALIGNED, NOT_FINITE, RANGE (there is no node `x`, or `low` is above
    /// `high`), LAYER (`x` is not of floats, or the graph is finished).
    pub fn bnn_graph_clamp_f32(
        graph: *mut bnn_graph_t,
        x: usize,
        low: f32,
        high: f32,
        node: *mut usize,
    ) -> bnn_status_t {
        let (shape, values) = (graph.real("x", x)?, Values::Real);
        finite("low", &[low])?;
        finite("high", &[high])?;
        if low > high {
            return Err(out_of_range(format!("low is {low}, expected at most {high}, which is high")));
        }
        let (low, high) = (NodeNumber::Real(low), NodeNumber::Real(high));
        let operation = Operation::Clamp { low, high };
        node.place()?.put(graph.add(operation, &[x], Tensor { shape, values })?);
        Ok(())
    }
}
