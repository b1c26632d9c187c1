//! Wrong input: exit code 2, one line that names it, and nothing written.

use std::fs;

use super::{QUICK, files, json, refused};

#[test]
fn files_that_are_no_models_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &[&QUICK[..], &["--json"]].concat());
    let good = fs::read(folder.join("digits.bnn")).unwrap();
    fs::write(folder.join("cut.bnn"), &good[..good.len() / 2]).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 4;
    fs::write(folder.join("flipped.bnn"), &flipped).unwrap();
    fs::write(folder.join("foreign.bnn"), b"PK\x03\x04 something else").unwrap();
    fs::write(folder.join("empty.bnn"), b"").unwrap();
    for command in [&["info"][..], &["eval"], &["predict"]] {
        let args = |file| -> Vec<&str> {
            let more: &[&str] = if command == ["predict"] {
                &["x.csv"]
            } else {
                &[]
            };
            [command, &[file], more].concat()
        };
        refused(folder, &args("absent.bnn"), &["absent.bnn", "No such file"]);
        refused(folder, &args("cut.bnn"), &["cut.bnn", "expected"]);
        refused(folder, &args("flipped.bnn"), &["flipped.bnn", "checksum"]);
        refused(
            folder,
            &args("foreign.bnn"),
            &["foreign.bnn", "not a bnn model"],
        );
        refused(
            folder,
            &args("empty.bnn"),
            &["empty.bnn", "not a bnn model"],
        );
    }
}

#[test]
fn samples_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &[&QUICK[..], &["--json"]].concat());
    let row = |value: &str| [&["3"; 63][..], &[value]].concat().join(",");
    for (name, text, words) in [
        ("short.csv", "1,2,3\n".to_owned(), &["short.csv", "64"][..]),
        (
            "gap.csv",
            format!("{}\n{}\n", row("3"), row("")),
            &["gap.csv", "line 2", "column 64", "missing"],
        ),
        (
            "text.csv",
            row("x"),
            &["text.csv", "line 1", "column 64", "x"],
        ),
        ("high.csv", row("17"), &["high.csv", "17", "16"]),
        (
            "ragged.csv",
            format!("{}\n1,2\n", row("3")),
            &["ragged.csv", "line 2"],
        ),
        ("empty.csv", String::new(), &["empty.csv"]),
        (
            "label.csv",
            format!("{},11\n", row("3")),
            &["label \"11\"", "10 classes"],
        ),
        ("bare.csv", row("3"), &["label"]),
    ] {
        fs::write(folder.join(name), text).unwrap();
        refused(folder, &["eval", "digits.bnn", "--data", name], words);
    }
    refused(
        folder,
        &["predict", "digits.bnn", "none.csv"],
        &["none.csv"],
    );
    fs::write(folder.join("no.png"), b"not a picture").unwrap();
    refused(folder, &["predict", "digits.bnn", "no.png"], &["no.png"]);
    refused(
        folder,
        &["eval", "digits.bnn", "--data", "nowhere"],
        &["nowhere"],
    );
}

#[test]
fn settings_that_cannot_be_are_refused_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (args, words) in [
        (&["train", "--data", "nowhere"][..], &["nowhere"][..]),
        (&["train", "--arch", "vgg"], &["--arch vgg"]),
        (&["train", "--arch", "mlp:0"], &["mlp:0"]),
        (
            &["train", "--arch", "mlp:65536,65536"],
            &["weights", "at most"],
        ),
        (&["train", "--epochs", "18446744073709551615"], &["epochs"]),
        (&["nonsense"], &["nonsense"]),
        (&["train", "--nonsense"], &["--nonsense"]),
        (&["train", "--epochs", "x"], &["--epochs", "x"]),
        (&["train", "--epochs", "0"], &["--epochs", "0"]),
        (&["train", "--threads", "0"], &["--threads", "0"]),
        (&["train", "--lr", "-1"], &["learning rate"]),
        (&["train", "--lr", "NaN"], &["learning rate"]),
        (&["train", "--batch", "5000"], &["--batch 5000", "1437"]),
        (&["train", "--out", "no/folder/m.bnn"], &["no/folder/m.bnn"]),
        (
            &["train", "--out", "a.bnn", "--report", "./a.bnn"],
            &["a.bnn", "two different outputs"],
        ),
        (
            &["train", "--out", "/dev/null"],
            &["/dev/null", "regular file"],
        ),
        (&["train", "--report", "."], &["regular file"]),
        (&["train", "--resume"], &["digits.checkpoint"]),
        (&["bench", "--shape", "1,2"], &["1,2"]),
        (&["bench", "--shape", "0,2,3"], &["0,2,3"]),
        (
            &["bench", "--shape", "9999999,9999999,9999999"],
            &["9999999x9999999x9999999", "at most"],
        ),
        (
            &["bench", "--shape", "1,1,1", "--shape", "1,2,x"],
            &["1,2,x"],
        ),
        (&["bench", "--conv", "1,2,3"], &["1,2,3", "5"]),
        (&["bench", "--conv", "3,3,0,1,1"], &["3,3,0,1,1"]),
        (
            &["bench", "--conv", "4096,4096,64,64,3"],
            &["3x3 64 to 64 on 4096x4096", "at most"],
        ),
        (&["bench", "--seconds", "NaN"], &["--seconds"]),
        (&["bench", "--seconds", "-1"], &["--seconds -1"]),
        (&["bench", "--model", "none.bnn"], &["none.bnn"]),
        (
            &["bench", "--model", "a.bnn", "--shape", "1,2,3"],
            &["--model", "--shape"],
        ),
        (&["bench", "--batch", "3"], &["--model"]),
        (&["bench", "--threads", "3"], &["--model"]),
        (
            &["bench", "--model", "a.bnn", "--batch", "0"],
            &["--batch 0", "65536"],
        ),
        (
            &["bench", "--model", "a.bnn", "--threads", "99999"],
            &["--threads 99999", "65536"],
        ),
    ] {
        refused(folder, args, words);
        assert!(
            files(folder).is_empty(),
            "{args:?} wrote {:?}",
            files(folder)
        );
    }
}

#[test]
fn folders_of_broken_idx_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("idx")).unwrap();
    refused(
        folder,
        &["train", "--data", "idx"],
        &["train-images-idx3-ubyte"],
    );
    for name in ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"] {
        fs::write(
            folder.join("idx").join(name),
            [0, 0, 8, 3, 255, 255, 255, 255],
        )
        .unwrap();
    }
    refused(folder, &["train", "--data", "idx"], &["idx"]);
}

#[test]
fn an_instruction_set_that_is_not_there_is_an_error_not_a_fallback() {
    let folder = tempfile::tempdir().unwrap();
    let output = super::bnn(folder.path(), &QUICK)
        .env("BNN_ISA", "avx3")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("avx3") && stderr.contains("portable"),
        "{stderr}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is_one_line() {
    use std::process::Stdio;

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &[&QUICK[..], &["--json"]].concat());
    for args in [
        &["info", "digits.bnn"][..],
        &["eval", "digits.bnn", "--json"],
    ] {
        let mut child = super::bnn(folder, args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}");

        let full = fs::File::create("/dev/full").unwrap();
        let output = super::bnn(folder, args).stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    let full = fs::File::create("/dev/full").unwrap();
    let untold = super::bnn(folder, &["info", "absent"])
        .stderr(full)
        .status()
        .unwrap();
    assert_eq!(untold.code(), Some(2));
}
