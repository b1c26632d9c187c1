//! `bnn train`, and what the other commands make of its file.

use std::fs;
use std::path::Path;

use super::{QUICK, files, json, stdout};

fn quick(more: &[&'static str]) -> Vec<&'static str> {
    QUICK.into_iter().chain(more.iter().copied()).collect()
}

#[test]
fn the_digits_are_learned_packed_and_equal_image_by_image() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let told = json(folder, &["train", "--json"]);
    // 20 seeds: 0.978 to 0.997, 0.986 on average.
    assert!(told["packed_accuracy"].as_f64().unwrap() >= 0.96, "{told}");
    assert_eq!(told["tape_accuracy"], told["packed_accuracy"]);
    assert_eq!(told["mismatches"], 0);
    assert_eq!(told["test_images"], 360);
    let size = fs::metadata(folder.join("digits.bnn")).unwrap().len();
    assert_eq!(told["model_bytes"].as_u64(), Some(size));
    assert!(told["f32_bytes"].as_u64().unwrap() > 25 * size);
    for speed in ["ns_per_image_bits", "ns_per_image_f32"] {
        assert!(told[speed].as_f64().unwrap() > 0.0, "{told}");
    }
    assert_eq!(
        files(folder),
        ["digits.bnn", "digits.checkpoint", "digits.html"]
    );

    let report = fs::read_to_string(folder.join("digits.html")).unwrap();
    assert!(report.contains("<svg") && report.contains("Confusion"));
    let own = report.replace("http://www.w3.org/2000/svg", ""); // a name, not an address
    for foreign in ["http:", "https:", "src=", "@import", "<script"] {
        assert!(!own.contains(foreign), "the report needs {foreign}");
    }

    let evaluated = json(folder, &["eval", "digits.bnn", "--json"]);
    assert_eq!(evaluated["accuracy"], told["packed_accuracy"]);
}

#[test]
fn integer_scores_are_learned_and_every_command_takes_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let command = ["train", "--scores", "integer", "--epochs", "15", "--json"];
    let told = json(folder, &command);
    // 20 seeds: 0.967 to 0.986, 0.975 on average.
    assert!(told["packed_accuracy"].as_f64().unwrap() >= 0.95, "{told}");
    assert_eq!(told["tape_accuracy"], told["packed_accuracy"]);
    assert_eq!(told["mismatches"], 0);
    assert_eq!(
        json(folder, &["info", "digits.bnn", "--json"])["output_type"],
        "i32"
    );
    let evaluated = json(folder, &["eval", "digits.bnn", "--json"]);
    assert_eq!(evaluated["accuracy"], told["packed_accuracy"]);

    let vectors = ["test-vectors", "digits.bnn", "--data", "digits"];
    json(folder, &[&vectors[..], &["--json"]].concat());
    let sums = bytes(folder, "digits.outputs");
    let sums: Vec<i32> = sums
        .as_chunks()
        .0
        .iter()
        .map(|b| i32::from_le_bytes(*b))
        .collect();
    assert_eq!(sums.len(), 100 * 10);
    // Sums of 512 signs.
    assert!(sums.iter().all(|sum| sum.abs() <= 512 && sum % 2 == 0));

    let row: Vec<String> = bytes(folder, "digits.inputs")[..64]
        .iter()
        .map(u8::to_string)
        .collect();
    fs::write(folder.join("row.csv"), row.join(",")).unwrap();
    let predicted = json(folder, &["predict", "digits.bnn", "row.csv", "--json"]);
    let scores: Vec<i32> = serde_json::from_value::<Vec<f64>>(predicted["scores"].clone())
        .unwrap()
        .iter()
        .map(|&score| score as i32)
        .collect();
    assert_eq!(scores, sums[..10]);
    stdout(folder, &["export", "digits.bnn", "--to", "c"]);
    let header = fs::read_to_string(folder.join("digits.h")).unwrap();
    assert!(
        header.contains("int32_t y[DIGITS_OUTPUT_LENGTH]"),
        "{header}"
    );

    // A run with other scores does not go on from this one's checkpoint.
    super::refused(
        folder,
        &["train", "--epochs", "15", "--resume"],
        &["digits.checkpoint", "scores", "integer", "real"],
    );
}

#[test]
fn a_network_on_bits_is_learned_and_every_command_takes_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let train = ["train", "--input", "bits", "--epochs", "15", "--json"];
    let told = json(folder, &train);
    // 20 seeds: 0.933 to 0.956, 0.944 on average.
    assert!(told["packed_accuracy"].as_f64().unwrap() >= 0.9, "{told}");
    assert_eq!(told["tape_accuracy"], told["packed_accuracy"]);
    assert_eq!(told["mismatches"], 0);
    assert_eq!(told["input"], "bits");
    let report = fs::read_to_string(folder.join("digits.html")).unwrap();
    assert!(report.contains("--input bits"), "no command in the report");
    let model = bytes(folder, "digits.bnn");
    assert_eq!(
        json(folder, &[&train[..], &["--resume"]].concat())["mismatches"],
        0
    );
    assert!(bytes(folder, "digits.bnn") == model);

    let info = json(folder, &["info", "digits.bnn", "--json"]);
    assert_eq!(info["input_type"], "u8, made bits by thresholds");
    assert_eq!(info["meta"]["max"], "16");
    let evaluated = json(folder, &["eval", "digits.bnn", "--json"]);
    assert_eq!(evaluated["accuracy"], told["packed_accuracy"]);
    json(
        folder,
        &["test-vectors", "digits.bnn", "--data", "digits", "--json"],
    );
    let pixels = bytes(folder, "digits.inputs");
    let expected: Vec<f64> = bytes(folder, "digits.outputs")
        .as_chunks()
        .0
        .iter()
        .map(|b| f64::from(f32::from_le_bytes(*b)))
        .collect();
    let row: Vec<String> = pixels[..64].iter().map(u8::to_string).collect();
    fs::write(folder.join("row.csv"), row.join(",")).unwrap();
    let predicted = json(folder, &["predict", "digits.bnn", "row.csv", "--json"]);
    let scores: Vec<f64> = serde_json::from_value(predicted["scores"].clone()).unwrap();
    assert_eq!(scores, expected[..10]);
    // Random bytes.
    json(folder, &["test-vectors", "digits.bnn", "--json", "--force"]);
    assert!(
        bytes(folder, "digits.inputs")
            .iter()
            .all(|&byte| byte <= 16)
    );
    stdout(folder, &["export", "digits.bnn", "--to", "c"]);
    let header = fs::read_to_string(folder.join("digits.h")).unwrap();
    assert!(
        header.contains("uint8_t x[DIGITS_INPUT_LENGTH]"),
        "{header}"
    );
    stdout(folder, &["export", "digits.bnn", "--to", "rust"]);

    // Networks on bytes and on bits do not go on from each other's checkpoints.
    super::refused(
        folder,
        &["train", "--epochs", "15", "--resume"],
        &["digits.checkpoint", "input", "bits", "bytes"],
    );
}

#[test]
fn the_table_says_what_a_person_wants() {
    let folder = tempfile::tempdir().unwrap();
    let table = stdout(folder.path(), &quick(&[]));
    for word in [
        "accuracy on the tape",
        "accuracy on bits",
        "equal, image by image",
        "parameters",
        "digits.bnn",
        "the same in f32",
        "time per image",
        "kernel",
        "threads",
        "digits.html",
    ] {
        assert!(table.contains(word), "no {word:?} in {table}");
    }
}

#[test]
fn info_shows_the_layers_and_the_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &quick(&["--json"]));
    let told = json(folder, &["info", "digits.bnn", "--json"]);
    assert_eq!(told["inputs"], 64);
    assert_eq!(told["input_type"], "u5");
    assert_eq!(told["layers"].as_array().unwrap().len(), 2);
    assert_eq!(told["layers"][0]["outputs"], 40);
    assert_eq!(told["scratch_bytes"].as_u64().unwrap() % 8, 0);
    let table = stdout(folder, &["info", "digits.bnn"]);
    assert!(
        table.contains(told["checksum"].as_str().unwrap()),
        "{table}"
    );
}

/// A file of the run, by name.
fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_file_for_any_number_of_threads_and_kernel() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(
        folder,
        &quick(&["--json", "--threads", "1", "--out", "a.bnn"]),
    );
    json(
        folder,
        &quick(&["--json", "--threads", "3", "--out", "b.bnn"]),
    );
    let portable = super::bnn(folder, &quick(&["--out", "c.bnn"]))
        .env("BNN_ISA", "portable")
        .output();
    assert!(portable.unwrap().status.success());
    assert_eq!(bytes(folder, "a.bnn"), bytes(folder, "b.bnn"));
    assert_eq!(bytes(folder, "a.bnn"), bytes(folder, "c.bnn"));
    json(folder, &quick(&["--json", "--seed", "2", "--out", "d.bnn"]));
    assert_ne!(bytes(folder, "a.bnn"), bytes(folder, "d.bnn"));
}

#[test]
fn predictions_of_rows_and_of_an_image_agree_with_eval() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &["train", "--epochs", "15", "--json"]);
    let test = bnn_autograd::data::digits().unwrap().test;
    let rows: String = (0..test.samples())
        .map(|i| {
            let row: Vec<String> = test.image(i).unwrap().iter().map(u8::to_string).collect();
            format!("{},{}\n", row.join(","), test.labels()[i])
        })
        .collect();
    fs::write(folder.join("test.csv"), rows).unwrap();

    let told = json(
        folder,
        &["eval", "digits.bnn", "--data", "test.csv", "--json"],
    );
    let own = json(folder, &["eval", "digits.bnn", "--json"]);
    for fact in [
        "samples",
        "correct",
        "accuracy",
        "top_accuracy",
        "recall",
        "confusion",
    ] {
        assert_eq!(told[fact], own[fact], "{fact}");
    }
    let predicted = stdout(folder, &["predict", "digits.bnn", "test.csv"]);
    let predicted: Vec<u16> = predicted.lines().map(|l| l.parse().unwrap()).collect();
    let right = predicted
        .iter()
        .zip(test.labels())
        .filter(|(p, l)| p == l)
        .count();
    assert_eq!(told["correct"].as_u64(), Some(right as u64));

    // An image file, 16 levels of ink as 0 to 255, gives the class that the row gives.
    let grey = |p: &u8| (u32::from(*p) * 255 / 16) as u8;
    let pixels = test.image(0).unwrap().iter().map(grey).collect();
    let picture = image::GrayImage::from_raw(8, 8, pixels).unwrap();
    picture.save(folder.join("first.png")).unwrap();
    let class = stdout(folder, &["predict", "digits.bnn", "first.png"]);
    assert_eq!(class.trim(), predicted[0].to_string());
    let told = json(folder, &["predict", "digits.bnn", "first.png", "--json"]);
    assert_eq!(told["class"].as_u64(), Some(predicted[0].into()));
    assert_eq!(told["scores"].as_array().unwrap().len(), 10);
    // Dark ink on light paper, ten times as large.
    let mut paper = image::imageops::resize(&picture, 80, 80, image::imageops::FilterType::Nearest);
    image::imageops::invert(&mut paper);
    paper.save(folder.join("paper.png")).unwrap();
    let class = stdout(folder, &["predict", "digits.bnn", "paper.png", "--invert"]);
    assert_eq!(class.trim(), predicted[0].to_string());
}

#[test]
fn help_teaches() {
    let folder = tempfile::tempdir().unwrap();
    for (args, word) in [
        (&["--help"][..], "predict"),
        (&["train", "--help"], "--resume"),
        (&["eval", "--help"], "digits"),
        (&["predict", "--help"], "--invert"),
        (&["info", "--help"], "checksum"),
        (&["bench", "--help"], "f32"),
    ] {
        assert!(stdout(folder.path(), args).contains(word), "{args:?}");
    }
    let bare = super::run(folder.path(), &[]);
    assert_eq!(bare.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&bare.stderr).contains("Usage"));
    let version = stdout(folder.path(), &["--version"]);
    assert_eq!(version.trim(), format!("bnn {}", env!("CARGO_PKG_VERSION")));
}
