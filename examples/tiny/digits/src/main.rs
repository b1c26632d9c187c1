//! Trains networks of a few kilobytes on MNIST, or on any data that `bnn train` takes: convolutions
//! on bits and a dense layer, whose sums are the scores, so that a device computes integers alone.
//! Every score of the test images by the written file is compared with the training run's.

mod network;

use std::error::Error;
use std::path::PathBuf;

use bnn_autograd::Rng;
use bnn_autograd::data::{self, Augment, Dataset, LoadConfig, Split};
use bnn_autograd::export::{ExportConfig, export};
use bnn_autograd::files::write_atomic;
use bnn_autograd::nn::Sequential;
use bnn_autograd::train::{TrainConfig, Trainer};
use bnn_core::model::{AlignedBytes, Input, InputType, Model, Output, PackedModel, argmax};
use clap::Parser;

use network::Layer;

/// Train a network of a few kilobytes for small images
#[derive(Parser)]
struct Arguments {
    /// Data, as `bnn train --data` takes them
    data: String,
    /// Convolutions: `CHANNELS[xKERNEL][sSTRIDE][v][mPOOL]`, with `v` for windows without padding
    #[arg(long, value_delimiter = ',', default_value = "12x7s2,14m2,12s2v")]
    layers: Vec<Layer>,
    /// Passes over the training images
    #[arg(long, default_value_t = 60)]
    epochs: u64,
    /// Peak learning rate of the cosine schedule
    #[arg(long, default_value_t = 3e-3)]
    lr: f64,
    /// Shift training images by up to this many pixels
    #[arg(long, default_value_t = 1)]
    shift: usize,
    /// Turn training images by up to this many degrees
    #[arg(long, default_value_t = 0.0)]
    rotate: f64,
    /// Seed of weights and order
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Model file to write
    #[arg(long, default_value = "tiny-digits.bnn")]
    out: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let Split { train, test } = data::load(&arguments.data, &LoadConfig::default())?.split;
    let layout = train.layout();
    let image = [layout.height, layout.width, layout.channels];
    let rng = &mut Rng::new(arguments.seed);
    let (net, inputs) = network::network(image, &arguments.layers, layout.classes, rng)?;
    let config = TrainConfig {
        epochs: arguments.epochs,
        batch: 100,
        learning_rate: arguments.lr,
        // Sums of `inputs` signs, brought to the size of scores.
        temperature: (inputs as f64).sqrt(),
        images: true,
        augment: Some(Augment {
            shift: arguments.shift,
            rotate: arguments.rotate,
            ..Augment::default()
        }),
        seed: arguments.seed,
        ..TrainConfig::default()
    };
    let mut trainer = Trainer::new(net, config)?;
    while !trainer.is_done() {
        let stats = trainer.epoch(&train, &test)?;
        println!("epoch {}: {stats}", trainer.history().len());
    }
    // Without text about the training, which would take flash.
    let config = ExportConfig {
        image: Some(image),
        ..InputType::Unsigned {
            depth: layout.depth(),
        }
        .into()
    };
    let file = export(&mut trainer.model, config)?;
    check(&mut trainer, &test, &file)?;
    write_atomic(&arguments.out, &file)?;
    Ok(())
}

/// Compares the file's scores of all test images with the tape's, and prints how many it has right.
fn check(
    trainer: &mut Trainer<Sequential>,
    test: &Dataset,
    file: &[u8],
) -> Result<(), Box<dyn Error>> {
    let aligned = AlignedBytes::from(file);
    let model = Model::open(&aligned)?;
    let layers: usize = model.layers().map(|layer| layer.bytes()).sum();
    println!(
        "{} bytes, of them {layers} weights and thresholds",
        file.len()
    );
    let model = PackedModel::new(model)?;
    let tape = trainer.scores(test)?;
    let samples = test.labels().len();
    let mut scores = vec![0; tape.data().len()];
    model.run(
        samples,
        Input::Bytes(test.pixels()),
        Output::I32(&mut scores),
    )?;
    if !scores
        .iter()
        .map(|&score| score as f32)
        .eq(tape.data().iter().copied())
    {
        return Err("the file gives other scores than the tape".into());
    }
    let answers = scores.chunks(test.layout().classes).map(argmax);
    let right = answers
        .zip(test.labels())
        .filter(|(answer, label)| *answer == Some(usize::from(**label)));
    println!(
        "{} of {samples} test images right; every score equals the tape's",
        right.count()
    );
    Ok(())
}
