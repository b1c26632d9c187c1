//! Random graphs: branches that rejoin, windows of all kinds, both kinds of numbers.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::bits::BitMatrix;
use crate::conv::{Conv2d, ConvOptions, PadValue, Padding, Pool2d};
use crate::model::InputType;
use crate::model::graph::{
    Graph, Node, NodeEpilogue, NodeNumber, NodeWeights, Numbers, Operation, Slopes, Values,
};
use crate::model::laws::net::Dice;

/// A graph that is being drawn.
struct Sketch {
    dice: Dice,
    /// Whether its window is to slide: nothing is padded above or below, and the output is a row.
    slides: bool,
    nodes: Vec<Node>,
    /// The tensors of the input and of all nodes.
    tensors: Vec<([usize; 3], Values)>,
}

/// A graph of a seed, of up to some `size` nodes.
pub(super) fn graph(seed: u64, size: usize) -> Graph {
    draw(seed, size, false)
}

/// A graph without padding above and below, that ends in one row. Its window slides unless
/// branches of different strides meet.
pub(super) fn sliding(seed: u64, size: usize) -> Graph {
    draw(seed, size, true)
}

fn draw(seed: u64, size: usize, slides: bool) -> Graph {
    let mut dice = Dice::new(seed.wrapping_mul(1 << 20));
    let most = if slides { 24 } else { 9 };
    let sides = [1 + dice.below(most), 1 + dice.below(7)];
    let channels = dice.one_of(&[1, 2, 3, 4, 6, 16, 31, 32, 48, 64, 65, 80]);
    let input_shape = [sides[0], sides[1], channels];
    let input = match dice.below(3) {
        0 => InputType::Bits,
        _ => InputType::Unsigned {
            depth: dice.one_of(&[1, 4, 8]),
        },
    };
    let values = match input {
        InputType::Unsigned { depth } => Values::Unsigned { depth },
        _ => Values::Bits,
    };
    let mut sketch = Sketch {
        dice,
        slides,
        nodes: Vec::new(),
        tensors: vec![(input_shape, values)],
    };
    if slides {
        sketch.numbers_of_input();
    }
    for _ in 0..1 + sketch.dice.below(size) {
        match sketch.dice.below(6) {
            0 => sketch.unit(),
            1 | 2 if slides => sketch.unit(),
            _ => sketch.grow(),
        }
    }
    sketch.finish();
    Graph {
        input,
        input_shape,
        nodes: reached(sketch.nodes),
        meta: String::from("seed"),
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
    let mut numbers = vec![0; nodes.len() + 1];
    let mut next = 1;
    let mut kept = Vec::new();
    for (i, mut node) in nodes.into_iter().enumerate() {
        if used[i + 1] {
            numbers[i + 1] = next;
            next += 1;
            node.inputs.iter_mut().for_each(|at| *at = numbers[*at]);
            kept.push(node);
        }
    }
    kept
}

impl Sketch {
    /// One of the last tensors.
    fn recent(&mut self) -> usize {
        let n = self.tensors.len();
        n - 1 - self.dice.below(n.min(4))
    }

    fn push(&mut self, operation: Operation, inputs: &[usize], shape: [usize; 3], values: Values) {
        self.nodes.push(Node {
            operation,
            inputs: inputs.to_vec(),
            values,
        });
        self.tensors.push((shape, values));
    }

    fn fixed(&mut self) -> Values {
        Values::Fixed {
            exponent: self.dice.one_of(&[-3, 0, 4, 8]),
        }
    }

    /// A type of numbers that may follow `from`.
    fn numbers_after(&mut self, from: Values) -> Values {
        match from {
            Values::Real => Values::Real,
            _ => match self.dice.below(2) {
                0 => Values::Real,
                _ => self.fixed(),
            },
        }
    }

    fn integers(&mut self, n: usize, below: i32) -> Vec<i32> {
        self.dice.noise(n).into_iter().map(|v| v % below).collect()
    }

    /// Integers, in a third of the calls of all sizes, so that large shifts leave something of them.
    fn factors(&mut self, n: usize, below: i32) -> Vec<i32> {
        match self.dice.below(3) {
            0 => {
                let (noise, more) = (self.dice.noise(n), self.dice.noise(n));
                let all = noise.into_iter().zip(more);
                all.map(|(a, b)| match a & 15 {
                    0 => i32::MIN,
                    1 => i32::MAX,
                    _ => a.wrapping_mul(0x0101_0101) ^ b,
                })
                .collect()
            }
            _ => self.integers(n, below),
        }
    }

    /// Around where one way to round gives way to the next: at 32, and where 32 bits are too few.
    fn shift(&mut self) -> u8 {
        self.dice
            .one_of(&[0, 1, 8, 9, 14, 15, 16, 17, 21, 31, 32, 33, 36, 62])
    }

    fn reals(&mut self, n: usize) -> Vec<f32> {
        let noise = self.dice.noise(n).into_iter();
        noise
            .map(|v| match v % 13 {
                0 => 0.0,
                1 => -0.0,
                _ => (v % 3000) as f32 / 777.0,
            })
            .collect()
    }

    fn epilogue_of(&mut self, n: usize, values: Values, plain: bool) -> NodeEpilogue {
        match values {
            Values::Bits => NodeEpilogue::Thresholds(self.integers(n, 9)),
            Values::Real if plain => NodeEpilogue::Bias(self.reals(n)),
            Values::Real => NodeEpilogue::Real {
                scale: self.reals(n),
                bias: self.reals(n),
            },
            _ => NodeEpilogue::Fixed {
                factor: self.factors(n, 1 << 12),
                bias: self.factors(n, 500),
                shift: self.shift(),
            },
        }
    }

    fn slopes(&mut self, n: usize, values: Values) -> Slopes {
        match values {
            Values::Real => Slopes::Real(self.reals(n)),
            _ => Slopes::Fixed {
                slope: self.factors(n, 400),
                shift: self.shift(),
            },
        }
    }

    fn numbers(&mut self, n: usize, values: Values) -> Numbers {
        match values {
            Values::Real => Numbers::Real(self.reals(n)),
            Values::Unsigned { depth } => Numbers::Fixed(self.integers(n, 1 << depth)),
            _ => Numbers::Fixed(self.integers(n, 300)),
        }
    }

    /// A convolution of an image; half of them keep its size.
    fn conv(&mut self, image: [usize; 3], of_bits: bool) -> Conv2d {
        loop {
            let [_, _, channels] = image;
            let groups = match self.dice.below(4) {
                0 => channels,
                1 if channels % 2 == 0 => 2,
                _ => 1,
            };
            let outputs = groups * self.dice.one_of(&[1, 1, 2, 3, 32, 33, 64]);
            let outputs = match self.dice.below(2) {
                0 => channels,
                _ if outputs > 130 => channels,
                _ => outputs,
            };
            let kernel = [1 + self.dice.below(3), 1 + self.dice.below(3)];
            let keeps = self.dice.below(2) == 0;
            let (kernel, padding) = match (keeps, self.slides) {
                (true, true) => ([kernel[0], 1], Padding::Valid),
                (true, false) => (kernel, Padding::Same),
                (false, _) => (kernel, self.padding(kernel)),
            };
            let options = ConvOptions {
                stride: match keeps {
                    true => [1, 1],
                    false => [1 + self.dice.below(3), 1 + self.dice.below(3)],
                },
                dilation: [1 + self.dice.below(2), 1 + self.dice.below(2)],
                groups,
                padding,
                pad_value: match of_bits {
                    true => self.dice.one_of(&[
                        PadValue::Zero,
                        PadValue::Zero,
                        PadValue::MinusOne,
                        PadValue::PlusOne,
                    ]),
                    false => PadValue::Zero,
                },
            };
            let conv = Conv2d::new(image, outputs, kernel, options);
            if let Ok(conv) = conv
                && conv.windows().is_moderate()
            {
                return conv;
            }
        }
    }

    fn padding(&mut self, kernel: [usize; 2]) -> Padding {
        let tall = if self.slides { 1 } else { kernel[0] };
        Padding::Explicit {
            top: self.dice.below(tall),
            bottom: self.dice.below(tall),
            left: self.dice.below(kernel[1]),
            right: self.dice.below(kernel[1]),
        }
    }

    fn pool(&mut self, image: [usize; 3]) -> Pool2d {
        let [height, width, _] = image;
        loop {
            let (kernel, padding) = match self.dice.below(4) {
                0 => ([height, width], Padding::Valid),
                _ => {
                    let kernel = [1 + self.dice.below(3), 1 + self.dice.below(3)];
                    (kernel, self.padding(kernel))
                }
            };
            let stride = [1 + self.dice.below(3), 1 + self.dice.below(3)];
            let pool = Pool2d::new(image, kernel, stride, padding);
            if let Ok(pool) = pool
                && pool.windows().is_moderate()
            {
                return pool;
            }
        }
    }

    /// Adds a product of tensor `at`.
    fn product(&mut self, at: usize, values: Values) {
        let (image, from) = self.tensors[at];
        let conv = self.conv(image, from == Values::Bits);
        let (n, k) = (conv.outputs(), conv.patch_len());
        let weights = match (from, self.dice.below(2)) {
            (Values::Bits, _) | (Values::Unsigned { .. }, 0) => {
                NodeWeights::Bits(BitMatrix::pack(&self.dice.noise(n * k), n, k).unwrap())
            }
            (Values::Real, 0) => NodeWeights::F32(self.reals(n * k)),
            _ => NodeWeights::I8(self.dice.noise(n * k).iter().map(|&v| v as i8).collect()),
        };
        if matches!(from, Values::Fixed { .. }) && k > 511 {
            return;
        }
        let plain = matches!(weights, NodeWeights::F32(_));
        let epilogue = self.epilogue_of(n, values, plain);
        let [height, width] = conv.windows().output_size();
        let operation = Operation::Product {
            conv,
            weights,
            epilogue,
        };
        self.push(operation, &[at], [height, width, n], values);
    }

    /// Cuts rows and columns off tensor `at`.
    fn crop(&mut self, at: usize, [top, bottom, left, right]: [usize; 4]) {
        let ([height, width, channels], values) = self.tensors[at];
        let shape = [height - top - bottom, width - left - right, channels];
        self.push(
            Operation::Crop([top, bottom, left, right]),
            &[at],
            shape,
            values,
        );
    }

    /// Numbers of an input of bytes, for branches to begin with.
    fn numbers_of_input(&mut self) {
        let (shape, from) = self.tensors[0];
        if from != Values::Bits {
            let values = self.numbers_after(from);
            let epilogue = self.epilogue_of(shape[2], values, false);
            self.push(Operation::Affine(epilogue), &[0], shape, values);
        }
    }

    /// Adds a node.
    fn grow(&mut self) {
        let at = self.recent();
        if self.dice.below(10) == 0 && !matches!(self.tensors[at].1, Values::Unsigned { .. }) {
            let [height, width, _] = self.tensors[at].0;
            let [top, left] = [height, width].map(|side| self.dice.below(side.min(4)));
            let [bottom, right] =
                [height - top, width - left].map(|side| self.dice.below(side.min(3)));
            return self.crop(at, [top, bottom, left, right]);
        }
        let (shape, values) = self.tensors[at];
        let [height, width, channels] = shape;
        let is_number = matches!(values, Values::Real | Values::Fixed { .. });
        match self.dice.below(if is_number { 16 } else { 4 }) {
            0 | 1 => {
                let of = match values {
                    Values::Real => Values::Real,
                    _ => match self.dice.below(3) {
                        0 => Values::Bits,
                        _ => self.numbers_after(values),
                    },
                };
                self.product(at, of);
            }
            2 if values == Values::Bits => {
                let pool = self.pool(shape);
                let [height, width] = pool.windows().output_size();
                self.push(
                    Operation::MaxPool(pool),
                    &[at],
                    [height, width, channels],
                    values,
                );
            }
            2 | 4 if values != Values::Bits => {
                let thresholds = self.numbers(channels, values);
                self.push(Operation::Sign(thresholds), &[at], shape, Values::Bits);
            }
            3 if values != Values::Bits => {
                let of = self.numbers_after(values);
                let epilogue = self.epilogue_of(channels, of, false);
                self.push(Operation::Affine(epilogue), &[at], shape, of);
            }
            3 | 5 | 6 => self.join(at),
            7..=10 => self.element(at),
            11 | 12 => {
                let pool = self.pool(shape);
                let [height, width] = pool.windows().output_size();
                let operation = match self.dice.below(2) {
                    0 => Operation::AveragePool(pool),
                    _ => Operation::MaxPool(pool),
                };
                self.push(operation, &[at], [height, width, channels], values);
            }
            _ if height * width * channels < 300 => {
                let shape = [1, 1, height * width * channels];
                self.push(Operation::Flatten, &[at], shape, values);
            }
            _ => {}
        }
    }

    /// Adds a unit of a residual network: a product of signs that keeps the shape, a sum with any
    /// tensor before, and a few steps of one element each. Later nodes may read any of them.
    fn unit(&mut self) {
        let at = self.recent();
        let (shape, values) = self.tensors[at];
        if !matches!(values, Values::Real | Values::Fixed { .. }) {
            return self.grow();
        }
        let signs = self.tensors.len();
        let thresholds = self.numbers(shape[2], values);
        self.push(Operation::Sign(thresholds), &[at], shape, Values::Bits);
        let before = self.tensors.len();
        let of = match values {
            Values::Fixed { .. } => self.fixed(),
            values => values,
        };
        self.product(signs, of);
        if self.tensors.len() == before {
            return;
        }
        for _ in 0..self.dice.below(3) {
            self.join(self.tensors.len() - 1);
        }
        for _ in 0..self.dice.below(5) {
            self.element(self.tensors.len() - 1);
        }
    }

    /// Adds a node that computes each element from one.
    fn element(&mut self, at: usize) {
        let (shape, values) = self.tensors[at];
        let channels = shape[2];
        let operation = match self.dice.below(6) {
            0 => Operation::Relu,
            1 => Operation::Prelu(self.slopes(channels, values)),
            2 => Operation::Rprelu {
                before: self.numbers(channels, values),
                slope: self.slopes(channels, values),
                after: self.numbers(channels, values),
            },
            3 => {
                let (low, high) = match values {
                    Values::Real => (NodeNumber::Real(-1.0), NodeNumber::Real(2.5)),
                    _ => (NodeNumber::Fixed(-100), NodeNumber::Fixed(1 << 20)),
                };
                Operation::Clamp { low, high }
            }
            4 => {
                let of = self.numbers_after(values);
                let epilogue = self.epilogue_of(channels, of, false);
                return self.push(Operation::Affine(epilogue), &[at], shape, of);
            }
            _ => {
                // The number stays what the next step takes.
                let thresholds = self.numbers(channels, values);
                self.push(Operation::Sign(thresholds), &[at], shape, Values::Bits);
                let slopes = self.slopes(channels, values);
                return self.push(Operation::Prelu(slopes), &[at], shape, values);
            }
        };
        self.push(operation, &[at], shape, values);
    }

    /// Joins a tensor with another one, or with itself.
    fn join(&mut self, at: usize) {
        let (shape, values) = self.tensors[at];
        let [height, width, channels] = shape;
        let adds = !matches!(values, Values::Bits | Values::Unsigned { .. });
        let kind = core::mem::discriminant(&values);
        let same = |of: &([usize; 3], Values)| {
            core::mem::discriminant(&of.1) == kind && of.0 == shape && adds
        };
        let beside =
            |of: &([usize; 3], Values)| of.1 == values && of.0[..2] == shape[..2] && channels < 200;
        // A branch that has lost rows under windows.
        let higher = |of: &([usize; 3], Values)| {
            let [h, w, c] = of.0;
            core::mem::discriminant(&of.1) == kind && [w, c] == [width, channels] && h > height
        };
        let others = 0..self.tensors.len();
        let more: Vec<usize> = others
            .clone()
            .filter(|&i| higher(&self.tensors[i]))
            .collect();
        if adds && !more.is_empty() && self.dice.below(3) > 0 {
            let other = self.dice.one_of(&more);
            let gone = self.tensors[other].0[0] - height;
            let any = self.dice.below(gone + 1);
            let top = self.dice.one_of(&[gone, gone / 2, any]);
            self.crop(other, [top, gone - top, 0, 0]);
            let of = match values {
                Values::Fixed { .. } => self.fixed(),
                values => values,
            };
            let inputs = [at, self.tensors.len() - 1];
            return self.push(Operation::Add, &inputs, shape, of);
        }
        let equal: Vec<usize> = others.clone().filter(|&i| same(&self.tensors[i])).collect();
        if !equal.is_empty() && self.dice.below(3) > 0 {
            let other = self.dice.one_of(&equal);
            let of = match values {
                Values::Fixed { .. } => self.fixed(),
                values => values,
            };
            self.push(Operation::Add, &[at, other], shape, of);
            return;
        }
        let beside: Vec<usize> = others.filter(|&i| beside(&self.tensors[i])).collect();
        if beside.is_empty() {
            return;
        }
        let other = self.dice.one_of(&beside);
        let all = channels + self.tensors[other].0[2];
        if all < 300 {
            self.push(
                Operation::Concat,
                &[at, other],
                [height, width, all],
                values,
            );
        }
    }

    /// Makes one row of the last tensor.
    fn one_row(&mut self) {
        let at = self.tensors.len() - 1;
        let ([height, width, channels], values) = self.tensors[at];
        match self.dice.below(3) {
            _ if height == 1 => {}
            0 if height * width * channels < 300 => {
                let shape = [1, 1, height * width * channels];
                self.push(Operation::Flatten, &[at], shape, values);
            }
            choice if !matches!(values, Values::Unsigned { .. }) => {
                let stride = [1 + self.dice.below(2), 1];
                let pool = Pool2d::new(
                    [height, width, channels],
                    [height, 1],
                    stride,
                    Padding::Valid,
                );
                let operation = match (choice, values) {
                    (1, Values::Real | Values::Fixed { .. }) => {
                        Operation::AveragePool(pool.unwrap())
                    }
                    _ => Operation::MaxPool(pool.unwrap()),
                };
                self.push(operation, &[at], [1, width, channels], values);
            }
            _ => {
                let thresholds = self.numbers(channels, values);
                let shape = [height, width, channels];
                self.push(Operation::Sign(thresholds), &[at], shape, Values::Bits);
                self.one_row();
            }
        }
    }

    /// Adds a node that a model may end with.
    fn finish(&mut self) {
        if self.slides {
            self.one_row();
        }
        let at = self.tensors.len() - 1;
        let (shape, values) = self.tensors[at];
        let of = match values {
            Values::Real => Values::Real,
            _ => *[Values::Real, Values::Integer { exponent: 3 }, Values::Bits]
                .get(self.dice.below(3))
                .unwrap(),
        };
        let before = self.nodes.len();
        if self.dice.below(2) == 0 {
            self.product(at, of);
        }
        if self.nodes.len() > before {
            return;
        }
        match (values, of) {
            (Values::Bits, _) => self.product(at, of),
            (_, Values::Bits) => {
                let thresholds = self.numbers(shape[2], values);
                self.push(Operation::Sign(thresholds), &[at], shape, of);
            }
            _ => {
                let epilogue = self.epilogue_of(shape[2], of, false);
                self.push(Operation::Affine(epilogue), &[at], shape, of);
            }
        }
    }
}
