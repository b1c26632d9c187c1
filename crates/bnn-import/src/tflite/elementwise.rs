//! Functions of single numbers, and of two.

use super::schema::{Operator, Stored};
use super::steps::{Halves, Scaling};
use super::translate::Translation;
use super::value::{Grid, NodeValue, NotImported};

impl Translation<'_, '_> {
    /// A constant that is one number, or one for each channel of a value.
    fn channel_numbers(
        &mut self,
        operator: &Operator<'_>,
        index: usize,
        x: &NodeValue,
    ) -> Result<Vec<f32>, NotImported> {
        let stored = self.stored(operator, index)?;
        let numbers = self.real_constants(stored)?;
        let channels = x.shape.last().copied().unwrap_or(1);
        let is_of_channels = stored.shape.last() == Some(&channels) && x.flat.is_none();
        if numbers.len() == 1 || numbers.len() == channels && is_of_channels {
            return Ok(numbers);
        }
        Err(format!(
            "its constant of the shape {:?} is not one number for each of {channels} channels",
            stored.shape
        )
        .into())
    }

    /// Such a constant, that fits the value.
    fn broadcast(
        &mut self,
        operator: &Operator<'_>,
        index: usize,
        x: &NodeValue,
    ) -> Result<String, NotImported> {
        let numbers = self.channel_numbers(operator, index, x)?;
        Ok(self.fitting(numbers, x))
    }

    /// Integers of 8 bits, less their zero point, for each channel; `None` if the constant has
    /// floats.
    fn channel_integers(
        &mut self,
        operator: &Operator<'_>,
        index: usize,
        x: &NodeValue,
    ) -> Result<Option<(Vec<i32>, f32)>, NotImported> {
        let stored = self.stored(operator, index)?;
        let Some(Grid { scale, .. }) = self.grid(stored)? else {
            return Ok(None);
        };
        let numbers = self.channel_numbers(operator, index, x)?;
        let integers = numbers.iter().map(|number| (number / scale).round() as i32);
        Ok(Some((integers.collect(), scale)))
    }

    /// `PRELU`, whose slopes are its second input.
    pub(super) fn prelu(
        &mut self,
        (operator, label): (&Operator<'_>, &str),
        x: &NodeValue,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let (Some(from), Some(to)) = (x.grid, self.grid(made)?) else {
            let slopes = self.channel_numbers(operator, 1, x)?;
            return self.rectified(label, x, slopes, made);
        };
        let slopes = self.channel_integers(operator, 1, x)?;
        let (slopes, scale) = slopes.ok_or("its slopes are floats, expected 8-bit integers")?;
        let below = Scaling::of_each(&slopes, f64::from(from.scale * scale / to.scale));
        let above = Scaling::by(f64::from(from.scale / to.scale));
        self.stepped(label, x, (&below, &[above]), 0, made)
    }

    /// `LEAKY_RELU`.
    pub(super) fn leaky(
        &mut self,
        label: &str,
        x: &NodeValue,
        slope: f32,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let (Some(from), Some(to)) = (x.grid, self.grid(made)?) else {
            return self.rectified(label, x, vec![slope], made);
        };
        let below = Scaling::by(f64::from(from.scale * slope / to.scale));
        let above = Scaling::by(f64::from(from.scale / to.scale));
        self.stepped(label, x, (&[below], &[above]), 0, made)
    }

    /// Numbers below 0 times slopes, one or one for each channel.
    fn rectified(
        &mut self,
        label: &str,
        x: &NodeValue,
        slopes: Vec<f32>,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let slopes = self.fitting(slopes, x);
        let inputs = [x.name.as_str(), &slopes];
        let name = self.nodes.node((label, "PRelu"), &inputs, vec![]);
        let value = NodeValue {
            name,
            grid: None,
            ..x.clone()
        };
        self.settled(label, value, &[x.unit()], 0, made)
    }

    /// `RELU` and its like, an activation by itself.
    pub(super) fn clipping(
        &mut self,
        label: &str,
        x: &NodeValue,
        activation: i64,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        match (x.grid, self.grid(made)?) {
            (Some(from), Some(to)) if from != to => {
                let scaling = [Scaling::by(f64::from(from.scale / to.scale))];
                self.stepped(label, x, (&scaling, &scaling), activation, made)
            }
            _ => self.settled(label, x.clone(), &[x.unit()], activation, made),
        }
    }

    /// `QUANTIZE` of integers. The kernel of x86 and of ARM takes 16 at a time and rounds halves
    /// upwards there, away from 0 in what is left.
    pub(super) fn requantize(
        &mut self,
        label: &str,
        x: &NodeValue,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let (Some(from), Some(to)) = (x.grid, self.grid(made)?) else {
            return self.settled(label, x.clone(), &[x.unit()], 0, made);
        };
        let len = self.budget.elements(&x.shape)?;
        let scaling = [Scaling {
            halves: match len {
                ..16 => Halves::AwayFromZero,
                _ => Halves::Upwards,
            },
            ..Scaling::by(f64::from(from.scale) / f64::from(to.scale))
        }];
        self.stepped(label, x, (&scaling, &scaling), 0, made)
    }

    /// `MUL` of 8-bit integers and constants.
    fn multiplied_integers(
        &mut self,
        (operator, label): (&Operator<'_>, &str),
        x: &NodeValue,
        (from, to): (Grid, Grid),
        activation: i64,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let index = usize::from(self.value(operator, 0).is_some());
        if self.value(operator, index).is_some() {
            return Err("a product of two values of 8-bit integers, expected a constant".into());
        }
        let numbers = self.channel_integers(operator, index, x)?;
        let (numbers, scale) = numbers.ok_or("its constant has floats, expected 8-bit integers")?;
        let scalings = Scaling::of_each(&numbers, f64::from(from.scale * scale / to.scale));
        let [least, most] = from.bounds(0)?;
        let is_held = |x| {
            let held = |s: &Scaling| s.level(x).is_some_and(|level| level.abs() < 1 << 14);
            scalings.iter().all(held)
        };
        if !is_held(least) || !is_held(most) {
            return Err("products that overflow the 16 bits of the operator".into());
        }
        self.stepped(label, x, (&scalings, &scalings), activation, made)
    }

    /// +1 where a number is at least 0, else -1.
    pub(super) fn signs(&mut self, label: &str, x: &NodeValue) -> NodeValue {
        let zero = self.nodes.number(0.0);
        self.reaching(label, x, &zero)
    }

    /// +1 where a number reaches a threshold, else -1.
    pub(super) fn reaching(&mut self, label: &str, x: &NodeValue, threshold: &str) -> NodeValue {
        let (plus, minus) = (self.nodes.number(1.0), self.nodes.number(-1.0));
        let truth = [x.name.as_str(), threshold];
        let truth = self.nodes.node((label, "GreaterOrEqual"), &truth, vec![]);
        let name = self
            .nodes
            .node((label, "Where"), &[&truth, &plus, &minus], vec![]);
        NodeValue { name, ..x.clone() }
    }

    /// The activation that an operator has at its end.
    pub(super) fn activated(
        &mut self,
        label: &str,
        x: NodeValue,
        activation: i64,
    ) -> Result<NodeValue, NotImported> {
        let (least, most) = match activation {
            0 => return Ok(x),
            1 => {
                let name = self.nodes.node((label, "Relu"), &[&x.name], vec![]);
                return Ok(NodeValue { name, ..x });
            }
            2 => (-1.0, 1.0),
            3 => (0.0, 6.0),
            other => return Err(format!("the activation {other}").into()),
        };
        let (least, most) = (self.nodes.number(least), self.nodes.number(most));
        let name = self
            .nodes
            .node((label, "Clip"), &[&x.name, &least, &most], vec![]);
        Ok(NodeValue { name, ..x })
    }

    pub(super) fn arithmetic(
        &mut self,
        (operator, label): (&Operator<'_>, &str),
        x: &NodeValue,
        y: Option<NodeValue>,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let activation = operator.options.map_or(0, |options| options.byte(0));
        if let (Some(from), Some(to)) = (x.grid, self.grid(made)?) {
            match operator.op.as_str() {
                "MUL" => {
                    let (grids, activation) = ((from, to), activation.into());
                    return self.multiplied_integers((operator, label), x, grids, activation, made);
                }
                "DIV" => return Err("a quotient of 8-bit integers, expected floats".into()),
                _ => {}
            }
        }
        let is_first = self.value(operator, 0).is_some();
        let x = &self.dequantized(label, x);
        let y = y.map(|y| self.dequantized(label, &y));
        let (a, b) = match (is_first, y) {
            (true, Some(y)) => {
                if x.shape != y.shape || x.flat != y.flat || x.is_packed || y.is_packed {
                    return Err(format!("values of {:?} and {:?}", x.shape, y.shape).into());
                }
                (x.name.clone(), y.name)
            }
            (true, None) => (x.name.clone(), self.broadcast(operator, 1, x)?),
            (false, _) => (self.broadcast(operator, 0, x)?, x.name.clone()),
        };
        let op = match operator.op.as_str() {
            "ADD" => "Add",
            "SUB" => "Sub",
            "MUL" => "Mul",
            _ => "Div",
        };
        let name = self.nodes.node((label, op), &[&a, &b], vec![]);
        let value = NodeValue { name, ..x.clone() };
        self.settled_away(label, value, activation.into(), made)
    }
}
