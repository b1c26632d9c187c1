//! Convolutions and linear layers, binary and real.

use bnn_core::internal::padded_sides;

use super::bits::{WORD, unpack};
use super::int8::Weights;
use super::nodes::{int, text};
use super::schema::{Operator, Stored, kind, kind_name};
use super::translate::Translation;
use super::value::{NodeValue, NotImported, image, option};
use super::window::{SAME, WindowOptions};
use crate::onnx::Tensor;

/// Filters `[outputs, height, width, channels of a group]`.
struct LayerFilters {
    shape: [usize; 4],
    weights: Vec<f32>,
    groups: usize,
    window: WindowOptions,
    is_padded_with_one: bool,
}

impl Translation<'_, '_> {
    /// A convolution of filters with the channels last; `groups` of channels.
    fn convolved(
        &mut self,
        label: &str,
        x: &NodeValue,
        filters: &LayerFilters,
        bias: Option<Vec<f32>>,
    ) -> Result<NodeValue, NotImported> {
        let [_, height, width, channels] = image(x)?;
        let [n, kh, kw, depth] = filters.shape;
        let of_groups = depth.checked_mul(filters.groups);
        if of_groups != Some(channels) || [n, kh, kw, depth].contains(&0) {
            return Err(format!(
                "filters of the shape {:?} in {} groups on {channels} channels",
                filters.shape, filters.groups
            )
            .into());
        }
        // Channels first.
        let at = |o, c, tap| filters.weights[(o * kh * kw + tap) * depth + c];
        let weights = (0..n)
            .flat_map(|o| (0..depth).flat_map(move |c| (0..kh * kw).map(move |tap| at(o, c, tap))));
        let shape = [n, depth, kh, kw];
        let weights = Tensor::floats(&shape, self.budget.collect(&shape, weights)?);
        let weights = self.nodes.constant(weights);
        let mut inputs = vec![x.name.clone(), weights];
        if let Some(bias) = bias {
            inputs.push(self.nodes.constant(Tensor::floats(&[bias.len()], bias)));
        }
        let windows = filters.window.over([height, width])?;
        let mut attributes = filters.window.attributes();
        attributes.push(("group", int(filters.groups as i64)));
        match filters.window.padding {
            SAME if filters.is_padded_with_one => {
                let [top, left, bottom, right] = padded_sides(&windows);
                let pads = [0, 0, top, left, 0, 0, bottom, right].map(|side| side as i64);
                let pads = self.nodes.constant(Tensor::ints(&[8], pads.to_vec()));
                let one = self.nodes.number(1.0);
                inputs[0] = self
                    .nodes
                    .node((label, "Pad"), &[&inputs[0], &pads, &one], vec![]);
            }
            SAME => attributes.push(("auto_pad", text("SAME_UPPER"))),
            _ => {}
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let name = self.nodes.node((label, "Conv"), &inputs, attributes);
        let [height, width] = windows.output_size();
        Ok(NodeValue {
            name,
            shape: vec![1, height, width, n],
            flat: None,
            is_packed: false,
            grid: None,
        })
    }

    pub(super) fn binary_conv(
        &mut self,
        operator: &Operator<'_>,
        label: &str,
        x: &NodeValue,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let option = |name| option(operator, name);
        let stored = self.stored(operator, 1)?;
        let words = self.ints(stored)?;
        let [n, kh, kw, packed] = <[usize; 4]>::try_from(&stored.shape[..])
            .map_err(|_| format!("filters of the shape {:?}", stored.shape))?;
        let channels = image(x)?[3];
        if option("channels_in")? != channels as i64 {
            return Err(format!("channels_in: expected {channels}").into());
        }
        let all = channels.div_ceil(WORD);
        let groups = match all.checked_div(packed) {
            Some(groups) if groups > 0 && groups * packed == all => groups,
            _ => return Err(format!("filters of {packed} words on {all} of them").into()),
        };
        if groups > 1 && !channels.is_multiple_of(groups * WORD) {
            return Err(format!("{groups} groups of {channels} channels in whole words").into());
        }
        let depth = channels / groups;
        let filters = LayerFilters {
            shape: [n, kh, kw, depth],
            weights: unpack(&words, depth, self.budget)?,
            groups,
            window: WindowOptions {
                kernel: [kh as i64, kw as i64],
                strides: [option("stride_height")?, option("stride_width")?],
                dilations: [
                    option("dilation_height_factor")?,
                    option("dilation_width_factor")?,
                ],
                padding: option("padding")?,
            },
            is_padded_with_one: match option("pad_values")? {
                0 => false,
                1 => true,
                other => return Err(format!("pad_values: expected 0 or 1, found {other}").into()),
            },
        };
        let sums = self.convolved(label, x, &filters, None)?;
        match made.kind {
            kind::FLOAT32 | kind::INT8 => {
                let sums = self.activated(label, sums, option("fused_activation_function")?)?;
                let mut numbers = |index| {
                    let stored = self.stored(operator, index)?;
                    let numbers = self.floats(stored)?;
                    match numbers.len() == n {
                        true => Ok::<_, NotImported>(self.fitting(numbers, &sums)),
                        false => Err(format!("input {index}: expected {n} numbers").into()),
                    }
                };
                let (multiplier, bias) = (numbers(2)?, numbers(3)?);
                let scaled = [sums.name.as_str(), &multiplier];
                let scaled = self.nodes.node((label, "Mul"), &scaled, vec![]);
                let name = self.nodes.node((label, "Add"), &[&scaled, &bias], vec![]);
                self.settled_away(label, NodeValue { name, ..sums }, 0, made)
            }
            // Signs: -1 where more than a threshold of the `k` products are -1.
            kind::INT32 => {
                let stored = self.stored(operator, 4)?;
                let most = self.ints(stored)?;
                if most.len() != n {
                    return Err(format!("input 4: expected {n} thresholds").into());
                }
                let k = (kh * kw * depth) as i64;
                let least = most.iter().map(|&most| (k - 2 * i64::from(most)) as f32);
                let least = self.budget.collect(&[n], least)?;
                let least = self.fitting(least, &sums);
                Ok(NodeValue {
                    is_packed: true,
                    ..self.reaching(label, &sums, &least)
                })
            }
            other => Err(format!(
                "outputs of {}, expected FLOAT32, INT8 or signs",
                kind_name(other)
            )
            .into()),
        }
    }

    pub(super) fn conv(
        &mut self,
        (operator, label): (&Operator<'_>, &str),
        x: &NodeValue,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let stored = self.stored(operator, 1)?;
        let [first, kh, kw, last] = <[usize; 4]>::try_from(&stored.shape[..])
            .map_err(|_| format!("filters of the shape {:?}", stored.shape))?;
        let Some(options) = operator.options else {
            return Err("expected options, found none".into());
        };
        let channels = image(x)?[3];
        let is_depthwise = operator.op == "DEPTHWISE_CONV_2D";
        let at = |index: usize, default| i64::from(options.int(index, default));
        let outputs = if is_depthwise { last } else { first };
        let Weights {
            numbers: weights,
            units,
        } = self.weights(stored, x, outputs)?;
        let (shape, weights, groups, dilations) = if is_depthwise {
            if first != 1 {
                return Err(format!("filters of the shape {:?}", stored.shape).into());
            }
            let taps = kh * kw;
            let filters = (0..last).flat_map(|o| (0..taps).map(move |tap| tap * last + o));
            let weights = self
                .budget
                .collect(&stored.shape, filters.map(|i| weights[i]))?;
            ([last, kh, kw, 1], weights, channels, [at(6, 1), at(5, 1)])
        } else {
            let groups = channels.checked_div(last).unwrap_or(0).max(1);
            ([first, kh, kw, last], weights, groups, [at(5, 1), at(4, 1)])
        };
        let filters = LayerFilters {
            shape,
            weights,
            groups,
            window: WindowOptions {
                kernel: [kh as i64, kw as i64],
                strides: [at(2, 0), at(1, 0)],
                dilations,
                padding: options.byte(0).into(),
            },
            is_padded_with_one: false,
        };
        let bias = self.bias(operator, outputs, x)?;
        let sums = self.convolved(label, x, &filters, bias)?;
        let activation = options.byte(if is_depthwise { 4 } else { 3 });
        self.requantized(label, sums, &units, activation.into(), made)
    }

    /// The third input, a number for each output, which may be left out.
    fn bias(
        &mut self,
        operator: &Operator<'_>,
        n: usize,
        x: &NodeValue,
    ) -> Result<Option<Vec<f32>>, NotImported> {
        if operator.inputs.get(2).copied().flatten().is_none() {
            return Ok(None);
        }
        let stored = self.stored(operator, 2)?;
        let bias = match x.grid {
            None => self.floats(stored)?,
            // In units of the sums.
            Some(_) => {
                let bias = self.ints(stored)?;
                let numbers = bias.iter().map(|&b| b as f32);
                self.budget.collect(&[bias.len()], numbers)?
            }
        };
        match bias.len() == n {
            true => Ok(Some(bias)),
            false => Err(format!("input 2: expected {n} biases, found {}", bias.len()).into()),
        }
    }

    pub(super) fn dense(
        &mut self,
        (operator, label): (&Operator<'_>, &str),
        x: &NodeValue,
        made: &Stored<'_>,
    ) -> Result<NodeValue, NotImported> {
        let stored = self.stored(operator, 1)?;
        let x = &match x.shape.len() {
            4 => self.flattened(label, x)?,
            _ => x.clone(),
        };
        let (n, k) = match (&stored.shape[..], &x.shape[..]) {
            (&[n, k], &[_, features]) if k == features && n > 0 && k > 0 => (n, k),
            (weights, value) => {
                return Err(format!("weights {weights:?} and a value of {value:?}").into());
            }
        };
        let Weights {
            numbers: weights,
            units,
        } = self.weights(stored, x, n)?;
        // What was flattened has its channels last there.
        let [pixels, channels] = match x.flat {
            Some([height, width, channels]) => [height * width, channels],
            None => [1, k],
        };
        let rows = weights.chunks_exact(k);
        let ordered = rows.flat_map(|row| {
            (0..channels).flat_map(move |c| (0..pixels).map(move |p| row[p * channels + c]))
        });
        let weights = Tensor::floats(&[n, k], self.budget.collect(&[n, k], ordered)?);
        let mut inputs = vec![x.name.clone(), self.nodes.constant(weights)];
        if let Some(bias) = self.bias(operator, n, x)? {
            inputs.push(self.nodes.constant(Tensor::floats(&[n], bias)));
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let name = self
            .nodes
            .node((label, "Gemm"), &inputs, vec![("transB", int(1))]);
        let value = NodeValue {
            name,
            shape: vec![1, n],
            flat: None,
            is_packed: false,
            grid: None,
        };
        let activation = operator.options.map_or(0, |options| options.byte(0));
        self.requantized(label, value, &units, activation.into(), made)
    }
}
