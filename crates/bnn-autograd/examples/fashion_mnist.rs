//! Trains a convolutional binary network on Fashion-MNIST, or on any folder of IDX files:
//!
//! ```sh
//! cargo run --release --example fashion_mnist -- --data FOLDER --epochs 12 --seed 1
//! ```
//!
//! All weights and all hidden activations are +1 or -1; the pixels go in as they are.

use std::error::Error;
use std::io::Write;
use std::ops::ControlFlow;
use std::time::Instant;

use bnn_autograd::Rng;
use bnn_autograd::data::{self, Augment, Split};
use bnn_autograd::models::{Cnn, CnnConfig};
use bnn_autograd::train::{TrainConfig, Trainer};

struct Settings {
    data: String,
    epochs: u64,
    seed: u64,
}

fn settings() -> Result<Settings, Box<dyn Error>> {
    let mut settings = Settings {
        data: "/usr/share/datasets/fashion-mnist".to_owned(),
        epochs: 12,
        seed: 1,
    };
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().ok_or(format!("{name}: expected a value"))?;
        match name.as_str() {
            "--data" => settings.data = value,
            "--epochs" => settings.epochs = value.parse()?,
            "--seed" => settings.seed = value.parse()?,
            _ => return Err(format!("{name}: expected --data, --epochs or --seed").into()),
        }
    }
    Ok(settings)
}

fn main() -> Result<(), Box<dyn Error>> {
    let Settings { data, epochs, seed } = settings()?;
    let Split { train, test } = data::load(&data)?;
    let config = CnnConfig {
        image: [train.height(), train.width(), train.channels()],
        stages: vec![vec![64], vec![128, 128], vec![256, 256]],
        hidden: vec![512],
        classes: train.classes(),
    };
    let model = Cnn::new(config, &mut Rng::new(seed))?;
    let config = TrainConfig {
        epochs,
        batch: 100,
        learning_rate: 3e-3,
        warmup: 0,
        label_smoothing: 0.0,
        augment: Some(Augment {
            shift: 1,
            ..Augment::default()
        }),
        seed,
    };
    let mut trainer = Trainer::new(model, config)?;
    let start = Instant::now();
    while !trainer.is_done() {
        let epoch = trainer.history().len() + 1;
        let stats = trainer.epoch(&train, &test, |batch| {
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
            println!(
                "\repoch {epoch}: loss {:.4}, train {:.2} %, test {:.2} %, {:.0} s",
                stats.loss,
                100.0 * stats.train_accuracy,
                100.0 * stats.test_accuracy,
                start.elapsed().as_secs_f64()
            );
        }
    }
    Ok(())
}
