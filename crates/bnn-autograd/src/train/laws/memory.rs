//! The memory of a step is known before the first one, and more than there is is refused.

use super::*;
use crate::buffer::peak_of;
use crate::data::Layout;
use crate::models::{Cnn, CnnConfig, Family, ResidualConfig, ResidualNet};
use crate::nn::{BatchNorm, BinaryLinear, Dropout, Linear, Sequential, walk};

/// Bytes of buffers and of what else is saved at the peak of a step of `batch` samples, found by
/// doing one.
fn done<M: Module>(trainer: &mut Trainer<M>, batch: usize) -> usize {
    let train = data::digits().unwrap().train;
    let indices: Vec<usize> = (0..batch).collect();
    let (pixels, labels) = train.batch(&indices).unwrap();
    let x = Tensor::new(pixels, &[batch, 64]).unwrap();
    let loss = |scores: &Var| ops::cross_entropy(scores, &labels, 0.0);
    let (loss, peak) = peak_of(|| trainer.step(x, loss));
    loss.unwrap();
    peak
}

#[track_caller]
fn is_told<M: Module>(name: &str, model: M, batch: usize) {
    let train = data::digits().unwrap().train;
    let config = TrainConfig {
        batch,
        ..TrainConfig::default()
    };
    let mut trainer = Trainer::new(model, config).unwrap();
    trainer.check_memory(&train).unwrap();
    let told = trainer.needs.unwrap().of_batch(batch);
    let done = done(&mut trainer, batch);
    // Besides buffers there are the bits that are saved, and batches in waiting.
    let range = done..2 * done + (1 << 20);
    assert!(range.contains(&told), "{name}: {told} told, {done} done");
}

#[test]
fn what_is_told_is_what_a_step_takes_or_a_little_more() {
    let rng = &mut Rng::new(1);
    is_told("mlp", Mlp::new(sizes(), rng).unwrap(), 1000);
    let wide = MlpConfig {
        hidden: vec![1024, 512],
        ..sizes()
    };
    is_told("wide mlp", Mlp::new(wide, rng).unwrap(), 1000);
    let cnn = CnnConfig {
        image: [8, 8, 1],
        stages: vec![vec![32], vec![64, 64]],
        hidden: vec![64],
        classes: 10,
    };
    is_told("cnn", Cnn::new(cnn, rng).unwrap(), 400);
    for family in [Family::BiRealNet, Family::ReActNet, Family::QuickNet] {
        let config = ResidualConfig::resnet(family, [8, 8, 1], 16, &[1, 1], 10).unwrap();
        let net = ResidualNet::new(config, rng).unwrap();
        is_told(&format!("{family:?}"), net, 400);
    }
}

#[test]
fn asking_leaves_the_network_as_it_is() {
    let rng = &mut Rng::new(1);
    let net = Sequential::new()
        .then(Linear::new(64, 40, rng).unwrap())
        .then(BatchNorm::new(40).unwrap())
        .then(Dropout::new(0.5, 3).unwrap())
        .then(BinaryLinear::new(40, 10, rng).unwrap())
        .then(BatchNorm::new(10).unwrap());
    let mut trainer = Trainer::new(net, config(2)).unwrap();
    let state = |net: &Sequential| {
        let (mut numbers, mut modes) = (Vec::new(), Vec::new());
        net.params(&mut |_, param| numbers.push(param.value().data().to_vec()));
        net.buffers(&mut |_, buffer| numbers.push(buffer.data().to_vec()));
        walk::visit(net, &mut |_, part| modes.push(part.is_training()));
        (numbers, modes)
    };
    let train = data::digits().unwrap().train;
    for training in [true, false] {
        trainer.model.set_training(training);
        trainer.needs = None;
        let before = state(&trainer.model);
        trainer.check_memory(&train).unwrap();
        assert!(trainer.needs.is_some());
        assert_eq!(state(&trainer.model), before);
        let mut gradients = 0;
        trainer
            .model
            .params(&mut |_, param| gradients += usize::from(param.grad().is_some()));
        assert_eq!(gradients, 0);
    }
}

#[test]
fn a_batch_that_no_machine_has_room_for_is_refused_before_the_first_step() {
    // 2^23 rows of one byte, each with 2^16 activations: some terabytes.
    let samples = 1 << 23;
    let layout = Layout {
        width: 1,
        height: 1,
        channels: 1,
        classes: 2,
        white: 255,
    };
    let labels = (0..samples).map(|i| (i % 2) as u16).collect();
    let set = Dataset::new("rows", layout, vec![1; samples], labels).unwrap();
    let sizes = MlpConfig {
        inputs: 1,
        hidden: vec![1 << 16],
        classes: 2,
        ..MlpConfig::default()
    };
    let config = TrainConfig {
        batch: samples,
        ..TrainConfig::default()
    };
    let mlp = Mlp::new(sizes, &mut Rng::new(1)).unwrap();
    let mut trainer = Trainer::new(mlp, config).unwrap();
    let error = trainer.epoch(&set, &set).unwrap_err();
    let TrainError::Memory { batch, bytes } = error else {
        panic!("{error}");
    };
    assert_eq!(batch, samples);
    assert!(bytes > samples << 18, "{bytes}");
    assert!(
        error
            .to_string()
            .contains("a step of 8388608 samples takes some")
    );
    assert!(trainer.history().is_empty() && trainer.saved.is_none());
    // In evaluation as many samples run at once as there is room for.
    let at_once = trainer.evaluated_at_once(&set);
    assert!((64..=1000).contains(&at_once), "{at_once}");
}

#[test]
fn a_network_that_cannot_be_asked_is_trained_all_the_same() {
    /// Takes batches of a hundred rows alone.
    struct Strict {
        inner: Mlp,
    }

    impl Module for Strict {
        fn forward(&mut self, x: &Var) -> Result<Var, Error> {
            Error::check_count("rows", 100, x.shape()[0])?;
            self.inner.forward(x)
        }

        children!(inner);
    }

    let train = data::digits().unwrap().train;
    let hundred: Vec<usize> = (0..100).collect();
    let test = train.subset(&hundred).unwrap();
    let inner = Mlp::new(sizes(), &mut Rng::new(5)).unwrap();
    let strict = Strict { inner };
    let mut trainer = Trainer::new(strict, config(2)).unwrap();
    trainer.epoch(&train, &test).unwrap();
    assert!(trainer.needs.is_none());
}
