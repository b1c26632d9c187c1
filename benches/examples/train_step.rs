//! Times training steps of a binary network on the tape: forward, cross entropy, backward, Adam
//! with clipping. The counterpart of `benches/libtorch`; `benches/train_step.sh` runs both, of the
//! plain networks.
//!
//! `train_step mlp|cnn|resnet|reactnet|quicknet [STEPS [THREADS]]` prints one line of JSON.

use std::process::ExitCode;
use std::time::Instant;

use bnn_autograd::models::{Cnn, CnnConfig, Family, Mlp, MlpConfig, ResidualConfig, ResidualNet};
use bnn_autograd::nn::Module;
use bnn_autograd::optim::{Adam, Optimizer};
use bnn_autograd::{Error, Rng, Tape, Tensor, ops};

const BATCH: usize = 128;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let mut number = |default| args.next().map_or(Some(default), |arg| arg.parse().ok());
    let (Some(steps @ 1..), Some(threads @ 1..), Some(network)) =
        (number(100), number(2), Network::of(&name))
    else {
        eprintln!("usage: train_step mlp|cnn|resnet|reactnet|quicknet [STEPS [THREADS]]");
        return ExitCode::from(2);
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let run = || measure(network, steps).map_err(|error| error.to_string());
    match pool
        .map_err(|error| error.to_string())
        .and_then(|pool| pool.install(run))
    {
        Ok(Figures {
            mut times,
            saved,
            loss,
        }) => {
            times.sort_by(f64::total_cmp);
            println!(
                "{{\"engine\": \"bnn\", \"network\": \"{name}\", \"batch\": {BATCH}, \"threads\": {threads}, \
                 \"steps\": {steps}, \"median_ms\": {:.3}, \"best_ms\": {:.3}, \"saved_bytes\": {saved}, \
                 \"loss\": {loss:.4}, \"version\": \"{}\"}}",
                times[times.len() / 2],
                times[0],
                env!("CARGO_PKG_VERSION"),
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Clone, Copy)]
enum Network {
    Mlp,
    Cnn,
    Residual(Family),
}

impl Network {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "mlp" => Self::Mlp,
            "cnn" => Self::Cnn,
            "resnet" => Self::Residual(Family::BiRealNet),
            "reactnet" => Self::Residual(Family::ReActNet),
            "quicknet" => Self::Residual(Family::QuickNet),
            _ => return None,
        })
    }
}

/// What was measured.
struct Figures {
    /// Milliseconds of each step.
    times: Vec<f64>,
    /// What the tape keeps for the backward pass, bytes.
    saved: usize,
    /// The last loss.
    loss: f32,
}

/// The MLP 784-1024-1024-1024-10.
fn mlp(rng: &mut Rng) -> Result<Mlp, Error> {
    let config = MlpConfig {
        inputs: 784,
        depth: 8,
        hidden: vec![1024; 3],
        classes: 10,
        ..MlpConfig::default()
    };
    Mlp::new(config, rng)
}

/// Convolutions of 3 x 3 with 32, 64 and 128 channels on 28 x 28 pixels, each with a pool.
fn cnn(rng: &mut Rng) -> Result<Cnn, Error> {
    let config = CnnConfig {
        image: [28, 28, 1],
        stages: vec![vec![32], vec![64], vec![128]],
        hidden: Vec::new(),
        classes: 10,
    };
    Cnn::new(config, rng)
}

/// Three stages of four binary convolutions, from 32 channels on 32 x 32 pixels of 3 channels.
fn residual(family: Family, rng: &mut Rng) -> Result<ResidualNet, Error> {
    let config = ResidualConfig::resnet(family, [32, 32, 3], 32, &[2; 3], 10)?;
    ResidualNet::new(config, rng)
}

fn measure(network: Network, steps: usize) -> Result<Figures, Error> {
    let mut rng = Rng::new(1);
    let shape: &[usize] = match network {
        Network::Mlp => &[BATCH, 28 * 28],
        Network::Cnn => &[BATCH, 28, 28, 1],
        Network::Residual(_) => &[BATCH, 32, 32, 3],
    };
    let elements: usize = shape.iter().product();
    let pixels = (0..elements).map(|_| rng.uniform(0.0, 256.0).floor() as f32);
    let pixels: Vec<f32> = pixels.collect();
    let labels: Vec<u8> = (0..BATCH).map(|_| rng.uniform(0.0, 10.0) as u8).collect();
    let mut net: Box<dyn Module> = match network {
        Network::Mlp => Box::new(mlp(&mut rng)?),
        Network::Cnn => Box::new(cnn(&mut rng)?),
        Network::Residual(family) => Box::new(residual(family, &mut rng)?),
    };
    let (net, pixels) = (net.as_mut(), Tensor::new(pixels, shape)?);
    let mut adam = Optimizer::new(Adam::new(1e-3)?);
    for _ in 0..5 {
        step(net, &mut adam, &pixels, &labels)?; // the optimizer's state, caches and the clock
    }
    let mut figures = Figures {
        times: Vec::with_capacity(steps),
        saved: 0,
        loss: 0.0,
    };
    for _ in 0..steps {
        let start = Instant::now();
        (figures.loss, figures.saved) = step(net, &mut adam, &pixels, &labels)?;
        figures.times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(figures)
}

/// One step; the loss, and the bytes that the tape kept.
fn step(
    net: &mut dyn Module,
    adam: &mut Optimizer,
    pixels: &Tensor,
    labels: &[u8],
) -> Result<(f32, usize), Error> {
    let tape = Tape::new();
    let scores = net.forward(&tape.constant(pixels.clone()))?;
    let loss = ops::cross_entropy(&scores, labels, 0.0)?;
    // The batch is the caller's; LibTorch's figure is without it as well.
    let nodes = tape.memory().nodes;
    let saved = nodes.iter().map(|node| node.bytes - node.shared).sum();
    loss.backward()?.add_to(net)?;
    adam.step(net)?;
    net.zero_grad();
    Ok((loss.value().item()?, saved))
}
