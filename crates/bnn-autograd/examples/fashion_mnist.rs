//! Trains a convolutional binary network on Fashion-MNIST, or on any folder of IDX files:
//!
//! ```sh
//! cargo run --release --example fashion_mnist -- --data FOLDER --epochs 12 --seed 1
//! ```
//!
//! All weights and all hidden activations are +1 or -1; the pixels go in as they are. With
//! `--export FILE` the network is written as a model file, which then runs on the test images: on
//! bits, with the tape's scores. `--stages 16/32 --hidden 64` makes another network: the channels
//! of its convolutions, with a `/` between stages, and the widths of its hidden layers.

use std::error::Error;
use std::io::Write;
use std::ops::ControlFlow;
use std::time::Instant;

use bnn_autograd::Rng;
use bnn_autograd::data::{self, Augment, Dataset, Layout, LoadConfig, Split};
use bnn_autograd::export::{ExportConfig, export};
use bnn_autograd::files::write_atomic;
use bnn_autograd::models::{Cnn, CnnConfig};
use bnn_autograd::train::{TrainConfig, Trainer};
use bnn_core::model::{AlignedBytes, Input, InputType, Model, Output, PackedModel};

struct Settings {
    data: String,
    epochs: u64,
    seed: u64,
    export: Option<String>,
    stages: Vec<Vec<usize>>,
    hidden: Vec<usize>,
}

fn settings() -> Result<Settings, Box<dyn Error>> {
    let mut settings = Settings {
        data: "/usr/share/datasets/fashion-mnist".to_owned(),
        epochs: 12,
        seed: 1,
        export: None,
        stages: vec![vec![64], vec![128, 128], vec![256, 256]],
        hidden: vec![512],
    };
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().ok_or(format!("{name}: expected a value"))?;
        match name.as_str() {
            "--data" => settings.data = value,
            "--epochs" => settings.epochs = value.parse()?,
            "--seed" => settings.seed = value.parse()?,
            "--export" => settings.export = Some(value),
            "--stages" => {
                settings.stages = value.split('/').map(widths).collect::<Result<_, _>>()?
            }
            "--hidden" => settings.hidden = widths(&value)?,
            _ => {
                let expected = "--data, --epochs, --seed, --export, --stages or --hidden";
                return Err(format!("{name}: expected {expected}").into());
            }
        }
    }
    Ok(settings)
}

/// Numbers between commas; there may be none.
fn widths(text: &str) -> Result<Vec<usize>, std::num::ParseIntError> {
    let numbers = text.split(',').filter(|number| !number.is_empty());
    numbers.map(str::parse).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let Settings {
        data,
        epochs,
        seed,
        export,
        stages,
        hidden,
    } = settings()?;
    let Split { train, test } = data::load(&data, &LoadConfig::default())?.split;
    let layout = train.layout();
    let config = CnnConfig {
        image: [layout.height, layout.width, layout.channels],
        stages,
        hidden,
        classes: layout.classes,
    };
    let model = Cnn::new(config, &mut Rng::new(seed))?;
    let config = TrainConfig {
        epochs,
        batch: 100,
        learning_rate: 3e-3,
        augment: Some(Augment {
            shift: 1,
            ..Augment::default()
        }),
        seed,
        ..TrainConfig::default()
    };
    let mut trainer = Trainer::new(model, config)?;
    let start = Instant::now();
    while !trainer.is_done() {
        let epoch = trainer.history().len() + 1;
        let stats = trainer.epoch_watched(&train, &test, |batch| {
            if batch.done.is_multiple_of(50) {
                print!(
                    "\repoch {epoch}: {} of {} batches, loss {:.3}",
                    batch.done, batch.of, batch.loss
                );
                let _ = std::io::stdout().flush();
            }
            ControlFlow::Continue(())
        })?;
        if let Some(stats) = stats {
            let seconds = start.elapsed().as_secs_f64();
            println!("\repoch {epoch}: {stats}, {seconds:.0} s");
        }
    }
    match export {
        Some(path) => write_and_check(&mut trainer, &test, layout.depth(), &path),
        None => Ok(()),
    }
}

/// Writes the network as a model file, for pixels of `depth` bits, and compares every score of the
/// test images with the tape's.
fn write_and_check(
    trainer: &mut Trainer<Cnn>,
    test: &Dataset,
    depth: u8,
    path: &str,
) -> Result<(), Box<dyn Error>> {
    let Layout {
        width,
        height,
        channels,
        ..
    } = test.layout();
    let max = test.pixels().iter().max().copied().unwrap_or_default();
    let mut meta = format!("width={width}\nheight={height}\nmax={max}\n");
    if channels > 1 {
        meta.push_str(&format!("channels={channels}\n"));
    }
    let config = ExportConfig {
        meta: &meta,
        ..InputType::Unsigned { depth }.into()
    };
    let file = export(&mut trainer.model, config)?;
    write_atomic(path, &file)?;
    let file = AlignedBytes::from(file.as_slice());
    let model = PackedModel::new(Model::open(&file)?)?;
    let tape = trainer.scores(test)?;
    let images = test.pixels().chunks(CHUNK * test.features());
    let mut packed = Vec::new();
    for pixels in images {
        let samples = pixels.len() / test.features();
        let mut scores = vec![0.0; samples * test.layout().classes];
        model.run(samples, Input::Bytes(pixels), Output::F32(&mut scores))?;
        packed.append(&mut scores);
    }
    let bits = |scores: &[f32]| scores.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    if bits(tape.data()) != bits(&packed) {
        return Err(format!("{path}: other scores than the tape's").into());
    }
    println!(
        "{path}: {} bytes, {} scores equal to the tape's, bit for bit",
        file.len(),
        packed.len()
    );
    Ok(())
}

/// Images that run at once.
const CHUNK: usize = 100;
