//! Trains a network of 1-D convolutions on motions that a watch recorded: BasicMotions of the UEA
//! archive, with six axes, ten samples a second and four classes. The two files come with any
//! distribution of the archive, in the `.ts` format:
//!
//! ```sh
//! cargo run --release --example motions -- BasicMotions_TRAIN.ts BasicMotions_TEST.ts [NAME]
//! ```
//!
//! With a NAME, the network is written as NAME.bnn. For devices to check themselves, a recording of
//! each class is written as NAME.inputs (a byte for each axis of each sample) and the scores of all
//! its windows as NAME.outputs.
//!
//! The network sees windows of 64 samples as images 64 high and 1 wide with six channels, a byte
//! each, so that it can run on a sensor's samples as they come, row by row.

use std::error::Error;

use bnn_autograd::Rng;
use bnn_autograd::data::{Dataset, Layout};
use bnn_autograd::export::{ExportConfig, export};
use bnn_autograd::files::write_atomic;
use bnn_autograd::nn::{
    BatchNorm, BinaryConv2d, BinaryLinear, Flatten, MaxPool2d, Sequential, SignWeightConv2d,
};
use bnn_autograd::ops::ConvOptions;
use bnn_autograd::train::{TrainConfig, Trainer};
use bnn_core::model::{AlignedBytes, Input, InputType, Model, Output};

const AXES: usize = 6;
/// Samples of a window, 6.4 seconds.
const WINDOW: usize = 64;
/// Samples between the windows that are cut from a recording.
const HOP: usize = 4;
/// Samples between the windows whose scores a stream gives: all strides of the network multiplied.
const STRIDES: usize = 8;
/// What a byte spans, in units of the recordings, around 0; beyond, it is clipped.
const RANGE: f32 = 8.0;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [train, test, rest @ ..] = args.as_slice() else {
        return Err("expected the files TRAIN.ts and TEST.ts".into());
    };
    let (train, test) = (Recordings::read(train)?, Recordings::read(test)?);
    let recordings = &test;
    let (train, test) = (train.windows()?, test.windows()?);
    let rng = &mut Rng::new(1);
    let net = Sequential::new()
        .then(SignWeightConv2d::new(
            AXES,
            32,
            [8, 1],
            ConvOptions::default(),
            rng,
        )?)
        .then(MaxPool2d::new([4, 1]))
        .then(BatchNorm::new(32)?)
        .then(BinaryConv2d::new(
            32,
            32,
            [5, 1],
            ConvOptions::default(),
            rng,
        )?)
        .then(MaxPool2d::new([2, 1]))
        .then(BatchNorm::new(32)?)
        .then(Flatten)
        .then(BinaryLinear::new(5 * 32, 4, rng)?)
        .then(BatchNorm::new(4)?);
    let config = TrainConfig {
        epochs: 30,
        batch: 40,
        learning_rate: 3e-3,
        label_smoothing: 0.1,
        images: true,
        ..TrainConfig::default()
    };
    let mut trainer = Trainer::new(net, config)?;
    while !trainer.is_done() {
        let stats = trainer.epoch(&train, &test)?;
        println!("epoch {}: {stats}", trainer.history().len());
    }
    match rest.first() {
        Some(name) => write(&mut trainer, recordings, name),
        None => Ok(()),
    }
}

/// Writes the network, and inputs and outputs for devices to check themselves.
fn write(
    trainer: &mut Trainer<Sequential>,
    recordings: &Recordings,
    name: &str,
) -> Result<(), Box<dyn Error>> {
    let input = InputType::Unsigned { depth: 8 };
    let config = ExportConfig {
        meta: "name=motions\n",
        image: Some([WINDOW, 1, AXES]),
        ..input.into()
    };
    let file = export(&mut trainer.model, config)?;
    let aligned = AlignedBytes::from(file.as_slice());
    let model = Model::open(&aligned)?;
    let mut scratch = vec![0; model.scratch_words(1)?];
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for class in 0..recordings.classes.len() {
        let of_class = recordings
            .all
            .iter()
            .find(|(_, label)| usize::from(*label) == class);
        let (frames, _) = of_class.ok_or("a class without a recording")?;
        inputs.extend_from_slice(frames);
        // Of every window, in the order in which a stream gives them.
        for window in frames.windows(WINDOW * AXES).step_by(STRIDES * AXES) {
            let mut scores = vec![0.0; recordings.classes.len()];
            model.run(
                1,
                Input::Bytes(window),
                Output::F32(&mut scores),
                &mut scratch,
            )?;
            outputs.extend(scores.iter().flat_map(|score| score.to_le_bytes()));
        }
    }
    for (ending, bytes) in [("bnn", &file), ("inputs", &inputs), ("outputs", &outputs)] {
        write_atomic(format!("{name}.{ending}"), bytes)?;
    }
    println!("{name}.bnn: {} bytes", file.len());
    Ok(())
}

/// What a file holds.
struct Recordings {
    classes: Vec<String>,
    /// Samples of AXES bytes, one after the other, and the class.
    all: Vec<(Vec<u8>, u16)>,
}

impl Recordings {
    fn read(path: &str) -> Result<Self, Box<dyn Error>> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        let classes = text
            .lines()
            .find_map(|line| line.strip_prefix("@classLabel true "));
        let classes = classes.ok_or(format!("{path}: expected class labels"))?;
        let classes: Vec<String> = classes.split_whitespace().map(str::to_owned).collect();
        let mut all = Vec::new();
        for line in text
            .lines()
            .filter(|line| !line.starts_with(['#', '@']) && !line.is_empty())
        {
            // The axes, one after the other, then the class.
            let mut fields = line.split(':');
            let name = fields.next_back().unwrap_or_default();
            let class = classes.iter().position(|class| class == name);
            let class = class.ok_or(format!("{path}: expected a class at the end of each line"))?;
            let axes = fields.map(|axis| axis.split(',').map(str::parse).collect());
            let axes: Vec<Vec<f32>> = axes.collect::<Result<_, _>>()?;
            let steps = axes.first().map_or(0, Vec::len);
            if axes.len() != AXES || axes.iter().any(|axis| axis.len() != steps) {
                return Err(format!("{path}: expected {AXES} axes of the same length").into());
            }
            let frame = |step: usize| axes.iter().map(move |axis| byte(axis[step]));
            all.push(((0..steps).flat_map(frame).collect(), class as u16));
        }
        Ok(Self { classes, all })
    }

    /// The windows of all recordings, `[windows, WINDOW, 1, AXES]`.
    fn windows(&self) -> Result<Dataset, Box<dyn Error>> {
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for (frames, label) in &self.all {
            for window in frames.windows(WINDOW * AXES).step_by(HOP * AXES) {
                pixels.extend_from_slice(window);
                labels.push(*label);
            }
        }
        let layout = Layout {
            width: 1,
            height: WINDOW,
            channels: AXES,
            classes: self.classes.len(),
            white: 255,
        };
        let set = Dataset::new("motions", layout, pixels, labels)?;
        Ok(set.with_class_names(self.classes.clone())?)
    }
}

/// What a sensor of 8 bits would have given.
fn byte(x: f32) -> u8 {
    (128.0 + 128.0 / RANGE * x).round().clamp(0.0, 255.0) as u8
}
