//! Runs that go on from a checkpoint, and checkpoints that none goes on from.

use super::*;

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

    // The checkpoint knows nothing of a setting that did not exist yet, but it knows the network.
    let later = [&settings[..], &[("scores", "real".to_owned())]].concat();
    let mut third = trainer(4);
    third.resume(&path, &later).unwrap();
    assert_eq!(third.history(), &whole.history()[..2]);
    let fewer = MlpConfig {
        integer_scores: true,
        ..sizes()
    };
    let on_bits = MlpConfig {
        thresholds: Some(vec![8; 64]),
        ..sizes()
    };
    for sizes in [fewer, on_bits] {
        let model = Mlp::new(sizes, &mut Rng::new(5)).unwrap();
        let refused = Trainer::new(model, config(4))
            .unwrap()
            .resume(&path, &later);
        assert!(matches!(refused, Err(TrainError::Checkpoint(_))));
    }
}

#[test]
fn a_run_goes_on_for_more_epochs_with_the_schedule_of_the_larger_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let mut first = trainer(2);
    go_on(&mut first, 2);
    first.save(&path, &[]).unwrap();
    let mut longer = trainer(4);
    longer.resume(&path, &[]).unwrap();
    assert!(!longer.is_done());
    assert_eq!(longer.history(), first.history());
    // The third epoch begins where the schedule of four epochs is then.
    let batches = 14;
    let schedule = longer.schedule(batches).unwrap();
    assert!(schedule.at(2 * batches) > 0.4);
    go_on(&mut longer, 4);
    // The learning rate has risen: the weights still moved.
    assert_ne!(file(&longer), file(&first));

    longer.save(&path, &[]).unwrap();
    let refused = trainer(3).resume(&path, &[]).unwrap_err();
    let text = "the checkpoint was written with epochs = 4, expected 3";
    assert_eq!(refused.to_string(), text);
}

#[test]
fn a_checkpoint_of_another_configuration_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let mut first = trainer(2);
    go_on(&mut first, 1);
    first.save(&path, &[]).unwrap();
    type Change = fn(&mut TrainConfig);
    let changes: [(&str, Change); 7] = [
        ("batch", |c| c.batch = 50),
        ("lr", |c| c.learning_rate = 0.02),
        ("warmup", |c| c.warmup = 0),
        ("label smoothing", |c| c.label_smoothing = 0.0),
        ("augment", |c| c.augment = None),
        ("seed", |c| c.seed = 6),
        ("temperature", |c| c.temperature = 2.0),
    ];
    for (expected, change) in changes {
        let mut other = config(2);
        change(&mut other);
        let mut other = Trainer::new(first.model.clone(), other).unwrap();
        let refused = other.resume(&path, &[]);
        assert!(matches!(refused, Err(TrainError::Setting { name, .. }) if name == expected));
        assert!(other.history().is_empty());
    }
}

#[test]
fn a_history_and_an_optimizer_that_do_not_belong_together_are_refused() {
    use crate::checkpoint::Checkpoint;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let mut first = trainer(3);
    go_on(&mut first, 2);
    first.save(&path, &[]).unwrap();
    let noted = Checkpoint::<f32>::load(&path).unwrap().metadata;
    let changes = [
        ("history", ""),
        ("history", "0.5 0.5 0.5\n"),
        ("history", "0.5 0.5 7\n0.5 0.5 0.5\n"),
        ("epochs done", "3"),
        ("steps", "27"),
    ];
    for (name, value) in changes {
        let mut noted = noted.clone();
        noted.insert(name.to_owned(), value.to_owned());
        let changed = Checkpoint::capture(&first.model, Some(&first.optimizer), noted);
        changed.unwrap().save(&path).unwrap();
        let mut second = trainer(3);
        let refused = second.resume(&path, &[]);
        assert!(matches!(refused, Err(TrainError::Setting { .. })), "{name}");
        assert!(second.history().is_empty());
    }
}

/// How many bits are flipped; 10 000 in the long tier.
fn flips() -> u64 {
    let asked = std::env::var("BNN_FLIPS").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(200)
}

#[test]
fn no_run_goes_on_from_a_checkpoint_with_a_flipped_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let mut first = trainer(3);
    go_on(&mut first, 2);
    first.save(&path, &[]).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let rng = &mut Rng::new(1);
    let mut second = trainer(3);
    let before = file(&second);
    for _ in 0..flips() {
        let bit = rng.uniform(0.0, 8.0 * bytes.len() as f64) as usize;
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &flipped).unwrap();
        assert!(second.resume(&path, &[]).is_err(), "bit {bit}");
    }
    assert_eq!(file(&second), before);
    std::fs::write(&path, &bytes).unwrap();
    second.resume(&path, &[]).unwrap();
    assert_eq!(file(&second), file(&first));
}
