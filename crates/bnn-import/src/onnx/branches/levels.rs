//! Quantizers of many levels in graphs: a graph rounds to integers by adding a large number.

use bnn_core::model::graph::{NodeNumber, Operation};

use super::Branches;
use super::held::Held;
use crate::chain::{Failed, Quantizer, Rounding};

/// 1.5 * 2^23. From half of 2^23 below it to as much above, neighbours among the `f32` are one
/// apart, so that a sum with it is rounded to an integer, ties to even.
const LARGE: f32 = 12_582_912.0;

/// Levels and zero points are at most this far from 0.
const MOST: f32 = 4_194_304.0;

impl Branches<'_, '_> {
    /// What `quantizer` makes of a value of reals, each of its steps rounded as it rounds them.
    pub(super) fn levels(&mut self, held: &Held, quantizer: &Quantizer) -> Result<Held, Failed> {
        let Quantizer {
            scale,
            zero,
            least,
            most,
            rounding,
        } = *quantizer;
        if rounding != Rounding::TiesToEven {
            return Err(
                "values of more than two levels that are not rounded to the nearest".into(),
            );
        }
        if zero.fract() != 0.0 || zero.abs() > MOST || least < -MOST || most > MOST {
            return Err(format!(
                "{} levels and the zero point {zero}, expected at most 2^22 levels, of which one \
                 is zero",
                most - least + 1.0
            )
            .into());
        }
        let n = held.image[2];
        let mut tensor = held.tensor;
        if (scale, zero) != (1.0, 0.0) {
            tensor = self.line(tensor, n, scale.recip(), zero)?;
        }
        if !self.is_within(tensor, least, most) {
            let (low, high) = (NodeNumber::Real(least), NodeNumber::Real(most));
            tensor = self.real(Operation::Clamp { low, high }, &[tensor])?;
        }
        tensor = self.line(tensor, n, 1.0, LARGE)?;
        tensor = self.line(tensor, n, 1.0, -LARGE - zero)?;
        if scale != 1.0 {
            tensor = self.line(tensor, n, scale, -0.0)?;
        }
        Ok(Held {
            tensor,
            ..held.clone()
        })
    }

    /// Whether a node has clamped a value to these bounds, or closer.
    fn is_within(&self, tensor: usize, least: f32, most: f32) -> bool {
        let node = tensor
            .checked_sub(1)
            .and_then(|index| self.nodes.get(index));
        match node.map(|node| &node.operation) {
            Some(&Operation::Clamp {
                low: NodeNumber::Real(low),
                high: NodeNumber::Real(high),
            }) => low >= least && high <= most,
            _ => false,
        }
    }
}
