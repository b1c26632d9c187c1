//! Functions of single numbers, and of two.

use super::schema::{Operator, Stored};
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

    /// `PRELU`, whose slopes are its second input.
    pub(super) fn prelu(
        &mut self,
        (operator, label): (&Operator<'_>, &str),
        x: &NodeValue,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let slopes = self.channel_numbers(operator, 1, x)?;
        let stored = self.stored(operator, 1)?;
        let unit = self.grid(stored)?.map_or(1.0, |grid| grid.scale);
        self.rectified(label, x, (slopes, unit), made)
    }

    /// Numbers below 0 times slopes, one or one for each channel; slopes of 8 bits are multiples of
    /// a `unit`.
    pub(super) fn rectified(
        &mut self,
        label: &str,
        x: &NodeValue,
        (slopes, unit): (Vec<f32>, f32),
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
        match x.grid {
            Some(Grid { scale, .. }) => {
                self.rounded_twice(label, value, (scale, scale * unit), made)
            }
            None => self.settled(label, value, &[1.0], 0, made),
        }
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
        let activation = operator.options.map_or(0, |options| options.byte(0));
        let value = NodeValue { name, ..x.clone() };
        self.settled_away(label, value, activation.into(), made)
    }
}
