//! What a training run gave: measured from the file that was written, not from what is in memory.

use std::borrow::Cow;
use std::time::Duration;

use bnn_autograd::Tensor;
use bnn_autograd::data::{Dataset, Split};
use bnn_autograd::internal::data::spread;
use bnn_autograd::nn::{Module, Param};
use bnn_autograd::train::{EpochStats, Trainer};
use bnn_core::Kernel;
use bnn_core::model::{Input, Model, ModelError, Output, OutputType, PackedModel, argmax};
use serde_json::{Value, json};

use super::network::Network;
use super::settings::Settings;
use crate::args::Keep;
use crate::error::CliError;
use crate::float_net::FloatNet;
use crate::model_file;
use crate::outputs;
use crate::report::{BitPicture, Confusion, EpochPoint, MAX_SIDE, MOST_CLASSES, Picture, Report};
use crate::table::{duration, thousands};
use crate::timing::best_ns;

pub(super) struct Outcome {
    tape_accuracy: f64,
    pub(super) packed: Packed,
    /// The classes that the file took the test images for.
    predicted: Vec<usize>,
    /// The epoch of the network, from 1.
    epoch: usize,
    parameters: usize,
    saved_bytes: usize,
    threads: usize,
    seconds: f64,
}

/// What was measured of the model file.
pub(super) struct Packed {
    accuracy: f64,
    /// Test images whose class, or any of whose scores, differs between tape and file.
    pub(super) mismatches: usize,
    model_bytes: usize,
    float_bytes: usize,
    /// Nanoseconds per image on one thread: in batches of [`BATCH`], and one image at a time.
    bits_ns: [f64; 2],
    /// The times of a float network of the same shape; only for an MLP.
    float_ns: Option<[f64; 2]>,
    kernel: &'static str,
    /// A picture of bits for each neuron of the first layer; only for an MLP.
    first_layer: Vec<Vec<bool>>,
}

/// Images per run where speed is measured.
const BATCH: usize = 64;

impl Outcome {
    pub(super) fn measure(
        trainer: &mut Trainer<Network>,
        split: &Split,
        settings: &Settings,
        epoch: usize,
        seconds: f64,
    ) -> Result<Self, CliError> {
        let test = &split.test;
        let tape = trainer.scores(test).map_err(CliError::failed)?;
        let classes = test.layout().classes;
        let tape_classes: Vec<usize> = tape.data().chunks(classes).filter_map(argmax).collect();
        let mut parameters = 0;
        trainer
            .model
            .params(&mut |_, param| parameters += param.value().numel());
        let tape_accuracy = accuracy(&tape_classes, test);
        let (packed, predicted) = Packed::measure(trainer, &tape, test, settings)?;
        Ok(Self {
            tape_accuracy,
            packed,
            predicted,
            epoch,
            parameters,
            saved_bytes: trainer.saved.as_ref().map_or(0, |memory| memory.total),
            threads: rayon::current_num_threads(),
            seconds,
        })
    }

    /// What a person wants to know.
    pub(super) fn facts(&self, settings: &Settings) -> Vec<(String, String)> {
        let mut facts = vec![
            (
                "network",
                format!(
                    "{} {} -> {}",
                    self.inputs(settings),
                    settings.input_name(),
                    settings.network
                ),
            ),
            ("accuracy on the tape", percent(self.tape_accuracy)),
        ];
        facts.extend(self.packed.facts(self, settings));
        facts.extend(settings.extras());
        facts.push((
            "training",
            format!(
                "{} epochs, {:.1} s on {} threads, {} bytes saved per step",
                settings.config.epochs,
                self.seconds,
                self.threads,
                thousands(self.saved_bytes)
            ),
        ));
        if settings.keep == Keep::Best {
            let best = &settings.best.display();
            facts.push(("network kept", format!("of epoch {}: {best}", self.epoch)));
        }
        facts.push(("checkpoint", settings.checkpoint.display().to_string()));
        facts.push(("report", settings.report.display().to_string()));
        let owned = facts
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        owned.collect()
    }

    pub(super) fn as_json(&self, settings: &Settings) -> Value {
        let mut told = json!({
            "data": settings.data,
            "arch": settings.network.to_string(),
            "input": settings.input_name(),
            "seed": settings.config.seed,
            "epochs": settings.config.epochs,
            "epoch_kept": self.epoch,
            "tape_accuracy": self.tape_accuracy,
            "packed_accuracy": self.packed.accuracy,
            "mismatches": self.packed.mismatches,
            "test_images": self.predicted.len(),
            "parameters": self.parameters,
            "model_bytes": self.packed.model_bytes,
            "f32_bytes": self.packed.float_bytes,
            "saved_bytes_per_step": self.saved_bytes,
            "ns_per_image_bits": self.packed.bits_ns[0],
            "ns_single_image_bits": self.packed.bits_ns[1],
            "kernel": self.packed.kernel,
            "threads": self.threads,
            "train_seconds": self.seconds,
            "model": settings.out.display().to_string(),
            "report": settings.report.display().to_string(),
        });
        for (name, value) in settings.extras() {
            told[name.replace(' ', "_")] = value.into();
        }
        let packed = &self.packed;
        if let Some(float_ns) = packed.float_ns {
            told["ns_per_image_f32"] = float_ns[0].into();
            told["ns_single_image_f32"] = float_ns[1].into();
        }
        told
    }

    fn inputs(&self, settings: &Settings) -> String {
        let [height, width, channels] = settings.image;
        match settings.network.is_mlp() {
            true => (height * width * channels).to_string(),
            false => format!("{height}x{width}x{channels}"),
        }
    }

    /// Writes the report.
    pub(super) fn report(
        &self,
        split: &Split,
        settings: &Settings,
        history: &[EpochStats],
        to: &outputs::Output,
    ) -> Result<(), CliError> {
        let test = &split.test;
        let points = history.iter().enumerate().map(|(i, stats)| EpochPoint {
            epoch: i + 1,
            train_loss: stats.loss,
            train_accuracy: stats.train_accuracy,
            test_accuracy: stats.test_accuracy,
        });
        let points: Vec<_> = points.collect();
        let classes = test.layout().classes;
        let drawn = classes <= MOST_CLASSES;
        let mut counts = vec![0; if drawn { classes * classes } else { 0 }];
        let mut right = 0;
        for (&label, &predicted) in test.labels().iter().zip(&self.predicted) {
            let label = usize::from(label);
            right += u64::from(label == predicted);
            if drawn {
                counts[label * classes + predicted] += 1;
            }
        }
        let (width, height) = (test.layout().width, test.layout().height);
        let pixels = grey(test);
        let max = pixels.iter().max().copied().unwrap_or(1).max(1);
        let images = pixels
            .chunks(width * height)
            .zip(test.labels())
            .zip(&self.predicted);
        let misread = images
            .enumerate()
            .filter_map(|(index, ((pixels, &label), &predicted))| {
                let truth = usize::from(label);
                let picture = Picture {
                    pixels,
                    width,
                    height,
                    max,
                    truth,
                    predicted,
                    index,
                };
                (truth != predicted).then_some(picture)
            });
        // Data that is no picture to look at is reported without pictures.
        let drawable = width.max(height) <= MAX_SIDE;
        let misread: Vec<_> = misread.filter(|_| drawable).collect();
        // The pictures that are shown are spread over the classes.
        let truths: Vec<u16> = misread.iter().map(|picture| picture.truth as u16).collect();
        let misread: Vec<_> = spread(&truths, misread.len())
            .into_iter()
            .map(|at| misread[at])
            .collect();
        let weights: Vec<_> = self
            .packed
            .first_layer
            .iter()
            .filter(|_| drawable && test.layout().channels == 1)
            .map(|bits| BitPicture {
                bits,
                width,
                height,
            })
            .collect();
        let report = Report {
            title: &format!("{}: {}", test.name(), settings.network),
            summary: &self.facts(settings),
            run: &settings.run().text(),
            command: &settings.command(),
            epochs: &points,
            confusion: Confusion {
                names: test.class_names(),
                counts: &counts,
                judged: (!drawn).then_some((right, test.samples() as u64)),
            },
            misread: &misread,
            weights: &weights,
        };
        let html = report.html().map_err(CliError::failed)?;
        to.write(html.as_bytes())
    }
}

impl Packed {
    /// Runs the model file that was written; also returns the classes that it tells.
    fn measure(
        trainer: &Trainer<Network>,
        tape: &Tensor,
        test: &Dataset,
        settings: &Settings,
    ) -> Result<(Self, Vec<usize>), CliError> {
        let bytes = model_file::read(&settings.out)?;
        let model = model_file::open(&bytes, &settings.out)?;
        let packed = model_file::run(&model, test.pixels())?;
        let classes = test.layout().classes;
        let pairs = tape
            .data()
            .chunks(classes)
            .zip(packed.scores.chunks(classes));
        let unit = model_file::unit(&model);
        let differs = |(tape, packed): (&[f32], &[f64])| {
            let mut pairs = tape.iter().zip(packed);
            !pairs.all(|(&tape, &packed)| tape == (packed * unit) as f32)
        };
        let mismatches = pairs.map(differs).filter(|d| *d).count();

        let float = match &trainer.model {
            Network::Mlp(mlp) => Some(FloatNet::new(mlp).map_err(CliError::failed)?),
            _ => None,
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let (bits_ns, float_ns) = pool.map_err(CliError::failed)?.install(|| {
            let bits = [time_bits(&model, test, BATCH)?, time_bits(&model, test, 1)?];
            let float = float.as_ref().map(|float| {
                Ok::<_, CliError>([time_float(float, test, BATCH)?, time_float(float, test, 1)?])
            });
            Ok::<_, CliError>((bits, float.transpose()?))
        })?;
        let float_bytes = match &float {
            Some(float) => float.bytes(),
            None => {
                let mut numbers = 0;
                let mut count = |_: &str, param: &Param| numbers += param.value().numel();
                trainer.model.params(&mut count);
                numbers * size_of::<f32>()
            }
        };
        let this = Self {
            accuracy: accuracy(&packed.classes, test),
            mismatches,
            model_bytes: model.file_bytes(),
            float_bytes,
            bits_ns,
            float_ns,
            kernel: Kernel::active().map_err(CliError::failed)?.isa().name(),
            first_layer: match float {
                Some(_) => first_layer(&model),
                None => Vec::new(),
            },
        };
        Ok((this, packed.classes))
    }

    fn facts(&self, outcome: &Outcome, settings: &Settings) -> Vec<(&'static str, String)> {
        let equal = match self.mismatches {
            0 => format!(
                "equal, image by image and score by score ({} images)",
                outcome.predicted.len()
            ),
            n => format!("DIFFERENT in {n} of {} images", outcome.predicted.len()),
        };
        let speed = |i: usize| {
            let bits = duration(self.bits_ns[i]);
            match self.float_ns {
                None => format!("{bits} on bits"),
                Some(float) => format!(
                    "{bits} on bits, {} in f32: {:.1} x",
                    duration(float[i]),
                    float[i] / self.bits_ns[i]
                ),
            }
        };
        let ratio = self.float_bytes as f64 / self.model_bytes as f64;
        vec![
            ("accuracy on bits", percent(self.accuracy)),
            ("tape and bits", equal),
            ("parameters", thousands(outcome.parameters)),
            (
                "model file",
                format!(
                    "{}, {} bytes",
                    settings.out.display(),
                    thousands(self.model_bytes)
                ),
            ),
            (
                "the same in f32",
                format!("{} bytes: {ratio:.1} x", thousands(self.float_bytes)),
            ),
            ("time per image, 64 at once", speed(0)),
            ("time per image, 1 at once", speed(1)),
            ("kernel", format!("{}, timed on 1 thread", self.kernel)),
        ]
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// All images in grey, the mean of the channels.
fn grey(test: &Dataset) -> Cow<'_, [u8]> {
    let channels = test.layout().channels;
    if channels == 1 {
        return test.pixels().into();
    }
    let pixels = test.pixels().chunks(channels);
    let sums = pixels.map(|pixel| pixel.iter().map(|&value| usize::from(value)).sum::<usize>());
    sums.map(|sum| (sum / channels) as u8).collect()
}

fn accuracy(predicted: &[usize], test: &Dataset) -> f64 {
    let pairs = predicted.iter().zip(test.labels());
    let right = pairs.filter(|(p, l)| **p == usize::from(**l)).count();
    right as f64 / test.samples() as f64
}

/// Nanoseconds per image of the packed model, `batch` images at once.
fn time_bits(model: &Model<'_>, test: &Dataset, batch: usize) -> Result<f64, CliError> {
    let packed = PackedModel::new(*model).map_err(CliError::failed)?;
    let batch = batch.min(test.samples());
    let pixels = &test.pixels()[..batch * test.features()];
    let (mut reals, mut integers) = (Vec::new(), Vec::new());
    match model.output().1 {
        OutputType::I32 => integers.resize(batch * test.layout().classes, 0),
        _ => reals.resize(batch * test.layout().classes, 0.0),
    }
    let ns = best_ns::<ModelError>(TIMING, || {
        let scores = match integers.as_mut_slice() {
            [] => Output::F32(&mut reals),
            integers => Output::I32(integers),
        };
        packed.run(batch, Input::Bytes(pixels), scores)
    });
    Ok(ns.map_err(CliError::failed)? / batch as f64)
}

/// Nanoseconds per image of the float network, `batch` images at once.
fn time_float(net: &FloatNet, test: &Dataset, batch: usize) -> Result<f64, CliError> {
    let batch = batch.min(test.samples());
    let pixels = &test.pixels()[..batch * test.features()];
    let pixels: Vec<f32> = pixels.iter().map(|&p| f32::from(p)).collect();
    let (mut x, mut y) = (Vec::new(), Vec::new());
    let ns = best_ns(TIMING, || {
        x.clear();
        x.extend_from_slice(&pixels);
        net.run(batch, &mut x, &mut y)
    });
    Ok(ns.map_err(CliError::failed)? / batch as f64)
}

const TIMING: Duration = Duration::from_millis(200);

/// The weights of the first layer's neurons as they are in the file.
fn first_layer(model: &Model<'_>) -> Vec<Vec<bool>> {
    let Some(weights) = model.layers().next().and_then(|layer| layer.weights) else {
        return Vec::new();
    };
    let neuron = |r| (0..weights.cols()).map(move |c| weights.get(r, c) == Some(true));
    (0..weights.rows()).map(|r| neuron(r).collect()).collect()
}
