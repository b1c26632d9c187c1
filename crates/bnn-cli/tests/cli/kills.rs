//! A training that is killed at any moment goes on from its last checkpoint and ends with the model
//! of an unbroken run; what it left behind is gone after the next run. Two trainings do not share
//! an output.
//!
//! `BNN_KILLS=200 cargo test -p bnn-cli --test cli kills` kills more often.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{bnn, files, json, refused};

const TRAIN: [&str; 8] = [
    "train", "--arch", "mlp:16", "--epochs", "12", "--json", "--out", "m.bnn",
];

fn start(folder: &Path, args: &[&str]) -> Child {
    let mut command = bnn(folder, args);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn killed_trainings_lose_and_leave_nothing() {
    check_kills(&[], &["m.bnn", "m.checkpoint", "m.html"]);
}

#[test]
fn killed_trainings_that_keep_the_best_lose_and_leave_nothing() {
    check_kills(
        &["--keep", "best", "--validation", "0.1"],
        &["m.best.checkpoint", "m.bnn", "m.checkpoint", "m.html"],
    );
}

/// Kills trainings with these options, which write these files.
fn check_kills(options: &[&str], outputs: &[&str]) {
    let train = [&TRAIN[..], options].concat();
    let kills: u32 = std::env::var("BNN_KILLS").map_or(6, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let begin = Instant::now();
    json(folder, &train);
    let whole_run = begin.elapsed();
    let expected = fs::read(folder.join("m.bnn")).unwrap();
    assert_eq!(files(folder), outputs);
    let clear = || {
        for name in outputs {
            fs::remove_file(folder.join(name)).unwrap();
        }
    };
    clear();

    let mut random = bnn_autograd::Rng::new(u64::from(std::process::id()));
    let mut killed = 0;
    while killed < kills {
        // A run that may go on from a checkpoint, and that is let alone once in a while.
        let resume: &[&str] = match folder.join("m.checkpoint").exists() {
            true => &["--resume"],
            false => &[],
        };
        let mut child = start(folder, &[&train[..], resume].concat());
        sleep(whole_run.mul_f64(random.uniform(0.0, 1.0)));
        let ended = child.try_wait().unwrap();
        if ended.is_none() {
            child.kill().unwrap(); // SIGKILL
            killed += 1;
        }
        match child.wait().unwrap().code() {
            None => continue, // killed
            code => assert_eq!(code, Some(0), "after {killed} kills"),
        }
        let model = fs::read(folder.join("m.bnn")).unwrap();
        assert!(model == expected, "another model after {killed} kills");
        assert_eq!(files(folder), outputs, "after {killed} kills");
        clear();
    }
    let resume: &[&str] = match folder.join("m.checkpoint").exists() {
        true => &["--resume"],
        false => &[],
    };
    json(folder, &[&train[..], resume].concat());
    assert!(fs::read(folder.join("m.bnn")).unwrap() == expected);
    assert_eq!(files(folder), outputs);
}

#[test]
fn a_second_training_with_the_same_output_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let long = [
        "train", "--arch", "mlp:16", "--epochs", "1000000", "--out", "m.bnn",
    ];
    let mut first = start(folder, &long);
    // Its first checkpoint shows that it has begun.
    while !folder.join("m.checkpoint").exists() {
        assert!(first.try_wait().unwrap().is_none());
        sleep(Duration::from_millis(5));
    }
    for output in [
        &["--out", "m.bnn"][..],
        &["--out", "./m.bnn"],
        &["--out", "other.bnn", "--checkpoint", "m.checkpoint"],
        &["--out", "other.bnn", "--report", "m.html"],
    ] {
        let args = [&["train", "--force"], output].concat();
        refused(folder, &args, &["m.", "another run is writing it"]);
        assert!(first.try_wait().unwrap().is_none());
    }
    first.kill().unwrap();
    first.wait().unwrap();
    json(folder, &[&TRAIN[..], &["--force"]].concat());
    assert_eq!(files(folder), ["m.bnn", "m.checkpoint", "m.html"]);
}

#[test]
fn an_interrupted_run_leaves_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut child = start(folder, &["train", "--epochs", "1000000", "--out", "m.bnn"]);
    while !folder.join("m.checkpoint").exists() {
        assert!(child.try_wait().unwrap().is_none());
        sleep(Duration::from_millis(5));
    }
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(files(folder), ["m.checkpoint"]);
}
