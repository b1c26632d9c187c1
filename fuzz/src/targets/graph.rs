//! Graphs of any nodes that fit each other, and their files when damaged: an error, or a model that
//! gives the same in place and with packed weights.

use super::model::{Damage, open_and_run, repaired};
use super::parsed;
use crate::Numbers;
use arbitrary::{Arbitrary, Unstructured};
use bnn_core::conv::{Conv2d, ConvOptions, PadValue, Padding, Pool2d};
use bnn_core::model::graph::{
    Graph, Node, NodeEpilogue, NodeNumber, NodeWeights, Numbers as Parameters, Operation, Slopes,
    Values,
};
use bnn_core::model::{InputType, ModelError};

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    /// 0: bits.
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=8))]
    depth: u8,
    #[arbitrary(with = |u: &mut Unstructured<'_>| Ok([u.int_in_range(1..=9)?, u.int_in_range(1..=7)?, u.int_in_range(1..=70)?]))]
    image: [usize; 3],
    steps: Vec<Step>,
    damage: Vec<Damage>,
    numbers: &'a [u8],
}

/// The first of the numbers of kinds that are crops.
const CROPS: u8 = 253;

/// A node; where it does not fit what it reads it is left out.
#[derive(Arbitrary, Debug)]
struct Step {
    kind: u8,
    /// How far before it what it reads lies.
    reads: [u8; 2],
    values: u8,
    outputs: u8,
    window: [u8; 6],
    padding: [u8; 4],
}

/// Runs the case that the bytes describe; whether they describe one that can be run.
///
/// # Panics
/// Where a result is wrong.
pub fn graph(data: &[u8]) -> bool {
    let Some(case) = parsed::<Case<'_>>(data) else {
        return false;
    };
    let numbers = &mut Numbers::new(case.numbers);
    let Some(graph) = case.graph(numbers) else {
        return false;
    };
    // Some nodes are at odds with the format: those are errors.
    let Ok(mut bytes) = graph.write() else {
        return false;
    };
    open_and_run(&bytes, numbers).expect("a file of the writer's opens");
    for damage in &case.damage {
        damage.inflict(&mut bytes);
    }
    let _: Result<(), ModelError> = open_and_run(&bytes, numbers);
    let _: Result<(), ModelError> = open_and_run(&repaired(&bytes), numbers);
    true
}

/// A tensor: its shape and the type of its elements.
type Tensor = ([usize; 3], Values);

impl Case<'_> {
    fn graph(&self, numbers: &mut Numbers<'_>) -> Option<Graph> {
        let (input, values) = match self.depth {
            0 => (InputType::Bits, Values::Bits),
            depth => (InputType::Unsigned { depth }, Values::Unsigned { depth }),
        };
        let mut tensors = vec![(self.image, values)];
        let mut nodes: Vec<Node> = Vec::new();
        for step in self.steps.iter().take(24) {
            if let Some((node, shape)) = step.node(&tensors, numbers) {
                tensors.push((shape, node.values));
                nodes.push(node);
            }
        }
        let nodes = reached(nodes);
        (!nodes.is_empty()).then_some(Graph {
            input,
            input_shape: self.image,
            nodes,
            meta: "name=fuzz\n".into(),
        })
    }
}

/// The nodes that the last one depends on.
fn reached(nodes: Vec<Node>) -> Vec<Node> {
    let mut used = vec![false; nodes.len() + 1];
    used[nodes.len()] = true;
    for (i, node) in nodes.iter().enumerate().rev() {
        if used[i + 1] {
            node.inputs.iter().for_each(|&at| used[at] = true);
        }
    }
    let mut renamed = vec![0; nodes.len() + 1];
    let mut kept = Vec::new();
    for (i, mut node) in nodes.into_iter().enumerate() {
        if used[i + 1] {
            node.inputs.iter_mut().for_each(|at| *at = renamed[*at]);
            kept.push(node);
            renamed[i + 1] = kept.len();
        }
    }
    kept
}

impl Step {
    fn node(&self, tensors: &[Tensor], numbers: &mut Numbers<'_>) -> Option<(Node, [usize; 3])> {
        let [a, b] = self
            .reads
            .map(|back| tensors.len() - 1 - usize::from(back) % tensors.len().min(6));
        let (shape, from) = tensors[a];
        let [height, width, channels] = shape;
        let plain = |operation| Some((operation, vec![a], shape, from));
        let (operation, inputs, shape, values) = match self.kind % 13 {
            _ if self.kind >= CROPS => {
                let [top, bottom, left, right] = self.padding.map(|side| usize::from(side % 3));
                let height = height.checked_sub(top + bottom)?;
                let width = width.checked_sub(left + right)?;
                let crop = Operation::Crop([top, bottom, left, right]);
                (crop, vec![a], [height, width, channels], from)
            }
            0 | 1 => {
                let conv = self.conv(shape)?;
                let values = self.values(from == Values::Real);
                let (n, k) = (conv.outputs(), conv.patch_len());
                let weights = match (from, self.kind / 13 % 2) {
                    (Values::Bits, _) | (Values::Unsigned { .. }, 0) => {
                        NodeWeights::Bits(numbers.bits(n, k).ok()?)
                    }
                    (Values::Real, 0) => {
                        NodeWeights::F32((0..n * k).map(|_| real(numbers)).collect())
                    }
                    _ => NodeWeights::I8((0..n * k).map(|_| numbers.byte() as i8).collect()),
                };
                let epilogue = match (values, &weights) {
                    (Values::Bits, _) => NodeEpilogue::Thresholds(integers(n, numbers)),
                    (Values::Real, NodeWeights::F32(_)) => NodeEpilogue::Bias(reals(n, numbers)),
                    _ => self.epilogue(n, values, numbers),
                };
                let [height, width] = conv.windows().output_size();
                let operation = Operation::Product {
                    conv,
                    weights,
                    epilogue,
                };
                (operation, vec![a], [height, width, n], values)
            }
            2 => {
                let values = match from {
                    Values::Fixed { .. } => self.values(false),
                    from => from,
                };
                (Operation::Add, vec![a, b], shape, values)
            }
            3 => {
                let all = channels + tensors[b].0[2];
                let shape = [height, width, all];
                (all < 300).then_some((Operation::Concat, vec![a, b], shape, from))?
            }
            4 => {
                let values = self.values(from == Values::Real);
                let epilogue = self.epilogue(channels, values, numbers);
                (Operation::Affine(epilogue), vec![a], shape, values)
            }
            5 => plain(Operation::Relu)?,
            6 => plain(Operation::Prelu(self.slopes(channels, from, numbers)))?,
            7 => plain(Operation::Rprelu {
                before: parameters(channels, from, numbers),
                slope: self.slopes(channels, from, numbers),
                after: parameters(channels, from, numbers),
            })?,
            8 => plain(match from {
                Values::Real => Operation::Clamp {
                    low: NodeNumber::Real(-1.0),
                    high: NodeNumber::Real(real(numbers).abs()),
                },
                _ => Operation::Clamp {
                    low: NodeNumber::Fixed(-9),
                    high: NodeNumber::Fixed(numbers.byte().into()),
                },
            })?,
            kind @ (9 | 10) => {
                let pool = self.pool(shape)?;
                let [height, width] = pool.windows().output_size();
                let operation = match kind {
                    9 => Operation::AveragePool(pool),
                    _ => Operation::MaxPool(pool),
                };
                (operation, vec![a], [height, width, channels], from)
            }
            11 => {
                let thresholds = parameters(channels, from, numbers);
                (Operation::Sign(thresholds), vec![a], shape, Values::Bits)
            }
            _ => {
                let all = height * width * channels;
                let flat = (Operation::Flatten, vec![a], [1, 1, all], from);
                (all < 300).then_some(flat)?
            }
        };
        let node = Node {
            operation,
            inputs,
            values,
        };
        Some((node, shape))
    }

    fn values(&self, of_reals: bool) -> Values {
        match self.values % 8 {
            0 => Values::Bits,
            _ if of_reals => Values::Real,
            1..=3 => Values::Real,
            7 => Values::Integer { exponent: 2 },
            other => Values::Fixed {
                exponent: (other * 3) as i8 - 10,
            },
        }
    }

    fn epilogue(&self, n: usize, values: Values, numbers: &mut Numbers<'_>) -> NodeEpilogue {
        match values {
            Values::Real => NodeEpilogue::Real {
                scale: reals(n, numbers),
                bias: reals(n, numbers),
            },
            _ => NodeEpilogue::Fixed {
                factor: integers(n, numbers),
                bias: integers(n, numbers),
                shift: self.outputs % 63,
            },
        }
    }

    fn slopes(&self, n: usize, values: Values, numbers: &mut Numbers<'_>) -> Slopes {
        match values {
            Values::Real => Slopes::Real(reals(n, numbers)),
            _ => Slopes::Fixed {
                slope: integers(n, numbers),
                shift: self.outputs % 63,
            },
        }
    }

    fn conv(&self, shape: [usize; 3]) -> Option<Conv2d> {
        let small = |byte: u8, most: u8| usize::from(byte % most);
        let [kh, kw, sh, sw, dh, dw] = self.window;
        let kernel = [1 + small(kh, 3), 1 + small(kw, 3)];
        let same = self.padding[0] >= 128;
        let groups = match self.outputs % 8 {
            7 => shape[2],
            6 => 2,
            _ => 1,
        };
        let options = ConvOptions {
            stride: match same {
                true => [1, 1],
                false => [1 + small(sh, 3), 1 + small(sw, 3)],
            },
            dilation: [1 + small(dh, 2), 1 + small(dw, 2)],
            groups,
            padding: match same {
                true => Padding::Same,
                false => self.padding(),
            },
            pad_value: match self.values / 8 % 4 {
                0 => PadValue::MinusOne,
                1 => PadValue::PlusOne,
                _ => PadValue::Zero,
            },
        };
        let outputs = match same {
            true => shape[2],
            false => groups * (1 + small(self.outputs, 70)),
        };
        (outputs < 200).then_some(())?;
        Conv2d::new(shape, outputs, kernel, options).ok()
    }

    fn pool(&self, shape: [usize; 3]) -> Option<Pool2d> {
        let small = |byte: u8| 1 + usize::from(byte % 3);
        let [kh, kw, sh, sw, ..] = self.window.map(small);
        let kernel = match self.outputs % 4 {
            0 => [shape[0], shape[1]],
            _ => [kh, kw],
        };
        Pool2d::new(shape, kernel, [sh, sw], self.padding()).ok()
    }

    fn padding(&self) -> Padding {
        let [top, bottom, left, right] = self.padding.map(|side| usize::from(side % 3));
        // Graphs without padding above and below slide.
        let slides = self.padding[1] >= 240;
        let [top, bottom] = [top, bottom].map(|rows| if slides { 0 } else { rows });
        Padding::Explicit {
            top,
            bottom,
            left,
            right,
        }
    }
}

fn parameters(n: usize, values: Values, numbers: &mut Numbers<'_>) -> Parameters {
    match values {
        Values::Real => Parameters::Real(reals(n, numbers)),
        _ => Parameters::Fixed(integers(n, numbers)),
    }
}

/// A finite number, often of a common size.
fn real(numbers: &mut Numbers<'_>) -> f32 {
    let x = match numbers.byte() % 4 {
        0 => numbers.f32(),
        _ => f32::from(numbers.byte() as i8) / 16.0,
    };
    if x.is_finite() { x } else { 0.5 }
}

fn reals(n: usize, numbers: &mut Numbers<'_>) -> Vec<f32> {
    (0..n).map(|_| real(numbers)).collect()
}

fn integers(n: usize, numbers: &mut Numbers<'_>) -> Vec<i32> {
    (0..n)
        .map(|_| match numbers.byte() % 8 {
            0 => numbers.i32(),
            _ => i32::from(numbers.byte()) - 128,
        })
        .collect()
}
