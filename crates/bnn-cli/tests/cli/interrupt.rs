//! Ctrl-C leaves a checkpoint from which `--resume` ends with the very same file.
#![cfg(unix)]

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{bnn, files, json, refused};

#[test]
fn an_interrupted_run_resumes_to_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let settings = ["train", "--arch", "mlp:200,200", "--epochs", "40", "--json"];
    json(folder, &[&settings[..], &["--out", "whole.bnn"]].concat());

    let broken = [&settings[..], &["--out", "broken.bnn"]].concat();
    let checkpoint = folder.join("broken.checkpoint");
    let mut child = bnn(folder, &broken)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !checkpoint.exists() {
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "no checkpoint was written"
        );
        sleep(Duration::from_millis(1));
    }
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!folder.join("broken.bnn").exists());
    let left = files(folder);
    assert_eq!(
        left,
        [
            "broken.checkpoint",
            "whole.bnn",
            "whole.checkpoint",
            "whole.html"
        ]
    );

    refused(
        folder,
        &[
            "train",
            "--arch",
            "mlp:200,200",
            "--epochs",
            "39",
            "--out",
            "broken.bnn",
            "--resume",
        ],
        &["broken.checkpoint", "epochs", "40", "39"],
    );
    json(folder, &[&broken[..], &["--resume"]].concat());
    let bytes = |name: &str| fs::read(folder.join(name)).unwrap();
    assert_eq!(bytes("broken.bnn"), bytes("whole.bnn"));

    let mut damaged = bytes("broken.checkpoint");
    damaged.truncate(damaged.len() / 2);
    fs::write(&checkpoint, damaged).unwrap();
    refused(
        folder,
        &[&broken[..], &["--resume"]].concat(),
        &["broken.checkpoint"],
    );
}
