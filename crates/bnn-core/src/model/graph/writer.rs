//! Makes model files of graphs.

mod encode;
pub(super) mod plan;

use alloc::vec::Vec;

use super::info::Values;
use super::record::{NodeRecord, NodeWindow, kind, values, weights};
use super::spec::{Graph, Node, NodeEpilogue, NodeNumber, NodeWeights, Numbers, Operation, Slopes};
use crate::bits::BitMatrix;
use crate::conv::{Conv2d, PadValue, Windows};
use crate::error::Error;
use crate::memory;
use crate::model::error::ModelError;
use crate::model::fault::Fault;
use crate::model::format::{self, pad};
use crate::model::layer::InputType;
use crate::model::owned_bytes::AlignedBytes;
use crate::model::reader::Model;
use crate::model::writer::{pad_to, padding, pair, sides, small, write};
use crate::shape::{equal, nonzero};
use plan::plan;

impl Graph {
    /// The file of the graph. It is opened once, so that every file written can be read.
    ///
    /// # Errors
    /// [`ModelError::Layer`] with the number of the node (0 is the input) that does not fit its
    /// inputs or the format, whose limits `docs/MODEL_FORMAT.md` says; numbers that are not one for
    /// each channel; a file of 4 GiB or more.
    pub fn write(&self) -> Result<Vec<u8>, ModelError> {
        nonzero("nodes", self.nodes.len())?;
        let mut writer = Writer {
            records: memory::with_capacity(self.nodes.len() + 1)?,
            weights: Vec::new(),
            params: Vec::new(),
        };
        writer.input(self)?;
        for node in &self.nodes {
            writer.node(node)?;
        }
        writer.readers();
        let mut records: Vec<_> = writer.records.iter().map(NodeRecord::encode).collect();
        plan(&mut writer.records, &mut records)?;
        let sections = [
            (format::NODES, records.into_flattened()),
            (format::WEIGHTS, writer.weights),
            (format::PARAMS, writer.params),
            (format::META, self.meta.as_bytes().to_vec()),
        ];
        let file = write(format::MAJOR_OF_GRAPHS, &sections)?;
        Model::open(&AlignedBytes::from(file.as_slice()))?;
        Ok(file)
    }
}

struct Writer {
    records: Vec<NodeRecord>,
    weights: Vec<u8>,
    params: Vec<u8>,
}

impl Writer {
    fn input(&mut self, graph: &Graph) -> Result<(), ModelError> {
        let [height, width, channels] = graph.input_shape;
        self.records.push(NodeRecord {
            kind: kind::INPUT,
            values: match graph.input {
                InputType::Bits => values::BITS,
                InputType::Unsigned { depth } => depth,
                InputType::Thresholds => {
                    return Err(
                        self.refusal("bits or unsigned integers (put a sign node after them)")
                    );
                }
            },
            sides: sides([height, width])?,
            channels: small("channels", channels)?,
            ..NodeRecord::default()
        });
        Ok(())
    }

    /// Why the node that is being added is refused.
    fn refusal(&self, expected: &'static str) -> ModelError {
        let index = self.records.len();
        ModelError::Layer { index, expected }
    }

    fn node(&mut self, node: &Node) -> Result<(), ModelError> {
        let mut record = self.of_kind(node)?;
        equal("inputs of a node", record.arity(), node.inputs.len())?;
        let mut inputs = [NodeRecord::default(); 2];
        for ((at, input), place) in node.inputs.iter().zip(&mut inputs).zip(&mut record.inputs) {
            let Some(found) = self.records.get(*at) else {
                return Err(self.refusal(Fault::NodeInputs.expected()));
            };
            *input = *found;
            *place = small("nodes", *at)?;
        }
        let [first, second] = inputs;
        (record.values, record.exponent) = match node.values {
            Values::Bits => (values::BITS, 0),
            Values::Unsigned { depth } => (depth, 0),
            Values::Fixed { exponent } => (values::FIXED, exponent),
            Values::Real => (values::REAL, 0),
            Values::Integer { exponent } => (values::INTEGER, exponent),
        };
        record.sides = first.sides;
        record.channels = first.channels;
        match &node.operation {
            Operation::Product { conv, .. } => {
                let [height, width] = conv.windows().input_size();
                let input = [height, width, conv.channels()];
                self.check_image(input, &first)?;
                record.sides = sides(conv.windows().output_size())?;
                record.channels = small("outputs", conv.outputs())?;
            }
            Operation::AveragePool(pool) | Operation::MaxPool(pool) => {
                let [height, width] = pool.windows().input_size();
                self.check_image([height, width, pool.channels()], &first)?;
                record.sides = sides(pool.windows().output_size())?;
            }
            Operation::Concat => {
                let sum = first.channels.checked_add(second.channels);
                record.channels = sum.ok_or(Error::Overflow { what: "channels" })?;
            }
            Operation::Crop([top, bottom, left, right]) => {
                let [height, width, _] = first.shape().sizes();
                record.sides = sides([
                    height.saturating_sub(top.saturating_add(*bottom)),
                    width.saturating_sub(left.saturating_add(*right)),
                ])?;
            }
            Operation::Flatten => {
                record.sides = [1, 1];
                let sizes = first.shape().sizes();
                let all = sizes.iter().try_fold(1_usize, |all, n| all.checked_mul(*n));
                let all = all.ok_or(Error::Overflow { what: "channels" })?;
                record.channels = small("channels", all)?;
            }
            _ => {}
        }
        self.parameters(node, &mut record)?;
        self.records.push(record);
        Ok(())
    }

    fn check_image(&self, expected: [usize; 3], input: &NodeRecord) -> Result<(), ModelError> {
        let [height, width, channels] = expected;
        let [found_height, found_width, found_channels] = input.shape().sizes();
        equal("rows of a node's input", height, found_height)?;
        equal("columns of a node's input", width, found_width)?;
        Ok(equal(
            "channels of a node's input",
            channels,
            found_channels,
        )?)
    }

    /// A record with what the kind alone says.
    fn of_kind(&self, node: &Node) -> Result<NodeRecord, ModelError> {
        let of = |kind| NodeRecord {
            kind,
            ..NodeRecord::default()
        };
        Ok(match &node.operation {
            Operation::Product { conv, weights, .. } => NodeRecord {
                pad: match conv.pad_value() {
                    PadValue::Zero => pad::ZERO,
                    PadValue::MinusOne => pad::MINUS_ONE,
                    PadValue::PlusOne => pad::PLUS_ONE,
                },
                window: window(conv.windows())?,
                groups: small("groups of a product", conv.groups())?,
                weights: match weights {
                    NodeWeights::Bits(_) => weights::BITS,
                    NodeWeights::I8(_) => weights::I8,
                    NodeWeights::F32(_) => weights::F32,
                },
                ..of(kind::PRODUCT)
            },
            Operation::Add => of(kind::ADD),
            Operation::Concat => of(kind::CONCAT),
            Operation::Affine(_) => of(kind::AFFINE),
            Operation::Relu => of(kind::RELU),
            Operation::Prelu(_) => of(kind::PRELU),
            Operation::Rprelu { .. } => of(kind::RPRELU),
            Operation::Clamp { .. } => of(kind::CLAMP),
            Operation::AveragePool(pool) => NodeRecord {
                window: window(pool.windows())?,
                ..of(kind::AVERAGE_POOL)
            },
            Operation::MaxPool(pool) => NodeRecord {
                window: window(pool.windows())?,
                ..of(kind::MAX_POOL)
            },
            Operation::Sign(_) => of(kind::SIGN),
            Operation::Flatten => of(kind::FLATTEN),
            Operation::Crop(sides) => NodeRecord {
                window: NodeWindow {
                    padding: cut_off(sides)?,
                    ..NodeWindow::default()
                },
                ..of(kind::CROP)
            },
        })
    }

    fn parameters(&mut self, node: &Node, record: &mut NodeRecord) -> Result<(), ModelError> {
        let n = record.channels as usize;
        let at = self.params.len();
        match &node.operation {
            Operation::Product {
                conv,
                weights,
                epilogue,
            } => {
                self.weights(conv, weights, record)?;
                self.epilogue(epilogue, record)?;
            }
            Operation::Affine(epilogue) => self.epilogue(epilogue, record)?,
            Operation::Prelu(slopes) => record.shift = self.slopes(slopes, n)?,
            Operation::Rprelu {
                before,
                slope,
                after,
            } => {
                self.numbers("shifts before a rectifier", before, n)?;
                record.shift = self.slopes(slope, n)?;
                self.numbers("shifts after a rectifier", after, n)?;
            }
            Operation::Clamp { low, high } => {
                for number in [low, high] {
                    match number {
                        NodeNumber::Real(x) => self.params.extend(x.to_le_bytes()),
                        NodeNumber::Fixed(v) => self.params.extend(v.to_le_bytes()),
                    }
                }
            }
            Operation::Sign(thresholds) => self.numbers("thresholds", thresholds, n)?,
            _ => {}
        }
        self.check_types(node, record)?;
        if self.params.len() > at {
            record.params_at = small("bytes of parameters", at)?;
        }
        Ok(())
    }

    /// Checks that parameters are of the type that the node's tensors want: bytes alone would not
    /// tell.
    fn check_types(&self, node: &Node, record: &NodeRecord) -> Result<(), ModelError> {
        let input = self.records.get(usize::from(record.inputs[0]));
        let of_reals = input.is_some_and(|input| input.values == values::REAL);
        let fits = |are_real: bool| are_real == of_reals;
        let real = |numbers: &Numbers| fits(matches!(numbers, Numbers::Real(_)));
        let slopes = |slopes: &Slopes| fits(matches!(slopes, Slopes::Real(_)));
        let number = |number: &NodeNumber| fits(matches!(number, NodeNumber::Real(_)));
        let epilogue = |epilogue: &NodeEpilogue| match (epilogue, record.values) {
            (NodeEpilogue::Thresholds(_), values::BITS) => record.kind == kind::PRODUCT,
            (NodeEpilogue::Real { .. }, values::REAL) => {
                record.kind == kind::AFFINE || record.weights != weights::F32
            }
            (NodeEpilogue::Bias(_), values::REAL) => record.weights == weights::F32,
            (NodeEpilogue::Fixed { .. }, values::FIXED | values::INTEGER) => true,
            _ => false,
        };
        let fits = match &node.operation {
            Operation::Product { epilogue: f, .. } | Operation::Affine(f) => epilogue(f),
            Operation::Prelu(s) => slopes(s),
            Operation::Rprelu {
                before,
                slope,
                after,
            } => real(before) && slopes(slope) && real(after),
            Operation::Clamp { low, high } => number(low) && number(high),
            Operation::Sign(thresholds) => real(thresholds),
            _ => true,
        };
        match fits {
            true => Ok(()),
            false => Err(self.refusal(Fault::NodeTypes.expected())),
        }
    }

    fn weights(
        &mut self,
        conv: &Conv2d,
        weights: &NodeWeights,
        record: &mut NodeRecord,
    ) -> Result<(), ModelError> {
        record.weights_at = small("bytes of weights", self.weights.len())?;
        let (n, k) = (conv.outputs(), conv.patch_len());
        let count = n * k; // fits memory as bits, and is compared with what there is
        match weights {
            NodeWeights::Bits(bits) => {
                equal("filters", n, bits.rows())?;
                equal("elements of a filter", k, bits.cols())?;
                self.bits(bits);
            }
            NodeWeights::I8(w) => {
                equal("weights", count, w.len())?;
                self.weights.extend(w.iter().map(|&w| w as u8));
            }
            NodeWeights::F32(w) => {
                equal("weights", count, w.len())?;
                self.weights.extend(w.iter().flat_map(|w| w.to_le_bytes()));
            }
        }
        pad_to(&mut self.weights, format::ALIGN);
        Ok(())
    }

    fn bits(&mut self, bits: &BitMatrix) {
        let words = bits.view().words().iter();
        self.weights.extend(words.flat_map(|w| w.to_le_bytes()));
    }

    fn epilogue(
        &mut self,
        epilogue: &NodeEpilogue,
        record: &mut NodeRecord,
    ) -> Result<(), ModelError> {
        let n = record.channels as usize;
        match epilogue {
            NodeEpilogue::Thresholds(t) => self.integers("thresholds", t, n)?,
            NodeEpilogue::Real { scale, bias } => {
                self.reals("scales", scale, n)?;
                self.reals("biases", bias, n)?;
            }
            NodeEpilogue::Bias(bias) => self.reals("biases", bias, n)?,
            NodeEpilogue::Fixed {
                factor,
                bias,
                shift,
            } => {
                self.integers("factors", factor, n)?;
                self.integers("biases", bias, n)?;
                record.shift = *shift;
            }
        }
        Ok(())
    }

    fn slopes(&mut self, slopes: &Slopes, n: usize) -> Result<u8, ModelError> {
        match slopes {
            Slopes::Real(slopes) => {
                self.reals("slopes", slopes, n)?;
                Ok(0)
            }
            Slopes::Fixed { slope, shift } => {
                self.integers("slopes", slope, n)?;
                Ok(*shift)
            }
        }
    }

    fn numbers(
        &mut self,
        what: &'static str,
        numbers: &Numbers,
        n: usize,
    ) -> Result<(), ModelError> {
        match numbers {
            Numbers::Real(numbers) => self.reals(what, numbers, n),
            Numbers::Fixed(numbers) => self.integers(what, numbers, n),
        }
    }

    fn reals(&mut self, what: &'static str, numbers: &[f32], n: usize) -> Result<(), ModelError> {
        equal(what, n, numbers.len())?;
        let bytes = numbers.iter().flat_map(|x| x.to_le_bytes());
        self.params.extend(bytes);
        Ok(())
    }

    fn integers(
        &mut self,
        what: &'static str,
        numbers: &[i32],
        n: usize,
    ) -> Result<(), ModelError> {
        equal(what, n, numbers.len())?;
        let bytes = numbers.iter().flat_map(|v| v.to_le_bytes());
        self.params.extend(bytes);
        Ok(())
    }

    /// Notes the last reader of every node.
    fn readers(&mut self) {
        for reader in 1..self.records.len() {
            let record = self.records[reader];
            for input in record.inputs.iter().take(record.arity()) {
                // No more nodes than `u16` has: `plan` comes later, the reader checks.
                self.records[usize::from(*input)].last = reader as u16;
            }
        }
    }
}

fn cut_off([top, bottom, left, right]: &[usize; 4]) -> Result<[u8; 4], Error> {
    let what = "rows or columns that are cut off";
    Ok([
        small(what, *top)?,
        small(what, *bottom)?,
        small(what, *left)?,
        small(what, *right)?,
    ])
}

fn window(windows: &Windows) -> Result<NodeWindow, Error> {
    Ok(NodeWindow {
        kernel: pair("kernel of a node", windows.kernel())?,
        stride: pair("stride of a node", windows.stride())?,
        padding: padding(windows.padding_before(), windows.padding_after())?,
        dilation: pair("dilation of a node", windows.dilation())?,
    })
}
