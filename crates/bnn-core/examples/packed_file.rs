//! Times `PackedModel` on a model file, one thread, batches of the given sizes, and compares it with
//! `Model`.
//!
//! ```console
//! $ cargo run --release -p bnn-core --example packed_file -- model.bnn 1 64
//! ```
//! `BNN_ISA` chooses the kernel.

use std::error::Error;
use std::time::{Duration, Instant};

use bnn_core::Kernel;
use bnn_core::internal::single_threaded;
use bnn_core::model::{AlignedBytes, Input, InputType, Model, Output, OutputType, PackedModel};

/// How long each batch size is timed.
const LASTING: Duration = Duration::from_secs(3);

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("the path of a model file is missing")?;
    let batches: Vec<usize> = args.map(|batch| batch.parse()).collect::<Result<_, _>>()?;
    let file = AlignedBytes::from(std::fs::read(path)?.as_slice());
    let model = Model::open(&file)?;
    let packed = PackedModel::new(model)?;
    println!(
        "{}, {} bytes of memory of a run for each sample",
        Kernel::active()?.isa().name(),
        packed.memory(1).workspace
    );
    for batch in batches {
        let (seconds, runs) = single_threaded(|| best(&packed, &model, batch))?;
        println!(
            "{:.1} us an image, batches of {batch}, best of {runs}",
            1e6 * seconds / batch as f64
        );
    }
    Ok(())
}

/// Seconds of the fastest run, and how many there were.
fn best(
    packed: &PackedModel<'_>,
    model: &Model<'_>,
    batch: usize,
) -> Result<(f64, usize), Box<dyn Error>> {
    let (inputs, outputs) = (
        batch * model.sizes().input_len,
        batch * model.sizes().output_len,
    );
    let noise = |i: usize| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8;
    let bytes: Vec<u8> = match model.input().1 {
        InputType::Unsigned { depth } => (0..inputs).map(|i| noise(i) >> (8 - depth)).collect(),
        _ => (0..inputs).map(noise).collect(),
    };
    let words = vec![0; inputs];
    let input = match model.input().1 {
        InputType::Bits => Input::Bits(&words),
        _ => Input::Bytes(&bytes),
    };
    let [mut bits, mut same_bits] = [(); 2].map(|()| vec![0; outputs]);
    let [mut integers, mut same_integers] = [(); 2].map(|()| vec![0; outputs]);
    let [mut reals, mut same_reals] = [(); 2].map(|()| vec![0.0; outputs]);
    let mut scratch = vec![0; model.scratch_words(batch)?];
    let same = match model.output().1 {
        OutputType::Bits => Output::Bits(&mut same_bits),
        OutputType::I32 => Output::I32(&mut same_integers),
        _ => Output::F32(&mut same_reals),
    };
    model.run(batch, input, same, &mut scratch)?;
    let (start, mut best, mut runs) = (Instant::now(), f64::INFINITY, 0);
    while start.elapsed() < LASTING {
        let output = match model.output().1 {
            OutputType::Bits => Output::Bits(&mut bits),
            OutputType::I32 => Output::I32(&mut integers),
            _ => Output::F32(&mut reals),
        };
        let run = Instant::now();
        packed.run(batch, input, output)?;
        best = best.min(run.elapsed().as_secs_f64());
        runs += 1;
    }
    let mut pairs = reals.iter().zip(&same_reals);
    let same = pairs.all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan());
    if bits != same_bits || integers != same_integers || !same {
        return Err("packed and in place, results differ".into());
    }
    Ok((best, runs))
}
