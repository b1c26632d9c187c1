//! Training is reproducible, resumes exactly, and says what is wrong.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::children;
use crate::data;
use crate::export::export;
use crate::models::{Mlp, MlpConfig};
use crate::rng::Rng;

fn config(epochs: u64) -> TrainConfig {
    TrainConfig {
        epochs,
        batch: 100,
        learning_rate: 0.01,
        warmup: 1,
        label_smoothing: 0.1,
        augment: Some(Augment {
            shift: 1,
            ..Augment::default()
        }),
        seed: 5,
    }
}

fn trainer(epochs: u64) -> Trainer<Mlp> {
    let sizes = MlpConfig {
        inputs: 64,
        depth: 5,
        hidden: vec![60, 33],
        classes: 10,
    };
    Trainer::new(Mlp::new(sizes, &mut Rng::new(5)).unwrap(), config(epochs)).unwrap()
}

fn file(trainer: &Trainer<Mlp>) -> Vec<u8> {
    let input = trainer.model().input();
    export(&mut trainer.model().clone(), input, "").unwrap()
}

fn go_on(trainer: &mut Trainer<Mlp>, until: usize) {
    let split = data::digits().unwrap();
    while trainer.history().len() < until {
        let watch = |_: BatchStats| ControlFlow::Continue(());
        trainer
            .epoch(&split.train, &split.test, watch)
            .unwrap()
            .unwrap();
    }
}

#[test]
fn a_resumed_run_ends_with_the_same_file_as_one_without_a_break() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let settings = [("arch", "mlp:60,33".to_owned())];
    let mut whole = trainer(4);
    go_on(&mut whole, 4);

    let mut first = trainer(4);
    go_on(&mut first, 2);
    first.save(&path, &settings).unwrap();
    // What happens after the checkpoint is lost without a trace.
    go_on(&mut first, 3);
    let mut second = trainer(4);
    second.resume(&path, &settings).unwrap();
    go_on(&mut second, 4);
    assert!(second.is_done());
    assert_eq!(second.history(), whole.history());
    assert_eq!(file(&second), file(&whole));

    let other = [("arch", "mlp:60".to_owned())];
    let refused = trainer(4).resume(&path, &other);
    assert!(matches!(refused, Err(TrainError::Setting { name, .. }) if name == "arch"));

    // Of a setting that there was not yet the checkpoint knows nothing, but of the network it does.
    let later = [&settings[..], &[("scores", "real".to_owned())]].concat();
    let mut third = trainer(4);
    third.resume(&path, &later).unwrap();
    assert_eq!(third.history(), &whole.history()[..2]);
    let fewer = Mlp::clone(trainer(4).model()).integer_scores();
    let on_bits = trainer(4).model().clone().on_bits(&[8; 64]).unwrap();
    for model in [fewer, on_bits] {
        let refused = Trainer::new(model, config(4))
            .unwrap()
            .resume(&path, &later);
        assert!(matches!(refused, Err(TrainError::Checkpoint(_))));
    }
}

#[test]
fn the_same_seed_gives_the_same_file_for_any_number_of_threads() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut trainer = trainer(2);
            go_on(&mut trainer, 2);
            file(&trainer)
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}

#[test]
fn training_learns() {
    let mut trainer = trainer(12);
    go_on(&mut trainer, 12);
    let last = trainer.history().last().unwrap();
    assert!(last.test_accuracy > 0.7, "{last:?}");
}

#[test]
fn an_epoch_can_be_broken_off() {
    let split = data::digits().unwrap();
    let mut trainer = trainer(2);
    let mut batches = 0;
    let result = trainer.epoch(&split.train, &split.test, |stats| {
        batches += 1;
        assert_eq!((stats.done, stats.of), (batches, 14));
        if batches == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!(result.unwrap(), None);
    assert!(trainer.history().is_empty());
}

#[test]
fn the_saved_bytes_of_a_step_are_bits_where_bits_suffice() {
    let mut trainer = trainer(2);
    go_on(&mut trainer, 1);
    let saved = trainer.saved().unwrap();
    let binary: Vec<usize> = saved
        .nodes
        .iter()
        .filter(|n| n.name == "binary_linear")
        .map(|n| n.bytes)
        .collect();
    // 100 samples of 60 and 33 hidden activations: sign and mask are a word each; and sign bits of
    // the weights, [33, 60] and [10, 33].
    assert_eq!(
        binary,
        [100 * 2 * 8 + 33 * 8, 100 * 2 * 8 + 10 * 8],
        "{saved:?}"
    );
}

/// A network whose scores are divided in the forward pass.
struct Divided {
    net: Mlp,
    by: f32,
}

impl Module for Divided {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        let scores = self.net.forward(x)?;
        let classes = self.net.config().classes;
        let factors = Tensor::full(1.0 / self.by, &[classes])?;
        ops::channel_scale(&scores, &scores.tape().constant(factors))
    }
    children!(net);
}

#[test]
fn a_temperature_divides_the_scores_in_the_loss_and_nowhere_else() {
    let sizes = MlpConfig {
        inputs: 64,
        depth: 5,
        hidden: vec![40],
        classes: 10,
    };
    let split = data::digits().unwrap();
    let all = |_: BatchStats| ControlFlow::Continue(());
    let net = Mlp::new(sizes, &mut Rng::new(5)).unwrap().integer_scores();
    let input = net.input();
    let mut cooled = Trainer::new(net.clone(), config(2))
        .unwrap()
        .with_temperature(8.0)
        .unwrap();
    let mut divided = Trainer::new(
        Divided {
            net: net.clone(),
            by: 8.0,
        },
        config(2),
    )
    .unwrap();
    let mut hot = Trainer::new(net, config(2)).unwrap();
    for _ in 0..2 {
        let stats = cooled.epoch(&split.train, &split.test, all).unwrap();
        let expected = divided.epoch(&split.train, &split.test, all).unwrap();
        assert_eq!(stats, expected);
        hot.epoch(&split.train, &split.test, all).unwrap();
    }
    let file = |net: &Mlp| export(&mut net.clone(), input, "").unwrap();
    assert_eq!(file(cooled.model()), file(&divided.model().net));
    assert_ne!(file(cooled.model()), file(hot.model()));
    let scores = cooled.scores(&split.test).unwrap();
    assert!(scores.data().iter().all(|score| score.fract() == 0.0));
}

#[test]
fn settings_outside_their_range_are_refused() {
    let sizes = MlpConfig {
        inputs: 4,
        depth: 2,
        hidden: vec![3],
        classes: 2,
    };
    let mlp = Mlp::new(sizes.clone(), &mut Rng::new(1)).unwrap();
    for wrong in [
        TrainConfig {
            epochs: 0,
            ..config(2)
        },
        TrainConfig {
            batch: 1,
            ..config(2)
        },
        TrainConfig {
            warmup: 2,
            ..config(2)
        },
        TrainConfig {
            learning_rate: f64::NAN,
            ..config(2)
        },
    ] {
        assert!(Trainer::new(mlp.clone(), wrong).is_err());
    }
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let trainer = Trainer::new(mlp.clone(), config(2)).unwrap();
        assert!(trainer.with_temperature(wrong).is_err(), "{wrong}");
    }
    let rng = &mut Rng::new(1);
    assert!(
        Mlp::new(
            MlpConfig {
                hidden: vec![],
                ..sizes.clone()
            },
            rng
        )
        .is_err()
    );
    assert!(
        Mlp::new(
            MlpConfig {
                hidden: vec![0],
                ..sizes.clone()
            },
            rng
        )
        .is_err()
    );
    assert!(
        Mlp::new(
            MlpConfig {
                depth: 9,
                ..sizes.clone()
            },
            rng
        )
        .is_err()
    );
    assert!(
        Mlp::new(
            MlpConfig {
                inputs: 1 << 30,
                ..sizes
            },
            rng
        )
        .is_err()
    );
}

#[test]
fn a_history_reads_back_exactly() {
    let history = [
        EpochStats {
            loss: 0.1 + 0.2,
            train_accuracy: 1.0 / 3.0,
            test_accuracy: 1.0,
        },
        EpochStats {
            loss: 1e-300,
            train_accuracy: 0.0,
            test_accuracy: 0.5,
        },
    ];
    assert_eq!(
        read_history(&write_history(&history)).as_deref(),
        Some(&history[..])
    );
    assert_eq!(read_history("1 2"), None);
    assert_eq!(read_history("1 2 x"), None);
}
