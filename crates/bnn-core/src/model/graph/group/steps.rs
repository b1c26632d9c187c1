//! What each node of a group does with a tile of numbers.

use super::super::check::{greatest, greatest_sum};
use super::super::node::NodeParts;
use super::super::record::{kind, values, weights};
use super::memory::OfChannels;
use super::scaled::{Scaled, Sum};
use crate::kernel::NR;

/// A step of a group. What the step before it has made is the current numbers: fixed point and
/// integers as `i32`, reals as the bits of `f32`.
#[derive(Clone, Debug)]
pub(in super::super) struct Step<'a> {
    /// The node whose step it is.
    pub(in super::super) node: usize,
    pub(super) action: Action,
    /// The numbers of each channel.
    numbers: [&'a [i32]; 3],
    /// The nodes whose whole tensors it reads.
    pub(in super::super) beside: [Option<usize>; 2],
    /// The place of its tensor among those that the group writes.
    pub(in super::super) out: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    /// The current numbers are those of a tensor beside.
    Load,
    /// Those of two, side by side: how many channels the first one has.
    Join(usize),
    /// Integers that are held as reals, to integers.
    ToIntegers,
    /// Integers to reals.
    ToReal,
    /// Integers to fixed point.
    ToFixed(Scaled),
    /// Integers to 32 bits, by a shift.
    ToInteger(u8),
    AffineReal,
    /// A summand alone.
    BiasReal,
    ReluReal,
    ReluFixed,
    ClampReal([f32; 2]),
    ClampFixed([i32; 2]),
    PreluReal,
    PreluFixed(Scaled),
    RpreluReal,
    RpreluFixed(Scaled),
    /// The current numbers and those beside, or twice the current ones.
    AddReal,
    AddFixed(Sum),
    SignReal,
    SignFixed,
}

impl<'a> Step<'a> {
    /// The current numbers are those of node `of`.
    pub(in super::super) fn load(node: usize, of: usize) -> Self {
        Self {
            node,
            action: Action::Load,
            numbers: [&[]; 3],
            beside: [Some(of), None],
            out: None,
        }
    }

    /// The current numbers become integers, if they are held as reals.
    pub(in super::super) fn to_integers(node: usize) -> Self {
        Self {
            action: Action::ToIntegers,
            beside: [None; 2],
            ..Self::load(node, node)
        }
    }

    /// The step of a product whose sums are reals that begin a group; `None`: they are to be made
    /// integers first.
    pub(in super::super) fn of_real_sums(node: usize, parts: &NodeParts<'a>) -> Option<Self> {
        let (action, count) = match (parts.record.values, parts.record.weights) {
            (values::REAL, weights::F32) => (Action::BiasReal, 1),
            (values::REAL, _) => (Action::AffineReal, 2),
            _ => return None,
        };
        Some(Self::with_numbers(node, parts, action, [None; 2], count))
    }

    /// Whether it takes no current numbers.
    pub(in super::super) fn begins(&self) -> bool {
        matches!(self.action, Action::Load | Action::Join(_))
    }

    /// The step of a node whose input `current` has the current numbers, or which takes
    /// the sums of its own product; `None`: it has no step.
    pub(in super::super) fn of(node: usize, parts: &NodeParts<'a>, current: usize) -> Option<Self> {
        let (record, input) = (&parts.record, &parts.input);
        let is_real = input.values == values::REAL;
        let shift = record.shift;
        let [a, b] = record.inputs.map(usize::from);
        let scaled = |factor, bias| Scaled::new(greatest(input), factor, bias, shift);
        let affine = |most| match record.values {
            values::REAL => Action::ToReal,
            values::INTEGER => Action::ToInteger(shift),
            _ => {
                let [factor, bias] = [parts.integers(0), parts.integers(1)];
                Action::ToFixed(Scaled::new(most, factor, bias, shift))
            }
        };
        let mut beside = [None; 2];
        let (action, count) = match record.kind {
            // Sums, as the group begins with them.
            kind::PRODUCT if record.values == values::BITS => (Action::SignFixed, 1),
            kind::PRODUCT => (affine(greatest_sum(record, input)), 2),
            kind::AFFINE if is_real => (Action::AffineReal, 2),
            kind::AFFINE => (affine(greatest(input)), 2),
            kind::RELU if is_real => (Action::ReluReal, 0),
            kind::RELU => (Action::ReluFixed, 0),
            kind::CLAMP if is_real => (Action::ClampReal(parts.range()?), 0),
            kind::CLAMP => (Action::ClampFixed(parts.range()?), 0),
            kind::PRELU if is_real => (Action::PreluReal, 1),
            kind::PRELU => (Action::PreluFixed(scaled(parts.integers(0), &[])), 1),
            kind::RPRELU if is_real => (Action::RpreluReal, 3),
            kind::RPRELU => (Action::RpreluFixed(scaled(parts.integers(1), &[])), 3),
            kind::SIGN if is_real => (Action::SignReal, 1),
            kind::SIGN => (Action::SignFixed, 1),
            kind::ADD => {
                let exponents = [input.exponent, parts.second.exponent];
                let [ea, eb] = exponents;
                let exponents = match (a == current, b == current) {
                    (true, true) => exponents,
                    (true, false) => {
                        beside[0] = Some(b);
                        exponents
                    }
                    _ => {
                        beside[0] = Some(a);
                        [eb, ea]
                    }
                };
                match is_real {
                    true => (Action::AddReal, 0),
                    false => (Action::AddFixed(Sum::new(exponents, record.exponent)), 0),
                }
            }
            kind::CONCAT if record.values != values::BITS => {
                beside = [Some(a), Some(b)];
                (Action::Join(input.channels as usize), 0)
            }
            _ => return None,
        };
        Some(Self::with_numbers(node, parts, action, beside, count))
    }

    /// A step with `count` numbers of each channel.
    fn with_numbers(
        node: usize,
        parts: &NodeParts<'a>,
        action: Action,
        beside: [Option<usize>; 2],
        count: usize,
    ) -> Self {
        let mut numbers: [&[i32]; 3] = [&[]; 3];
        for (i, numbers) in numbers.iter_mut().enumerate().take(count) {
            *numbers = bytemuck::cast_slice(parts.reals(i));
        }
        Self {
            node,
            action,
            numbers,
            beside,
            out: None,
        }
    }

    /// Writes the numbers of the `used` channels from `col` on, for each pixel of an array.
    #[inline(always)]
    pub(super) fn numbers(&self, col: usize, used: usize, to: &mut OfChannels) {
        for (lanes, numbers) in to.0.iter_mut().zip(self.numbers) {
            if numbers.is_empty() {
                break;
            }
            let (pixels, _) = lanes.as_chunks_mut::<NR>();
            match numbers.get(col..).and_then(|from| from.first_chunk()) {
                Some(all) => pixels.fill(*all),
                None => {
                    let mut all = [0; NR];
                    let numbers = numbers.get(col..col + used).unwrap_or_default();
                    for (lane, number) in all.iter_mut().zip(numbers) {
                        *lane = *number;
                    }
                    pixels.fill(all);
                }
            }
        }
    }
}
