//! Tensors of 8-bit integers. Operators compute as TensorFlow Lite does, with integers less their
//! zero points and exact sums, and round to the integers of their output.

use super::flatbuffer::Vector;
use super::schema::{Stored, kind, kind_name};
use super::translate::Translation;
use super::value::{Grid, NodeValue, NotImported};

/// Halves are rounded away from 0 there and to even here: numbers are made this much larger before.
const AWAY: f32 = 1.0 + 1.0 / 1_048_576.0;

/// A half, and a little more for halves to be rounded upwards.
const UPWARDS: f32 = 0.5 + 0.5 / 256.0;

/// Weights of a product, and what a 1 of each output's stands for.
pub(super) struct Weights {
    pub(super) numbers: Vec<f32>,
    pub(super) units: Vec<f32>,
}

impl Translation<'_, '_> {
    /// What the integers of a tensor stand for; `None` if it has floats.
    pub(super) fn grid(&self, stored: &Stored<'_>) -> Result<Option<Grid>, NotImported> {
        match stored.kind {
            kind::FLOAT32 => return Ok(None),
            kind::INT8 => {}
            other => return Err(format!("{}: numbers of {}", stored.name, kind_name(other)).into()),
        }
        let listed = Listed::new(stored)?;
        if listed.lens() != [1, 1] {
            let [scales, zeros] = listed.lens();
            return Err(format!(
                "{}: {scales} scales and {zeros} zero points, expected one",
                stored.name
            )
            .into());
        }
        let (scale, zero) = (listed.scales().next(), listed.zeros().next());
        let grid = scale.zip(zero);
        let (scale, zero) = grid.ok_or("expected a scale and a zero point, found none")?;
        let (scale, zero) = (scale?, zero?);
        Ok(Some(Grid { scale, zero }))
    }

    /// A value as the numbers that its integers stand for.
    pub(super) fn dequantized(&mut self, label: &str, x: &NodeValue) -> NodeValue {
        let value = self.multiplied(label, x.clone(), &[x.unit()]);
        NodeValue {
            grid: None,
            ..value
        }
    }

    /// The end of an operator: a value whose 1 stands for `units`, one or one for each channel,
    /// becomes one of the tensor that the operator makes, by way of a fused activation. It has a
    /// grid only if it is on it already.
    pub(super) fn settled(
        &mut self,
        label: &str,
        x: NodeValue,
        units: &[f32],
        activation: i64,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let grid = self.grid(made)?;
        let Some(to) = grid else {
            let x = self.multiplied(label, x, units);
            return self.activated(label, NodeValue { grid, ..x }, activation);
        };
        let bounds = to.bounds(activation)?;
        let is_settled = x.grid == grid && units == [to.scale];
        if is_settled && activation == 0 {
            return Ok(x);
        }
        let factors: Vec<f32> = units.iter().map(|unit| unit / to.scale).collect();
        let x = self.multiplied(label, x, &factors);
        let x = self.clipped(label, NodeValue { grid, ..x }, bounds);
        Ok(match is_settled {
            true => x,
            false => self.rounded(label, x, to),
        })
    }

    pub(super) fn clipped(&mut self, label: &str, x: NodeValue, bounds: [i32; 2]) -> NodeValue {
        let [low, high] = bounds.map(|bound| self.nodes.number(bound as f32));
        let inputs = [x.name.as_str(), &low, &high];
        let name = self.nodes.node((label, "Clip"), &inputs, vec![]);
        NodeValue { name, ..x }
    }

    /// The end of a mean: means of integers, whose 1 stands for `unit`, become integers of the
    /// tensor that the operator makes. The sums that the operator multiplies are of integers whose
    /// 1 stands for `of` units.
    ///
    /// TensorFlow Lite multiplies a sum by a number from 1/2 to 1, rounds it, divides it by a power
    /// of two, and rounds again, halves upwards. This is one rounding of a number that is larger by
    /// half of the first rounding's step.
    pub(super) fn requantized_means(
        &mut self,
        label: &str,
        means: NodeValue,
        (unit, of): (f32, f32),
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let Some(Grid { scale, .. }) = self.grid(made)? else {
            return self.settled(label, means, &[unit], 0, made);
        };
        let factor = unit / scale;
        let half = match shift(factor * of) {
            0 => 0.0,
            shift => UPWARDS / power(shift),
        };
        let x = self.multiplied(label, means, &[factor]);
        let x = self.added(label, x, &[half]);
        self.settled(label, x, &[scale], 0, made)
    }

    /// Means of integers, which TensorFlow Lite rounds with their zero points in them, halves away
    /// from 0.
    pub(super) fn rounded_means(&mut self, label: &str, means: NodeValue, grid: Grid) -> NodeValue {
        let zero = grid.zero as f32;
        let mut x = self.added(label, means, &[zero]);
        x = self.multiplied(label, x, &[AWAY]);
        x = self.rounded(label, x, grid);
        self.added(label, x, &[-zero])
    }

    /// The end of an operator as [`Self::settled`] makes it, of a value whose 1 stands for 1, which
    /// is rounded with halves away from 0.
    pub(super) fn settled_away(
        &mut self,
        label: &str,
        x: NodeValue,
        activation: i64,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let unit = match made.kind {
            kind::INT8 => AWAY,
            _ => 1.0,
        };
        self.settled(label, x, &[unit], activation, made)
    }

    /// Numbers rounded to integers, which are those of a grid. 9 bits hold all of them, less their
    /// zero points or with them.
    pub(super) fn rounded(&mut self, label: &str, x: NodeValue, grid: Grid) -> NodeValue {
        let [one, none, bits] = [1.0, 0.0, 9.0].map(|number| self.nodes.number(number));
        let inputs = [x.name.as_str(), &one, &none, &bits];
        let name = self.nodes.node((label, "Quant"), &inputs, vec![]);
        NodeValue {
            name,
            grid: Some(grid),
            ..x
        }
    }

    /// A value times one number, or one for each channel.
    pub(super) fn multiplied(&mut self, label: &str, x: NodeValue, factors: &[f32]) -> NodeValue {
        self.with_numbers((label, "Mul"), x, factors, 1.0)
    }

    /// A value and one number, or one for each channel.
    pub(super) fn added(&mut self, label: &str, x: NodeValue, numbers: &[f32]) -> NodeValue {
        self.with_numbers((label, "Add"), x, numbers, 0.0)
    }

    /// A value with numbers, unless all are the one that changes nothing.
    fn with_numbers(
        &mut self,
        node: (&str, &str),
        x: NodeValue,
        numbers: &[f32],
        none: f32,
    ) -> NodeValue {
        if numbers.iter().all(|&number| number == none) {
            return x;
        }
        let numbers = self.fitting(numbers.to_vec(), &x);
        let name = self.nodes.node(node, &[&x.name, &numbers], vec![]);
        NodeValue { name, ..x }
    }

    /// Signs as numbers: in a tensor of integers, those nearest to -1 and +1.
    pub(super) fn numbers_of_signs(
        &mut self,
        label: &str,
        x: &NodeValue,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let grid = self.grid(made)?;
        let x = NodeValue {
            is_packed: false,
            grid,
            ..x.clone()
        };
        let Some(Grid { scale, zero }) = grid else {
            return Ok(x);
        };
        let one = scale.recip().round() as i32;
        let low = -one.min(zero + 128);
        let high = one.min(127 - zero);
        let (half, middle) = ((high - low) as f32 / 2.0, (high + low) as f32 / 2.0);
        let x = self.multiplied(label, x, &[half]);
        Ok(self.added(label, x, &[middle]))
    }

    /// The weights of `outputs` outputs on a value, of integers if the value's are.
    pub(super) fn weights(
        &mut self,
        stored: &Stored<'_>,
        x: &NodeValue,
        outputs: usize,
    ) -> Result<Weights, NotImported> {
        if x.grid.is_none() {
            return Ok(Weights {
                numbers: self.floats(stored)?,
                units: vec![1.0],
            });
        }
        let numbers = self.bytes(stored)?;
        let listed = Listed::new(stored)?;
        let [scales, zeros] = listed.lens();
        let refused = || {
            NotImported::Refused(format!(
                "{}: {scales} scales and {zeros} zero points, expected one or {outputs}, and zero \
                 points of 0",
                stored.name
            ))
        };
        // Lists that many operators share are read no further than an operator needs them.
        if ![1, outputs].contains(&scales) || ![1, scales].contains(&zeros) {
            return Err(refused());
        }
        for zero in listed.zeros() {
            if zero? != 0 {
                return Err(refused());
            }
        }
        // The end of the operator makes two lists and two constants of them.
        self.budget.floats(4, scales)?;
        let mut units = self.budget.list(&[scales])?;
        for scale in listed.scales() {
            units.push(scale? * x.unit());
        }
        Ok(Weights { numbers, units })
    }

    /// The numbers that a constant stands for.
    pub(super) fn real_constants(&mut self, stored: &Stored<'_>) -> Result<Vec<f32>, NotImported> {
        let Some(Grid { scale, zero }) = self.grid(stored)? else {
            return self.floats(stored);
        };
        let integers = self.bytes(stored)?;
        let numbers = integers.iter().map(|&q| (q - zero as f32) * scale);
        Ok(self.budget.collect(&[integers.len()], numbers)?)
    }

    /// The 8-bit integers of a constant.
    fn bytes(&mut self, stored: &Stored<'_>) -> Result<Vec<f32>, NotImported> {
        self.constants(stored, (kind::INT8, "int8"), |byte| {
            i8::from_le_bytes(byte).into()
        })
    }
}

/// The scales of a tensor of integers and its zero points, in the file.
struct Listed<'a> {
    name: &'a str,
    scales: Vector<'a>,
    zeros: Vector<'a>,
}

impl<'a> Listed<'a> {
    fn new(stored: &'a Stored<'_>) -> Result<Self, NotImported> {
        let name = &stored.name;
        let found = stored.quantization;
        let found =
            found.ok_or_else(|| format!("{name}: expected a scale of its integers, found none"))?;
        let (scales, zeros) = (found.vector(2), found.vector(3));
        Ok(Self {
            name,
            scales,
            zeros,
        })
    }

    /// How many scales and zero points there are, as the file says.
    fn lens(&self) -> [usize; 2] {
        [self.scales.len(), self.zeros.len()]
    }

    fn scales(&self) -> impl Iterator<Item = Result<f32, NotImported>> {
        let scales = self.scales.floats().into_iter().flatten();
        scales.map(|scale| match scale.is_normal() && scale > 0.0 {
            true => Ok(scale),
            false => Err(format!(
                "{}: expected scales of its integers that are normal numbers above 0",
                self.name
            )
            .into()),
        })
    }

    fn zeros(&self) -> impl Iterator<Item = Result<i32, NotImported>> {
        let zeros = self.zeros.longs().into_iter().flatten();
        zeros.map(|zero| match i8::try_from(zero) {
            Ok(zero) => Ok(i32::from(zero)),
            Err(_) => Err(format!("{}: expected zero points from -128 to 127", self.name).into()),
        })
    }
}

/// The power of two by which TensorFlow Lite divides after a first rounding, in a multiplication by
/// `factor`: 0 if there is no second one, and at most 12, as finer roundings are not to be seen.
fn shift(factor: f32) -> i32 {
    (-1.0 - factor.log2().floor()).clamp(0.0, 12.0) as i32
}

fn power(exponent: i32) -> f32 {
    2_f32.powi(exponent)
}
