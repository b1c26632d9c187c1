//! Operators that pool, join, pad or flatten images.

use super::nodes::{int, text};
use super::schema::{Operator, Stored};
use super::translate::Translation;
use super::value::{NodeValue, NotImported, image};
use super::window::{SAME, WindowOptions};
use crate::onnx::Tensor;

impl Translation<'_, '_> {
    pub(super) fn concatenation(
        &mut self,
        operator: &Operator<'_>,
        label: &str,
        x: &NodeValue,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let all: Option<Vec<NodeValue>> = (0..operator.inputs.len())
            .map(|index| self.value(operator, index))
            .collect();
        let all = all.ok_or("constants beside values that depend on the input")?;
        let options = operator.options;
        let axis = options.map_or(0, |options| options.int(0, 0));
        let rank = x.shape.len();
        if rank != 4 || axis != 3 && axis != -1 {
            return Err(format!("the axis {axis} of a value of {:?}", x.shape).into());
        }
        let mut shape = x.shape.clone();
        shape[3] = 0;
        for value in &all {
            if value.shape.len() != 4 || value.shape[..3] != shape[..3] || value.is_packed {
                return Err("values of different sizes, or packed ones".into());
            }
            let channels = shape[3].checked_add(value.shape[3]);
            shape[3] = channels.ok_or("more channels than there are numbers")?;
        }
        let all: Vec<NodeValue> = all
            .iter()
            .map(|value| self.dequantized(label, value))
            .collect();
        let names: Vec<&str> = all.iter().map(|value| value.name.as_str()).collect();
        let name = self
            .nodes
            .node((label, "Concat"), &names, vec![("axis", int(1))]);
        let joined = NodeValue {
            name,
            shape,
            ..all[0].clone()
        };
        let activation = options.map_or(0, |options| options.byte(1));
        self.settled_away(label, joined, activation.into(), made)
    }

    pub(super) fn pool(
        &mut self,
        label: &str,
        op: &str,
        x: &NodeValue,
        window: &WindowOptions,
    ) -> Result<NodeValue, NotImported> {
        let [_, height, width, channels] = image(x)?;
        let [height, width] = window.over([height, width])?.output_size();
        let mut attributes = window.attributes();
        if window.padding == SAME {
            attributes.push(("auto_pad", text("SAME_UPPER")));
        }
        let name = self.nodes.node((label, op), &[&x.name], attributes);
        Ok(NodeValue {
            name,
            shape: vec![1, height, width, channels],
            ..x.clone()
        })
    }

    pub(super) fn mean(
        &mut self,
        operator: &Operator<'_>,
        label: &str,
        x: &NodeValue,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let stored = self.stored(operator, 1)?;
        let mut axes = self.ints(stored)?;
        axes.sort_unstable();
        if axes != [1, 2] || x.shape.len() != 4 {
            return Err(format!("means over the axes {axes:?} of {:?}", x.shape).into());
        }
        let channels = x.shape[3];
        let mut name = self
            .nodes
            .node((label, "GlobalAveragePool"), &[&x.name], vec![]);
        let mut shape = vec![1, 1, 1, channels];
        if operator.options.is_none_or(|options| options.byte(0) == 0) {
            name = self.nodes.node((label, "Flatten"), &[&name], vec![]);
            shape = vec![1, channels];
        }
        let mean = NodeValue {
            name,
            shape,
            grid: None,
            ..x.clone()
        };
        // What is multiplied and rounded is the sum.
        let of = ((x.shape[1] * x.shape[2]) as f32).recip();
        self.requantized_means(label, mean, (x.unit(), of), made)
    }

    /// A value of features: an image's elements, one after the other.
    pub(super) fn flattened(
        &mut self,
        label: &str,
        x: &NodeValue,
    ) -> Result<NodeValue, NotImported> {
        let [_, height, width, channels] = image(x)?;
        let features = self.budget.len(&[height, width, channels])?;
        let name = self.nodes.node((label, "Flatten"), &[&x.name], vec![]);
        Ok(NodeValue {
            name,
            shape: vec![1, features],
            flat: (height * width > 1).then_some([height, width, channels]),
            ..x.clone()
        })
    }

    pub(super) fn reshape(
        &mut self,
        label: &str,
        x: &NodeValue,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let sides = x.shape.get(1..).unwrap_or_default();
        let all = self.budget.len(sides)?;
        let same = made.shape.len() == x.shape.len() && made.shape[1..] == *sides;
        match *made.shape.as_slice() {
            _ if same => Ok(x.clone()),
            [_, features] if features == all => self.flattened(label, x),
            _ => Err(format!(
                "makes {:?} of {:?}: neither flattens an image nor leaves it",
                made.shape, x.shape
            )
            .into()),
        }
    }

    pub(super) fn pad(
        &mut self,
        operator: &Operator<'_>,
        label: &str,
        x: &NodeValue,
    ) -> Result<NodeValue, NotImported> {
        let stored = self.stored(operator, 1)?;
        let sides = self.ints(stored)?;
        let [_, height, width, channels] = image(x)?;
        let &[0, 0, top, bottom, left, right, 0, 0] = &sides[..] else {
            return Err(format!("padding of {sides:?}, expected rows and columns").into());
        };
        if [top, bottom, left, right]
            .iter()
            .any(|side| !(0..1 << 16).contains(side))
        {
            return Err(format!("padding of {sides:?}").into());
        }
        let pads = [0, 0, top, left, 0, 0, bottom, right].map(i64::from);
        let pads = self.nodes.constant(Tensor::ints(&[8], pads.to_vec()));
        let zero = self.nodes.number(0.0);
        let name = self
            .nodes
            .node((label, "Pad"), &[&x.name, &pads, &zero], vec![]);
        let (rows, columns) = ((top + bottom) as usize, (left + right) as usize);
        Ok(NodeValue {
            name,
            shape: vec![1, height + rows, width + columns, channels],
            ..x.clone()
        })
    }
}
