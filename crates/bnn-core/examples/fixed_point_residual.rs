//! Writes a residual network in fixed point for the images of 8 x 8 pixels that `bnn train` has
//! built in: a convolution with weights of 8 bits, two blocks around whose binary convolutions
//! numbers of 16 bits run, and scores of 32 bits. No training made its weights; it is for programs
//! that compare what a board computes with what a host computes.
//!
//! ```console
//! $ cargo run -p bnn-core --example fixed_point_residual -- residual.bnn
//! ```

use std::error::Error;

use bnn_core::BitMatrix;
use bnn_core::conv::{Conv2d, ConvOptions, Padding, Pool2d};
use bnn_core::model::InputType;
use bnn_core::model::graph::{
    Graph, Node, NodeEpilogue, NodeWeights, Numbers, Operation, Slopes, Values,
};

/// Numbers between blocks are in units of a sixteenth.
const FIXED: Values = Values::Fixed { exponent: 4 };

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("expected the file's name")?;
    std::fs::write(path, network()?.write()?)?;
    Ok(())
}

fn network() -> Result<Graph, Box<dyn Error>> {
    let mut net = Net {
        nodes: Vec::new(),
        dice: 1,
    };
    let stem = net.conv([8, 8, 1], 16, [1, 1])?;
    let weights = NodeWeights::I8(net.bytes(16 * stem.patch_len()));
    let stem = net.product(stem, weights, 0, 6, FIXED);
    let shortcut = net.add(Operation::Relu, &[stem], FIXED);

    let first = net.binary([8, 8, 16], 16, [1, 1], shortcut)?;
    let sum = net.add(Operation::Add, &[shortcut, first], FIXED);
    let block = net.rprelu(16, sum);

    // Half the sides, twice the channels.
    let pool = Pool2d::new([8, 8, 16], [2, 2], [2, 2], Padding::Valid)?;
    let pooled = net.add(Operation::AveragePool(pool), &[block], FIXED);
    let shortcut = net.add(Operation::Concat, &[pooled, pooled], FIXED);
    let second = net.binary([8, 8, 16], 32, [2, 2], block)?;
    let sum = net.add(Operation::Add, &[shortcut, second], FIXED);
    let block = net.rprelu(32, sum);

    let whole = Pool2d::new([4, 4, 32], [4, 4], [1, 1], Padding::Valid)?;
    let mean = net.add(Operation::AveragePool(whole), &[block], FIXED);
    let head = Conv2d::new([1, 1, 32], 10, [1, 1], ConvOptions::default())?;
    let weights = NodeWeights::I8(net.bytes(10 * 32));
    net.product(head, weights, mean, 4, Values::Integer { exponent: 0 });
    Ok(Graph {
        input: InputType::Unsigned { depth: 5 },
        input_shape: [8, 8, 1],
        nodes: net.nodes,
        meta: "width=8\nheight=8\nmax=16\n".to_owned(),
    })
}

struct Net {
    nodes: Vec<Node>,
    dice: u64,
}

impl Net {
    fn number(&mut self) -> i32 {
        // Knuth's generator of MMIX.
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.dice >> 40) as i32 - (1 << 23)
    }

    fn numbers(&mut self, n: usize, below: i32) -> Vec<i32> {
        (0..n).map(|_| self.number() % below).collect()
    }

    fn bytes(&mut self, n: usize) -> Vec<i8> {
        self.numbers(n, 128).into_iter().map(|w| w as i8).collect()
    }

    /// Adds a node; returns its number.
    fn add(&mut self, operation: Operation, inputs: &[usize], values: Values) -> usize {
        self.nodes.push(Node {
            operation,
            inputs: inputs.to_vec(),
            values,
        });
        self.nodes.len()
    }

    fn conv(
        &self,
        image: [usize; 3],
        outputs: usize,
        stride: [usize; 2],
    ) -> Result<Conv2d, Box<dyn Error>> {
        let options = ConvOptions {
            stride,
            padding: Padding::Explicit {
                top: 1,
                bottom: 1,
                left: 1,
                right: 1,
            },
            ..ConvOptions::default()
        };
        Ok(Conv2d::new(image, outputs, [3, 3], options)?)
    }

    fn product(
        &mut self,
        conv: Conv2d,
        weights: NodeWeights,
        of: usize,
        shift: u8,
        values: Values,
    ) -> usize {
        let n = conv.outputs();
        let epilogue = NodeEpilogue::Fixed {
            factor: self.numbers(n, 16).iter().map(|f| 32 + f).collect(),
            bias: self.numbers(n, 40),
            shift,
        };
        let operation = Operation::Product {
            conv,
            weights,
            epilogue,
        };
        self.add(operation, &[of], values)
    }

    /// Signs of a tensor, and a binary convolution of 3 x 3.
    fn binary(
        &mut self,
        image: [usize; 3],
        outputs: usize,
        stride: [usize; 2],
        of: usize,
    ) -> Result<usize, Box<dyn Error>> {
        let [_, _, channels] = image;
        let thresholds = Numbers::Fixed(self.numbers(channels, 60));
        let signs = self.add(Operation::Sign(thresholds), &[of], Values::Bits);
        let conv = self.conv(image, outputs, stride)?;
        let k = conv.patch_len();
        let weights = BitMatrix::pack(&self.numbers(outputs * k, 1000), outputs, k)?;
        Ok(self.product(conv, NodeWeights::Bits(weights), signs, 5, FIXED))
    }

    fn rprelu(&mut self, channels: usize, of: usize) -> usize {
        let operation = Operation::Rprelu {
            before: Numbers::Fixed(self.numbers(channels, 30)),
            slope: Slopes::Fixed {
                slope: self.numbers(channels, 64),
                shift: 8,
            },
            after: Numbers::Fixed(self.numbers(channels, 30)),
        };
        self.add(operation, &[of], FIXED)
    }
}
