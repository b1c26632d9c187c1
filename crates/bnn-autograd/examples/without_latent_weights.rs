//! Trains the digits with latent weights (Adam) and without (Bop, DiodeMix), and counts flips.
//!
//! `cargo run --release --example without_latent_weights`

use bnn_autograd::models::{Mlp, MlpConfig};
use bnn_autograd::nn::{Param, ParamKind};
use bnn_autograd::optim::{Adam, Bop, DiodeMix, Optimizer, SignSnapshot};
use bnn_autograd::train::{TrainConfig, TrainError, Trainer};
use bnn_autograd::{Error, Rng, data};

/// Binary weights have a rule of their own in two of the three; batch norm learns by Adam in all.
fn optimizers() -> Result<[(&'static str, Optimizer); 3], Error> {
    let binary = |_: &str, param: &Param| param.kind() == ParamKind::Binary;
    let adam = Adam::new(3e-3)?;
    let bop = Bop::new(0.03, 1e-5)?;
    let betas = (0.9, 0.99);
    let diode = DiodeMix {
        betas,
        ..DiodeMix::new(1.0)?
    };
    Ok([
        ("Adam", Optimizer::new(adam)),
        ("Bop", Optimizer::new(adam).with_group(binary, bop)),
        ("DiodeMix", Optimizer::new(adam).with_group(binary, diode)),
    ])
}

/// Accuracy on the test images, and the share of weights that flipped in the first and the last
/// epoch.
fn train(optimizer: Optimizer, seed: u64) -> Result<[f64; 3], TrainError> {
    let split = data::digits()?;
    let sizes = MlpConfig {
        inputs: split.train.features(),
        depth: 5,
        hidden: vec![512, 512],
        classes: 10,
        ..MlpConfig::default()
    };
    let config = TrainConfig {
        epochs: 60,
        seed,
        ..TrainConfig::default()
    };
    let model = Mlp::new(sizes, &mut Rng::new(seed))?;
    let mut trainer = Trainer::new(model, config)?;
    trainer.optimizer = optimizer;
    let mut signs = SignSnapshot::of(&trainer.model)?;
    let mut flipped = Vec::new();
    while !trainer.is_done() {
        trainer.epoch(&split.train, &split.test)?;
        let now = SignSnapshot::of(&trainer.model)?;
        let flips = signs.flips_to(&now)?.total;
        flipped.push(flips.flipped as f64 / flips.of as f64);
        signs = now;
    }
    let accuracy = trainer
        .history()
        .last()
        .map_or(0.0, |epoch| epoch.test_accuracy);
    let (first, last) = (flipped.first(), flipped.last());
    Ok([
        accuracy,
        first.copied().unwrap_or(0.0),
        last.copied().unwrap_or(0.0),
    ])
}

fn main() -> Result<(), TrainError> {
    println!("binary weights by  seed  accuracy  flipped in the first epoch, in the last");
    for (name, optimizer) in optimizers()? {
        for seed in 1..=3 {
            let [accuracy, first, last] =
                train(optimizer.clone(), seed)?.map(|share| 100.0 * share);
            println!("{name:<17}  {seed:>4}  {accuracy:>6.2} %  {first:>6.2} %  {last:>6.3} %");
        }
    }
    Ok(())
}
