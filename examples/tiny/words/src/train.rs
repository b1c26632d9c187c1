//! Training of the network.

use std::path::Path;

use bnn_autograd::Rng;
use bnn_autograd::data::Dataset;
use bnn_autograd::export::{ExportConfig, export};
use bnn_autograd::files::write_atomic;
use bnn_autograd::train::{TrainConfig, Trainer};
use bnn_core::model::{AlignedBytes, InputType, Model, argmax};
use tiny_audio::FEATURES;

use crate::Failure;
use crate::features::{FRAMES, read, read_copies};
use crate::network::{network, temperature};
use crate::vectors::scores;

/// Trains a network on the features of a folder and writes it; prints after each epoch which share
/// of the validation samples is right, and at the end what the file is right about.
///
/// # Errors
/// Files that cannot be read or written, and those of the training.
pub(crate) fn train(folder: &Path, out: &Path, epochs: u64, seed: u64) -> Result<(), Failure> {
    let validation = read(folder, "val")?;
    // Each epoch takes the next copies of the recordings.
    let copies = read_copies(folder)?;
    let config = TrainConfig {
        epochs,
        batch: 100,
        learning_rate: 3e-3,
        label_smoothing: 0.1,
        seed,
        images: true,
        temperature: temperature(),
        ..TrainConfig::default()
    };
    let network = network(validation.layout().classes, &mut Rng::new(seed))?;
    let mut trainer = Trainer::new(network, config)?;
    for epoch in 1..=epochs {
        let copy = &copies[(epoch - 1) as usize % copies.len()];
        let stats = trainer.epoch(copy, &validation)?;
        let [trained, right] = [stats.train_accuracy, stats.test_accuracy].map(|x| 100.0 * x);
        println!(
            "epoch {epoch}: loss {:.4}, {trained:.2} % of the training, {right:.2} % of the validation samples right",
            stats.loss
        );
    }
    let config = ExportConfig {
        meta: "name=words\n",
        image: Some([FRAMES, 1, FEATURES]),
        ..InputType::Unsigned { depth: 8 }.into()
    };
    let file = export(&mut trainer.model, config)?;
    write_atomic(out, &file)?;
    evaluate_file(&file, folder)
}

/// Prints what a model is right about.
///
/// # Errors
/// Files that cannot be read.
pub(crate) fn evaluate(model: &Path, folder: &Path) -> Result<(), Failure> {
    let file = std::fs::read(model).map_err(|error| format!("{}: {error}", model.display()))?;
    evaluate_file(&file, folder)
}

fn evaluate_file(file: &[u8], folder: &Path) -> Result<(), Failure> {
    println!("{} bytes", file.len());
    let aligned = AlignedBytes::from(file);
    let model = Model::open(&aligned)?;
    for part in ["val", "test"] {
        let set = read(folder, part)?;
        let (right, of) = (right(&model, &set)?, set.samples());
        let share = 100.0 * right as f64 / of as f64;
        println!("{part}: {right} of {of} recordings right, {share:.2} %");
    }
    Ok(())
}

/// How many samples the model is right about.
fn right(model: &Model<'_>, set: &Dataset) -> Result<usize, Failure> {
    let scores = scores(model, set.pixels().chunks(set.features()))?;
    let answers = scores.iter().map(|scores| argmax(scores));
    let right = answers.zip(set.labels());
    let right = right.filter(|(answer, label)| *answer == Some(usize::from(**label)));
    Ok(right.count())
}
