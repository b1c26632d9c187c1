//! Writes a residual network in fixed point for images of 32 x 32 pixels in colour, with integer
//! scores, that fits a microcontroller with 256 KB of flash and 64 KB of RAM. Random images went
//! through it, so that its batch norms know what sums come; no training made its weights. It is for
//! programs that compare what a board computes with what a host computes.
//!
//! ```console
//! $ cargo run --release -p bnn-autograd --example resnet32 -- resnet32.bnn
//! $ cargo run --release -p bnn-autograd --example resnet32 -- mixed.bnn mixed
//! ```
//!
//! `bnn train --data FOLDER --arch reactnet:width=48,blocks=2,stem=2,fixed=8 --scores integer`
//! trains it. With `mixed` it is a smaller one, half of whose weights have 8 bits:
//! `reactnet:width=28,first=14,blocks=1,stem=2,fixed=8,int8=5`.

use std::error::Error;

use bnn_autograd::export::export;
use bnn_autograd::models::{Family, ResidualConfig, ResidualNet, StemConfig};
use bnn_autograd::nn::Module;
use bnn_autograd::{Rng, Tape, Tensor};
use bnn_core::model::InputType;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("expected the file's name")?;
    let (first, width, blocks, int8_units) = match std::env::args().nth(2).as_deref() {
        None => (48, 48, 2, 0),
        Some("mixed") => (14, 28, 1, 5),
        Some(other) => return Err(format!("expected mixed, or nothing, found {other}").into()),
    };
    let image = [32, 32, 3];
    let config = ResidualConfig {
        stem: StemConfig {
            channels: first,
            kernel: 3,
            stride: 1,
            pool: true,
        },
        fixed_point: Some(8),
        integer_scores: true,
        int8_units,
        ..ResidualConfig::resnet(Family::ReActNet, image, width, &[blocks; 3], 10)?
    };
    let rng = &mut Rng::new(1);
    let mut net = ResidualNet::new(config, rng)?;
    for _ in 0..8 {
        let pixels = (0..4 * 32 * 32 * 3).map(|_| rng.uniform(0.0, 256.0).floor() as f32);
        let images = Tensor::new(pixels.collect(), &[4, 32, 32, 3])?;
        net.forward(&Tape::new().constant(images))?;
    }
    let file = export(&mut net, InputType::Unsigned { depth: 8 })?;
    std::fs::write(path, file)?;
    Ok(())
}
