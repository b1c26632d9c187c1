//! What a teacher changes, and what it does not.

use super::*;

/// A teacher of another width than the network that it teaches, trained a little.
fn teacher() -> Mlp {
    let sizes = MlpConfig {
        hidden: vec![100],
        ..sizes()
    };
    let mlp = Mlp::new(sizes, &mut Rng::new(9)).unwrap();
    let mut trainer = Trainer::new(mlp, config(3)).unwrap();
    go_on(&mut trainer, 3);
    trainer.model
}

fn taught(epochs: u64, teacher: Mlp, teaching: Teaching) -> Trainer<Mlp> {
    trainer(epochs).with_teacher(teacher, teaching).unwrap()
}

#[test]
fn a_share_of_nothing_changes_nothing_and_any_other_does() {
    let (teacher, mut alone) = (teacher(), trainer(2));
    go_on(&mut alone, 2);
    let file_with = |share: f64| {
        let teaching = Teaching {
            share,
            ..Teaching::default()
        };
        let mut trainer = taught(2, teacher.clone(), teaching);
        go_on(&mut trainer, 2);
        file(&trainer)
    };
    assert_eq!(file_with(0.0), file(&alone));
    assert_ne!(file_with(0.5), file(&alone));
}

#[test]
fn a_network_comes_to_agree_with_its_teacher() {
    let split = data::digits().unwrap();
    let teacher = teacher();
    let mut judge = Trainer::new(teacher.clone(), config(2)).unwrap();
    let theirs = judge.scores(&split.test).unwrap();
    let distance = |trainer: &mut Trainer<Mlp>| {
        let ours = trainer.scores(&split.test).unwrap();
        let tape = Tape::new();
        let distance = ops::distillation(&tape.constant(ours), &theirs, 4.0).unwrap();
        distance.value().item().unwrap()
    };
    let whole = Teaching {
        share: 1.0,
        ..Teaching::default()
    };
    let (mut alone, mut with) = (trainer(4), taught(4, teacher.clone(), whole));
    go_on(&mut alone, 4);
    go_on(&mut with, 4);
    let (alone, with) = (distance(&mut alone), distance(&mut with));
    assert!(
        with < 0.85 * alone,
        "{with} with a teacher, {alone} without"
    );
}

#[test]
fn a_taught_run_resumes_exactly_and_only_with_a_teacher() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let (teacher, teaching) = (teacher(), Teaching::default());
    let mut whole = taught(3, teacher.clone(), teaching);
    go_on(&mut whole, 1);
    whole.save(&path, &[]).unwrap();
    go_on(&mut whole, 3);
    let mut second = taught(3, teacher, teaching);
    second.resume(&path, &[]).unwrap();
    go_on(&mut second, 3);
    assert_eq!(file(&second), file(&whole));
    let refused = trainer(3).resume(&path, &[]);
    assert!(matches!(refused, Err(TrainError::Setting { name, .. }) if name == "teaching"));
}

#[test]
fn settings_of_a_teacher_outside_their_range_are_refused() {
    let (share, temperature) = (0.5, 4.0);
    for wrong in [
        Teaching {
            share: -0.1,
            temperature,
        },
        Teaching {
            share: 1.1,
            temperature,
        },
        Teaching {
            share: f64::NAN,
            temperature,
        },
        Teaching {
            share,
            temperature: 0.0,
        },
        Teaching {
            share,
            temperature: f64::INFINITY,
        },
    ] {
        let mlp = Mlp::new(sizes(), &mut Rng::new(1)).unwrap();
        assert!(
            trainer(1 + 1).with_teacher(mlp, wrong).is_err(),
            "{wrong:?}"
        );
    }
}
