//! What a training step of a network of the shape of ReActNet-A keeps for its reverse pass, beside
//! a float network of the same shapes on the same tape, and what the step takes.
//!
//! `saved_context [BATCH [STEPS]]` prints a table: bytes that the tape keeps for each image between
//! the passes, bytes that a step takes for each at its peak, and seconds of the fastest step on all
//! threads.

use std::error::Error;
use std::time::Instant;

use bnn_autograd::internal::peak_of;
use bnn_autograd::models::{ResidualConfig, ResidualNet, UnitConfig};
use bnn_autograd::nn::{BatchNorm, Conv2d, Linear, Module, PReLU};
use bnn_autograd::ops::{self, ConvOptions, Padding};
use bnn_autograd::{Rng, Tape, Tensor, Var};

const IMAGE: [usize; 3] = [224, 224, 3];
const CLASSES: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let batch = args.next().map_or(Ok(4), |n| n.parse())?;
    let steps = args.next().map_or(Ok(3), |n| n.parse())?;
    let rng = &mut Rng::new(1);
    let config = ResidualConfig::react_net_a(IMAGE, 32, CLASSES)?;
    println!("For an image, MB; float / this in brackets.");
    println!("| network | kept | at the peak | step of {batch}, s |");
    println!("| --- | --- | --- | --- |");
    let float = Figures::of(&mut FloatNet::new(&config, rng)?, batch, steps)?;
    float.report("float convolutions", &float);
    for recompute in [0, 2, 4, 6, 26] {
        let config = ResidualConfig {
            recompute,
            ..config.clone()
        };
        let binary = Figures::of(&mut ResidualNet::new(config, rng)?, batch, steps)?;
        let name = match recompute {
            0 => "binary convolutions".to_owned(),
            units => format!("the same, {units} units at a time computed again"),
        };
        binary.report(&name, &float);
    }
    Ok(())
}

/// Bytes are for each image.
struct Figures {
    /// What the tape keeps.
    kept: usize,
    /// What a step takes at its peak.
    peak: usize,
    /// Of the fastest step.
    seconds: f64,
}

impl Figures {
    fn of(net: &mut dyn Module, batch: usize, steps: usize) -> Result<Self, Box<dyn Error>> {
        // What is kept whatever the batch, such as weights, is in both.
        let some = step(net, batch)?;
        let more = step(net, batch + 1)?;
        let mut seconds = f64::INFINITY;
        for _ in 0..steps {
            seconds = seconds.min(step(net, batch)?.seconds);
        }
        Ok(Self {
            kept: more.kept - some.kept,
            peak: more.peak - some.peak,
            seconds,
        })
    }

    fn report(&self, name: &str, float: &Self) {
        let cell = |ours: usize, float: usize| {
            format!(
                "{:.1} ({:.1})",
                ours as f64 / 1e6,
                float as f64 / ours as f64
            )
        };
        let (kept, peak) = (cell(self.kept, float.kept), cell(self.peak, float.peak));
        println!("| {name} | {kept} | {peak} | {:.2} |", self.seconds);
    }
}

/// A forward and a reverse pass; bytes are those of the whole batch.
fn step(net: &mut dyn Module, batch: usize) -> Result<Figures, Box<dyn Error>> {
    let len = batch * IMAGE.iter().product::<usize>();
    let pixels = (0..len).map(|i| (i * 7919 % 251) as f32);
    let pixels = Tensor::new(pixels.collect(), &[batch, IMAGE[0], IMAGE[1], IMAGE[2]])?;
    let labels: Vec<u16> = (0..batch).map(|i| (i * 37 % CLASSES) as u16).collect();
    let start = Instant::now();
    let (memory, peak) = peak_of(|| {
        let tape = Tape::new();
        let scores = net.forward(&tape.constant(pixels))?;
        let loss = ops::cross_entropy(&scores, &labels, 0.0)?;
        let memory = tape.memory();
        loss.backward()?.add_to(net)?;
        Ok::<_, bnn_autograd::Error>(memory)
    });
    net.zero_grad();
    let memory = memory?;
    Ok(Figures {
        kept: memory.total,
        // Bits are no buffers.
        peak: peak + memory.besides_tensors,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// The network with float convolutions, batch norm, shortcuts and PReLU.
struct FloatNet {
    stem: Conv2d,
    norm: BatchNorm,
    units: Vec<FloatUnit>,
    head: Linear,
}

struct FloatUnit {
    conv: Conv2d,
    norm: BatchNorm,
    activation: PReLU,
    stride: usize,
    copies: usize,
}

fn conv(
    inputs: usize,
    channels: usize,
    kernel: usize,
    stride: usize,
    rng: &mut Rng,
) -> Result<Conv2d, bnn_autograd::Error> {
    let options = ConvOptions {
        stride: [stride; 2],
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    Conv2d::new(inputs, channels, [kernel; 2], options, rng)
}

impl FloatNet {
    fn new(config: &ResidualConfig, rng: &mut Rng) -> Result<Self, bnn_autograd::Error> {
        let stem = config.stem;
        let (mut units, mut before) = (Vec::new(), stem.channels);
        for &UnitConfig {
            channels,
            kernel,
            stride,
            ..
        } in &config.units
        {
            units.push(FloatUnit {
                conv: conv(before, channels, kernel, stride, rng)?,
                norm: BatchNorm::new(channels)?,
                activation: PReLU::new(channels)?,
                stride,
                copies: channels / before,
            });
            before = channels;
        }
        Ok(Self {
            stem: conv(
                config.image[2],
                stem.channels,
                stem.kernel,
                stem.stride,
                rng,
            )?,
            norm: BatchNorm::new(stem.channels)?,
            units,
            head: Linear::new(before, config.classes, rng)?,
        })
    }
}

impl Module for FloatNet {
    fn forward(&mut self, x: &Var) -> Result<Var, bnn_autograd::Error> {
        let mut x = self.norm.forward(&self.stem.forward(x)?)?;
        for unit in &mut self.units {
            x = unit.forward(&x)?;
        }
        self.head.forward(&ops::global_avg_pool(&x)?)
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("stem", &self.stem);
        visit("norm", &self.norm);
        for (i, unit) in self.units.iter().enumerate() {
            visit(&format!("unit.{i}"), unit);
        }
        visit("head", &self.head);
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module)) {
        visit("stem", &mut self.stem);
        visit("norm", &mut self.norm);
        for (i, unit) in self.units.iter_mut().enumerate() {
            visit(&format!("unit.{i}"), unit);
        }
        visit("head", &mut self.head);
    }
}

impl Module for FloatUnit {
    fn forward(&mut self, x: &Var) -> Result<Var, bnn_autograd::Error> {
        let y = self.norm.forward(&self.conv.forward(x)?)?;
        let mut shortcut = match self.stride {
            1 => x.clone(),
            stride => ops::avg_pool2d(x, [stride; 2], [stride; 2], Padding::Same)?,
        };
        let one = shortcut.clone();
        for _ in 1..self.copies {
            shortcut = ops::concat(&[&shortcut, &one])?;
        }
        self.activation.forward(&ops::add(&y, &shortcut)?)
    }

    bnn_autograd::children!(conv, norm, activation);
}
