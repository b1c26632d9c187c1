//! The exported file computes what the tape does.

use bnn_core::model::{AlignedBytes, Input, Model, Output};
use proptest::prelude::*;

use super::*;
use crate::models::MlpConfig;
use crate::nn::Module;
use crate::rng::Rng;
use crate::tape::Tape;
use crate::tensor::Tensor;

/// A network whose batch norms have seen data and hold factors of both signs.
fn trained(config: &MlpConfig, x: &[f32], samples: usize, seed: u64) -> Result<Mlp, Error> {
    let mut rng = Rng::new(seed);
    let mut mlp = Mlp::new(config.clone(), &mut rng)?;
    mlp.params_mut(&mut |name, param| {
        if name.contains("norm") {
            let mut value = param.value().clone();
            value
                .data_mut()
                .iter_mut()
                .for_each(|v| *v += rng.uniform(-1.5, 1.5) as f32);
            param.set_value(value).expect("the shape is its own");
        }
    });
    let tape = Tape::new();
    for _ in 0..3 {
        mlp.forward(&tape.constant(Tensor::new(x.to_vec(), &[samples, config.inputs])?))?;
    }
    mlp.set_training(false);
    Ok(mlp)
}

fn check(config: MlpConfig, samples: usize, seed: u64) -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = Rng::new(seed + 1);
    let most = f64::from(1_u32 << config.depth);
    let bytes: Vec<u8> = (0..samples * config.inputs)
        .map(|_| rng.uniform(0.0, most) as u8)
        .collect();
    let pixels: Vec<f32> = bytes.iter().map(|&b| f32::from(b)).collect();
    let mut mlp = trained(&config, &pixels, samples, seed)?;
    let tape = Tape::new();
    let x = tape.constant(Tensor::new(pixels, &[samples, config.inputs])?);
    let scores = mlp.forward(&x)?.into_value();

    let file = AlignedBytes::from(export_mlp(&mlp, "")?.as_slice());
    let model = Model::open(file.bytes())?;
    let mut packed = vec![0.0; samples * config.classes];
    let mut scratch = vec![0; model.scratch_words(samples)?];
    model.run(
        samples,
        Input::Bytes(&bytes),
        Output::F32(&mut packed),
        &mut scratch,
    )?;
    let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(scores.data()), bits(&packed), "{config:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn packed_scores_equal_the_tapes_bit_for_bit(
        inputs in 1_usize..150, depth in 1_u8..9,
        hidden in proptest::collection::vec(1_usize..140, 1..4),
        classes in 2_usize..12, samples in 2_usize..9, seed in 0_u64..1000,
    ) {
        let config = MlpConfig { inputs, depth, hidden, classes };
        check(config, samples, seed).map_err(|e| TestCaseError::fail(e.to_string()))?;
    }
}

#[test]
fn a_diverged_network_is_refused_by_name() -> Result<(), Error> {
    let config = MlpConfig {
        inputs: 4,
        depth: 2,
        hidden: vec![3],
        classes: 2,
    };
    let mut mlp = Mlp::new(config, &mut Rng::new(1))?;
    mlp.params_mut(&mut |name, param| {
        if name == "1.norm.gamma" {
            let nan = Tensor::new(vec![1.0, f32::NAN], &[2]).expect("two numbers");
            param.set_value(nan).expect("two numbers");
        }
    });
    let refused = export_mlp(&mlp, "");
    assert!(matches!(
        refused,
        Err(ExportError::NotFinite {
            layer: 1,
            output: 1,
            ..
        })
    ));
    Ok(())
}
