//! Times a graph of the shape of ReActNet-A (Liu et al. 2020, arXiv 2003.03488): 224 x 224 pixels,
//! an 8-bit stem, 13 blocks, a head of `f32`, weights that no training made; one thread, one image.
//!
//! ```console
//! $ cargo run --release -p bnn-core --example reactnet
//! ```
//! `benches/peers/reactnet_onnx.py` times ONNX Runtime with a float network of the same shapes.

use std::error::Error;
use std::time::Instant;

use bnn_core::BitMatrix;
use bnn_core::conv::{Conv2d, ConvOptions, Padding, Pool2d};
use bnn_core::internal::single_threaded;
use bnn_core::model::graph::{
    Graph, Node, NodeEpilogue, NodeWeights, Numbers, Operation, Slopes, Values,
};
use bnn_core::model::{AlignedBytes, Input, InputType, Model, ModelError, Output, PackedModel};

/// Output channels and stride of each block.
const BLOCKS: [(usize, usize); 13] = [
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
];
const CLASSES: usize = 1000;
const RUNS: usize = 30;

fn main() -> Result<(), Box<dyn Error>> {
    let file = AlignedBytes::from(network()?.write()?.as_slice());
    if let Some(path) = std::env::args().nth(1) {
        std::fs::write(path, &file[..])?;
    }
    let model = Model::open(&file)?;
    let packed = PackedModel::new(model)?;
    let pixels: Vec<u8> = (0..model.sizes().input_len)
        .map(|i| (i * 7919 % 251) as u8)
        .collect();
    let mut scores = vec![0.0; CLASSES];
    let best = single_threaded(|| {
        best_of(RUNS, || {
            packed.run(1, Input::Bytes(&pixels), Output::F32(&mut scores))
        })
    })?;
    println!("packed: {:.1} ms, best of {RUNS}", 1e3 * best);
    let mut scratch = vec![0; model.sizes().scratch_words];
    let mut same = vec![0.0; CLASSES];
    let best = best_of(3, || {
        let output = Output::F32(&mut same);
        model.run(1, Input::Bytes(&pixels), output, &mut scratch)
    })?;
    println!(
        "in place: {:.1} ms, best of 3, in {} KB",
        1e3 * best,
        scratch.len() / 128
    );
    if scores != same {
        return Err("the results differ".into());
    }
    Ok(())
}

/// Seconds of the fastest run.
fn best_of(
    runs: usize,
    mut run: impl FnMut() -> Result<(), ModelError>,
) -> Result<f64, ModelError> {
    let mut best = f64::INFINITY;
    for _ in 0..runs {
        let start = Instant::now();
        run()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

fn network() -> Result<Graph, Box<dyn Error>> {
    let mut net = Net {
        nodes: Vec::new(),
        dice: 3,
    };
    let (mut side, mut channels) = (112, 32);
    let stem = conv([224, 224, 3], channels, 3, 2)?;
    let weights = net.numbers(channels * stem.patch_len());
    let weights = NodeWeights::I8(weights.iter().map(|w| (w * 127.0) as i8).collect());
    let epilogue = net.epilogue(channels, 1e-3);
    let mut x = net.product(stem, weights, epilogue, 0);
    for (outputs, stride) in BLOCKS {
        let first = net.binary(x, [side, side, channels], 3, stride)?;
        let mut shortcut = x;
        if stride > 1 {
            let pool = Pool2d::new([side, side, channels], [2, 2], [2, 2], Padding::Valid)?;
            shortcut = net.add(Operation::AveragePool(pool), &[x], Values::Real);
            side /= 2;
        }
        let sum = net.add(Operation::Add, &[shortcut, first], Values::Real);
        let middle = net.rprelu(sum, channels);
        let image = [side, side, channels];
        // A block of twice the channels has its second half twice, side by side.
        let mut halves = Vec::new();
        for _ in 0..outputs / channels {
            let second = net.binary(middle, image, 1, 1)?;
            halves.push(net.add(Operation::Add, &[middle, second], Values::Real));
        }
        let sum = match halves[..] {
            [a, b] => net.add(Operation::Concat, &[a, b], Values::Real),
            _ => halves[0],
        };
        channels = outputs;
        x = net.rprelu(sum, channels);
    }
    let whole = Pool2d::new([side, side, channels], [side, side], [1, 1], Padding::Valid)?;
    let mean = net.add(Operation::AveragePool(whole), &[x], Values::Real);
    let head = Conv2d::new([1, 1, channels], CLASSES, [1, 1], ConvOptions::default())?;
    let weights = NodeWeights::F32(net.numbers(CLASSES * channels));
    let bias = NodeEpilogue::Bias(net.numbers(CLASSES));
    net.product(head, weights, bias, mean);
    Ok(Graph {
        input: InputType::Unsigned { depth: 8 },
        input_shape: [224, 224, 3],
        nodes: net.nodes,
        meta: String::new(),
    })
}

fn conv(
    image: [usize; 3],
    outputs: usize,
    side: usize,
    stride: usize,
) -> Result<Conv2d, Box<dyn Error>> {
    let around = side / 2;
    let options = ConvOptions {
        stride: [stride; 2],
        padding: Padding::Explicit {
            top: around,
            bottom: around,
            left: around,
            right: around,
        },
        ..ConvOptions::default()
    };
    Ok(Conv2d::new(image, outputs, [side; 2], options)?)
}

struct Net {
    nodes: Vec<Node>,
    dice: u64,
}

impl Net {
    /// Numbers from -1 to 1.
    fn numbers(&mut self, n: usize) -> Vec<f32> {
        let mut number = || {
            // Knuth's generator of MMIX.
            self.dice = self
                .dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.dice >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(|_| number()).collect()
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

    fn epilogue(&mut self, n: usize, scale: f32) -> NodeEpilogue {
        NodeEpilogue::Real {
            scale: self.numbers(n).iter().map(|x| x * scale).collect(),
            bias: self.numbers(n),
        }
    }

    fn product(
        &mut self,
        conv: Conv2d,
        weights: NodeWeights,
        epilogue: NodeEpilogue,
        of: usize,
    ) -> usize {
        let operation = Operation::Product {
            conv,
            weights,
            epilogue,
        };
        self.add(operation, &[of], Values::Real)
    }

    /// Signs of a tensor, and a binary convolution that keeps its channels.
    fn binary(
        &mut self,
        of: usize,
        image: [usize; 3],
        side: usize,
        stride: usize,
    ) -> Result<usize, Box<dyn Error>> {
        let [_, _, channels] = image;
        let thresholds = Numbers::Real(self.numbers(channels));
        let signs = self.add(Operation::Sign(thresholds), &[of], Values::Bits);
        let conv = conv(image, channels, side, stride)?;
        let k = conv.patch_len();
        let weights = BitMatrix::pack(&self.numbers(channels * k), channels, k)?;
        let epilogue = self.epilogue(channels, 0.05);
        Ok(self.product(conv, NodeWeights::Bits(weights), epilogue, signs))
    }

    fn rprelu(&mut self, of: usize, channels: usize) -> usize {
        let operation = Operation::Rprelu {
            before: Numbers::Real(self.numbers(channels)),
            slope: Slopes::Real(self.numbers(channels)),
            after: Numbers::Real(self.numbers(channels)),
        };
        self.add(operation, &[of], Values::Real)
    }
}
