//! `bnn train` with other networks than an MLP, other optimizers, a teacher, varied images.

use std::fs;

use super::{files, json, refused, stdout};

/// A small network of convolutions, trained for a moment.
const CNN: [&str; 8] = [
    "train",
    "--arch",
    "cnn:width=8,stages=2,hidden=32",
    "--epochs",
    "12",
    "--batch",
    "32",
    "--json",
];

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    base.iter().chain(more).copied().collect()
}

#[test]
fn a_network_of_convolutions_is_learned_and_its_file_is_equal() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let varied = with(&CNN, &["--augment", "zoom=0.1", "--label-smoothing", "0.1"]);
    let told = json(folder, &varied);
    // 20 seeds, five of them on each of three instruction sets: 0.719 to 0.833, 0.80 on average.
    assert!(told["packed_accuracy"].as_f64().unwrap() >= 0.6, "{told}");
    assert_eq!(told["mismatches"], 0);
    assert_eq!(told["augmentation"], "zoom=0.1");
    assert_eq!(told["label_smoothing"], "0.1");
    assert_eq!(told["arch"], "cnn:width=8,stages=2,hidden=32");
    assert!(told["ns_per_image_f32"].is_null(), "{told}");
    let evaluated = json(folder, &["eval", "digits.bnn", "--json"]);
    assert_eq!(evaluated["accuracy"], told["packed_accuracy"]);
    let report = fs::read_to_string(folder.join("digits.html")).unwrap();
    for word in ["--augment zoom=0.1", "--label-smoothing 0.1", "cnn:width=8"] {
        assert!(report.contains(word), "no {word} in the report");
    }
    // The settings belong to the run.
    refused(
        folder,
        &with(
            &CNN,
            &[
                "--augment",
                "crop=2",
                "--label-smoothing",
                "0.1",
                "--resume",
            ],
        ),
        &["digits.checkpoint", "zoom=0.1", "crop=2"],
    );
    let again = with(&varied, &["--resume"]);
    assert_eq!(json(folder, &again)["mismatches"], 0);
}

#[test]
fn residual_networks_are_learned() {
    for (arch, fixed, scores) in [
        ("resnet", "", "real"),
        ("reactnet", "", "real"),
        ("quicknet", ",stem=1", "real"),
        ("resnet", ",fixed=8", "real"),
        ("resnet", ",fixed=8,stem=2", "integer"),
        ("reactnet", ",fixed=8", "real"),
        ("reactnet", ",first=4,fixed=8,int8=1", "integer"),
        ("resnet", ",separable,fixed=8,int8=8", "integer"),
        ("quicknet", ",fixed=9", "integer"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let arch = format!("{arch}:width=8,blocks=1,stages=2{fixed}");
        let train = ["train", "--arch", &arch, "--epochs", "8", "--batch", "32"];
        let train = with(&train, &["--scores", scores]);
        let told = json(folder, &with(&train, &["--json"]));
        // 20 seeds of each, five of them on each of three instruction sets: 0.797 to 0.925, 0.84 on
        // average of ReActNet, 0.86 of QuickNet, 0.88 of the others.
        assert!(told["packed_accuracy"].as_f64().unwrap() >= 0.7, "{told}");
        assert_eq!(told["mismatches"], 0);
        let names = ["digits.bnn", "digits.checkpoint", "digits.html"];
        assert_eq!(files(folder), names);
        let evaluated = json(folder, &["eval", "digits.bnn", "--json"]);
        assert_eq!(evaluated["accuracy"], told["packed_accuracy"]);
        let info = stdout(folder, &["info", "digits.bnn"]);
        assert_eq!(info.contains("i32 * 2^-12"), scores == "integer", "{info}");
        let model = fs::read(folder.join("digits.bnn")).unwrap();
        json(folder, &with(&train, &["--resume", "--json"]));
        assert_eq!(model, fs::read(folder.join("digits.bnn")).unwrap());
    }
}

#[test]
fn a_network_learns_from_a_teacher() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &with(&CNN, &["--out", "large.bnn"]));
    let small = ["train", "--arch", "mlp:30", "--epochs", "4", "--json"];
    let teacher = ["--teacher", "large.checkpoint", "--teacher-share", "0.5"];
    let taught = with(&small, &teacher);
    let told = json(folder, &taught);
    assert!(told["teacher"].as_str().unwrap().contains("50 %"), "{told}");
    let model = fs::read(folder.join("digits.bnn")).unwrap();
    json(folder, &with(&small, &["--out", "alone.bnn"]));
    assert_ne!(model, fs::read(folder.join("alone.bnn")).unwrap());
    json(folder, &with(&taught, &["--out", "again.bnn"]));
    assert_eq!(model, fs::read(folder.join("again.bnn")).unwrap());

    refused(folder, &with(&small, &["--resume"]), &["teacher"]);
    let missing = with(&small, &["--teacher", "none.checkpoint"]);
    refused(folder, &missing, &["none.checkpoint"]);
    let no_checkpoint = with(&small, &["--teacher", "alone.bnn"]);
    refused(folder, &no_checkpoint, &["--teacher", "alone.bnn"]);
    let would_replace = with(
        &small,
        &[
            "--teacher",
            "large.checkpoint",
            "--checkpoint",
            "large.checkpoint",
        ],
    );
    refused(folder, &would_replace, &["large.checkpoint", "replace"]);
    // The digits again, twice as bright.
    let pixels = bnn_autograd::data::digits().unwrap().train;
    let mut table = String::new();
    for i in 0..200 {
        let image = pixels.image(i).unwrap().iter();
        let image: Vec<String> = image.map(|x| (x * 2).to_string()).collect();
        table += &format!("{},{}\n", image.join(","), pixels.labels()[i]);
    }
    fs::write(folder.join("bright.csv"), table).unwrap();
    let brighter = [
        "train",
        "--data",
        "bright.csv",
        "--epochs",
        "1",
        "--out",
        "b.bnn",
    ];
    refused(
        folder,
        &with(&brighter, &teacher),
        &["large.checkpoint", "8x8x1 up to 16"],
    );
    let share = with(&taught, &["--teacher-share", "1.5", "--out", "x.bnn"]);
    assert_eq!(super::run(folder, &share).status.code(), Some(2));
}

#[test]
fn the_best_epoch_is_kept_by_held_out_samples_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let train = [
        "train", "--arch", "mlp:20", "--epochs", "6", "--keep", "best", "--json",
    ];
    refused(folder, &train, &["--keep best", "--validation"]);
    let valid = with(&train, &["--validation", "0.2"]);
    let told = json(folder, &valid);
    let epoch = told["epoch_kept"].as_u64().unwrap();
    assert!((1..=6).contains(&epoch));
    assert_eq!(told["mismatches"], 0);
    let names = [
        "digits.best.checkpoint",
        "digits.bnn",
        "digits.checkpoint",
        "digits.html",
    ];
    assert_eq!(files(folder), names);
    let model = fs::read(folder.join("digits.bnn")).unwrap();
    let again = json(folder, &with(&valid, &["--resume"]));
    assert_eq!(again["epoch_kept"].as_u64(), Some(epoch));
    assert_eq!(model, fs::read(folder.join("digits.bnn")).unwrap());
    // Its weights are those of the file.
    let begun = [
        "train",
        "--arch",
        "mlp:20",
        "--init",
        "digits.best.checkpoint",
    ];
    json(
        folder,
        &with(&begun, &["--epochs", "1", "--out", "more.bnn", "--json"]),
    );
}

#[test]
fn the_best_epoch_of_another_run_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let train = |seed: &str, more: &[&str]| -> Vec<String> {
        let out = format!("{seed}.bnn");
        let args = [
            "train",
            "--arch",
            "mlp:16",
            "--epochs",
            "8",
            "--keep",
            "best",
            "--validation",
            "0.1",
            "--json",
            "--seed",
            seed,
            "--out",
            &out,
        ];
        with(&args, more)
            .iter()
            .map(|&arg| arg.to_owned())
            .collect()
    };
    let run = |args: &[String]| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        json(folder, &args)
    };
    // The best of a run is read where it is not the last.
    let seeds = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let early = |seed: &&str| run(&train(seed, &[]))["epoch_kept"].as_u64().unwrap() < 8;
    let found: Vec<&str> = seeds.into_iter().filter(early).take(2).collect();
    let [one, other] = found[..] else {
        panic!("the last epoch is the best of all seeds");
    };
    let best = |seed: &str| folder.join(format!("{seed}.best.checkpoint"));
    fs::copy(best(other), best(one)).unwrap();
    let resumed = train(one, &["--resume"]);
    let resumed: Vec<&str> = resumed.iter().map(String::as_str).collect();
    refused(
        folder,
        &resumed,
        &[".best.checkpoint", "not the network of this run's epoch"],
    );
}

#[test]
fn every_optimizer_trains_and_is_a_setting_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (optimizer, least) in [
        // 20 seeds of each, five of them on each of three instruction sets: at least 0.872, 0.881,
        // 0.872, 0.939 and 0.925.
        ("adam", 0.8),
        ("adamw", 0.8),
        ("sgd", 0.8),
        ("bop", 0.8),
        ("diode-mix", 0.8),
    ] {
        let train = ["train", "--arch", "mlp:60", "--epochs", "8", "--json"];
        let out = format!("{optimizer}.bnn");
        let told = json(
            folder,
            &with(&train, &["--optimizer", optimizer, "--out", &out]),
        );
        assert_eq!(told["optimizer"], optimizer);
        assert!(told["packed_accuracy"].as_f64().unwrap() >= least, "{told}");
    }
    let other = [
        "train", "--arch", "mlp:60", "--epochs", "8", "--out", "adam.bnn", "--resume",
    ];
    refused(
        folder,
        &with(&other, &["--optimizer", "adamw"]),
        &["optimizer", "adamw"],
    );
}

#[test]
fn options_that_do_not_fit_a_network_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (args, words) in [
        (&["--arch", "lenet"][..], &["--arch lenet", "reactnet"][..]),
        (
            &["--arch", "cnn", "--input", "bits"],
            &["--input bits", "mlp"],
        ),
        (
            &["--arch", "cnn", "--scores", "integer"],
            &["--scores integer", "mlp"],
        ),
        (
            &["--arch", "resnet", "--scores", "integer"],
            &["--scores integer", "resnet", "fixed="],
        ),
        (&["--arch", "cnn:stages=9"], &["digits"]),
        (&["--augment", "crop=8", "--epochs", "1"], &["8"]),
    ] {
        let output = super::run(folder, &with(&["train"], args));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        for word in words.iter().filter(|word| **word != "digits") {
            assert!(stderr.contains(word), "{args:?}: no {word} in {stderr}");
        }
    }
    assert_eq!(files(folder), [""; 0]);
}

#[test]
fn a_network_that_is_computed_again_in_the_reverse_pass_becomes_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let arch = "reactnet:width=8,blocks=1,stages=2";
    let recomputed = format!("{arch},recompute=3");
    let train = |arch: &str, more: &[&str]| {
        let run = ["train", "--arch", arch, "--batch", "64", "--json"];
        json(folder, &with(&run, more))
    };
    let plain = train(arch, &["--epochs", "2", "--out", "plain.bnn"]);
    // Begun with less memory, and gone on with as much as it takes.
    let less = train(&recomputed, &["--epochs", "1", "--out", "again.bnn"]);
    train(arch, &["--epochs", "2", "--out", "again.bnn", "--resume"]);
    let whole = train(&recomputed, &["--epochs", "2", "--out", "whole.bnn"]);
    let bytes = |name: &str| fs::read(folder.join(name)).unwrap();
    assert_eq!(bytes("whole.bnn"), bytes("plain.bnn"));
    let saved = |told: &serde_json::Value| told["saved_bytes_per_step"].as_u64().unwrap();
    assert!(saved(&less) < saved(&plain), "{less} {plain}");
    assert_eq!(saved(&less), saved(&whole));
}

#[test]
fn a_network_of_series_slides() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // The digits as series of eight steps, of which three convolutions leave two.
    let arch = "resnet:width=4,stages=1,slides,fixed=8";
    let run = ["train", "--arch", arch, "--epochs", "1", "--json"];
    let told = json(folder, &with(&run, &["--out", "net.bnn"]));
    assert_eq!(
        told["arch"],
        "resnet:width=4,blocks=1,stages=1,slides,fixed=8"
    );
    let stream = &json(folder, &["info", "net.bnn", "--json"])["stream"];
    assert_eq!(stream["slides"], true);
    assert_eq!(stream["rows_per_result"], 1);
    assert!(stream["bytes"].as_u64().unwrap() > 0);
    let text = super::run(folder, &["info", "net.bnn"]).stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("slides: a result after 8 rows, then after each row"),
        "{text}"
    );
    // Ten convolutions would leave none.
    let few = ["train", "--arch", "resnet:blocks=5,stages=1,slides"];
    let output = super::run(folder, &few);
    assert!(!output.status.success());
    let refused = String::from_utf8(output.stderr).unwrap();
    assert!(refused.contains("rows of the images"), "{refused}");
}
