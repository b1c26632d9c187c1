//! Going on from a checkpoint with more epochs or with moved data, and beginning with given
//! weights.

use std::fs;

use super::outputs::write_idx;
use super::{json, refused};

const TRAIN: [&str; 4] = ["train", "--arch", "mlp:40", "--json"];

#[test]
fn a_run_goes_on_for_more_epochs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let train = |more: &[&str]| json(folder, &[&TRAIN[..], more].concat());
    train(&["--epochs", "2"]);
    let two = fs::read(folder.join("digits.bnn")).unwrap();
    let told = train(&["--epochs", "5", "--resume"]);
    assert_eq!(
        (&told["epochs"], &told["mismatches"]),
        (&5.into(), &0.into())
    );
    let five = fs::read(folder.join("digits.bnn")).unwrap();
    assert!(two != five);
    assert_eq!(
        json(folder, &["info", "digits.bnn", "--json"])["meta"]["epochs"],
        "5"
    );
    // Nothing is left to do: the same file.
    train(&["--epochs", "5", "--resume"]);
    assert!(fs::read(folder.join("digits.bnn")).unwrap() == five);
    // A run cannot become shorter, nor go on with another setting.
    for (other, word) in [
        (["--epochs", "4"], "epochs"),
        (["--lr", "0.1"], "lr"),
        (["--seed", "2"], "seed"),
    ] {
        let args = [&TRAIN[..], &["--epochs", "5", "--resume"], &other].concat();
        let args = match word {
            "epochs" => [&TRAIN[..], &["--resume"], &other].concat(),
            _ => args,
        };
        refused(folder, &args, &["digits.checkpoint", word]);
    }
    assert!(fs::read(folder.join("digits.bnn")).unwrap() == five);
}

#[test]
fn data_may_move_between_two_parts_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_idx(&folder.join("d"));
    let train = |data: &str, more: &[&str]| {
        let args = [
            "train", "--data", data, "--arch", "mlp:8", "--out", "m.bnn", "--json",
        ];
        [&args[..], more]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let run = |args: Vec<String>| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        json(folder, &args)
    };
    run(train("d", &["--epochs", "2"]));
    run(train("./d", &["--epochs", "2", "--resume"]));
    fs::rename(folder.join("d"), folder.join("moved")).unwrap();
    let told = run(train("moved", &["--epochs", "3", "--resume"]));
    assert_eq!(told["epochs"], 3);
    // Other content under the same name is other data.
    let images = folder.join("moved/train-images-idx3-ubyte");
    let mut bytes = fs::read(&images).unwrap();
    bytes[16] ^= 1;
    fs::write(&images, bytes).unwrap();
    let args = train("moved", &["--epochs", "3", "--resume"]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    refused(folder, &args, &["m.checkpoint", "checksum of the data"]);
}

#[test]
fn a_run_begins_with_the_weights_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let train = |more: &[&str]| json(folder, &[&TRAIN[..], more].concat());
    let accuracy = |told: &serde_json::Value| told["packed_accuracy"].as_f64().unwrap();
    let first = accuracy(&train(&["--epochs", "12", "--out", "first.bnn"]));
    // 20 seeds: 0.894 to 0.936.
    assert!(first > 0.85, "{first}");
    // At a learning rate of next to nothing one epoch keeps what there is, and learns nothing from
    // random weights.
    let little = ["--epochs", "1", "--lr", "1e-9", "--seed", "7"];
    let kept = train(
        &[
            &little[..],
            &["--out", "kept.bnn", "--init", "first.checkpoint"],
        ]
        .concat(),
    );
    assert_eq!(kept["mismatches"], 0);
    assert!(accuracy(&kept) > first - 0.05, "{kept} {first}");
    let random = train(&[&little[..], &["--out", "random.bnn"]].concat());
    assert!(accuracy(&random) < first - 0.2, "{random} {first}");
    // What a run began with is one of its settings.
    let other = [&TRAIN[..], &little[..], &["--out", "kept.bnn"]].concat();
    refused(folder, &other, &["kept.bnn", "--force"]);

    let before = fs::read(folder.join("first.checkpoint")).unwrap();
    fs::write(folder.join("noise"), [7; 100]).unwrap();
    for (args, words) in [
        (&["--init", "absent"][..], &["absent"][..]),
        (&["--init", "noise"], &["noise"]),
        (
            &["--init", "/dev/zero"],
            &["/dev/zero", "not a regular file"],
        ),
        (&["--init", "first.bnn"], &["first.bnn"]),
        (&["--init", "first.checkpoint", "--arch", "mlp:41"], &[]),
        (
            &[
                "--init",
                "first.checkpoint",
                "--checkpoint",
                "first.checkpoint",
                "--force",
            ],
            &["first.checkpoint", "would replace"],
        ),
    ] {
        let args: Vec<&str> = match args {
            [.., "--arch", _] => [&["train", "--out", "x.bnn"], args].concat(),
            _ => [&TRAIN[..], &["--out", "x.bnn"], args].concat(),
        };
        refused(folder, &args, words);
    }
    assert!(fs::read(folder.join("first.checkpoint")).unwrap() == before);
    assert!(!folder.join("x.bnn").exists());
}
