//! What people bring: the same samples as IDX, as images, as tables and as arrays give the same
//! scores, and every kind of data is trained on.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use super::{bnn, json, refused, run, stdout};

/// An IDX file of unsigned bytes.
fn idx(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let header = [&[0x0800 + sizes.len() as u32], sizes].concat();
    let header = header.into_iter().flat_map(u32::to_be_bytes);
    header.chain(bytes.iter().copied()).collect()
}

/// A little noise, the same in every run.
fn noise(seed: usize) -> u8 {
    ((seed as u32).wrapping_mul(2_654_435_761) >> 28) as u8 // below 16
}

/// 4 x 4 images of two classes, dark or light on the left, none of whose pixels is above 60.
fn dim_images(samples: usize, seed: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
    let label = |i: usize| (i % 2) as u8;
    let image = |i: usize| {
        let light = |x: usize| (x < 2) == (label(i) == 0);
        let pixel = |at: usize| noise(seed + i * 16 + at) + if light(at % 4) { 45 } else { 0 };
        (0..16).map(pixel).collect()
    };
    (
        (0..samples).map(image).collect(),
        (0..samples).map(label).collect(),
    )
}

/// Writes `set`, IDX files of dim images; returns the test images and labels.
fn write_dim_set(folder: &Path) -> (Vec<Vec<u8>>, Vec<u8>) {
    fs::create_dir(folder.join("set")).unwrap();
    let write =
        |name: &str, bytes: Vec<u8>| fs::write(folder.join("set").join(name), bytes).unwrap();
    let mut test = None;
    for (part, samples) in [("train", 80), ("t10k", 20)] {
        let (images, labels) = dim_images(samples, samples);
        let count = samples as u32;
        write(
            &format!("{part}-images-idx3-ubyte"),
            idx(&[count, 4, 4], &images.concat()),
        );
        write(&format!("{part}-labels-idx1-ubyte"), idx(&[count], &labels));
        test = Some((images, labels));
    }
    test.unwrap()
}

fn row(values: &[u8]) -> String {
    let numbers: Vec<String> = values.iter().map(u8::to_string).collect();
    numbers.join(",")
}

/// The scores of each sample that `bnn predict` tells.
fn scores(folder: &Path, input: &str) -> Vec<Value> {
    let told = stdout(folder, &["predict", "m.bnn", input, "--json"]);
    let lines = told
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| line["scores"].clone()).collect()
}

const TRAIN: [&str; 11] = [
    "train", "--arch", "mlp:24", "--epochs", "20", "--batch", "16", "--out", "m.bnn", "--json",
    "--data",
];

fn train(folder: &Path, data: &str, more: &[&str]) -> Value {
    json(folder, &[&TRAIN[..], &[data], more].concat())
}

#[test]
fn dim_images_give_the_same_scores_as_idx_as_pictures_as_a_table_and_as_an_array() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let (images, labels) = write_dim_set(folder);
    let told = train(folder, "set", &[]);
    assert_eq!(told["mismatches"], 0);
    // The range is that of a byte, and not that of these pixels, of which none is above 60.
    let info = json(folder, &["info", "m.bnn", "--json"]);
    assert_eq!(info["meta"]["max"], "255");

    let of_idx = scores(folder, "set/t10k-images-idx3-ubyte");
    assert_eq!(of_idx.len(), 20);
    let rows: String = images.iter().map(|image| row(image) + "\n").collect();
    fs::write(folder.join("rows.csv"), rows).unwrap();
    assert_eq!(scores(folder, "rows.csv"), of_idx);
    let labelled: String = images
        .iter()
        .zip(&labels)
        .map(|(image, label)| format!("{},{label}\n", row(image)))
        .collect();
    fs::write(folder.join("labelled.csv"), labelled).unwrap();
    assert_eq!(scores(folder, "labelled.csv"), of_idx);
    for (i, image) in images.iter().enumerate() {
        let picture = image::GrayImage::from_raw(4, 4, image.clone()).unwrap();
        picture.save(folder.join("one.png")).unwrap();
        assert_eq!(scores(folder, "one.png"), of_idx[i..=i]);
    }
    let header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (20, 4, 4), }\n";
    let length = (header.len() as u16).to_le_bytes();
    let array = [
        b"\x93NUMPY\x01\0",
        &length[..],
        &header[..],
        &images.concat(),
    ]
    .concat();
    fs::write(folder.join("x.npy"), array).unwrap();
    assert_eq!(scores(folder, "x.npy"), of_idx);

    // Brighter pixels than any in the set are taken as they are.
    fs::write(folder.join("bright.csv"), row(&[255; 16])).unwrap();
    let picture = image::GrayImage::from_raw(4, 4, vec![255; 16]).unwrap();
    picture.save(folder.join("bright.png")).unwrap();
    assert_eq!(scores(folder, "bright.csv"), scores(folder, "bright.png"));

    // What `eval` counts is what the labels say of these scores, from any of the files.
    let told = json(folder, &["eval", "m.bnn", "--json"]);
    let of_table = json(
        folder,
        &["eval", "m.bnn", "--data", "labelled.csv", "--json"],
    );
    for fact in ["samples", "correct", "accuracy", "recall", "confusion"] {
        assert_eq!(told[fact], of_table[fact], "{fact}");
    }
}

#[test]
fn digits_keep_their_own_range_in_every_command() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    train(folder, "digits", &[]);
    assert_eq!(
        json(folder, &["info", "m.bnn", "--json"])["meta"]["max"],
        "16"
    );
    let image = bnn_autograd::data::digits()
        .unwrap()
        .test
        .image(0)
        .unwrap()
        .to_vec();
    fs::write(folder.join("row.csv"), row(&image)).unwrap();
    let bytes: Vec<u8> = image
        .iter()
        .map(|&x| (f64::from(x) * 255.0 / 16.0).round() as u8)
        .collect();
    fs::write(folder.join("image"), idx(&[1, 8, 8], &bytes)).unwrap();
    let picture = image::GrayImage::from_raw(8, 8, bytes).unwrap();
    picture.save(folder.join("image.png")).unwrap();
    let expected = scores(folder, "row.csv");
    assert_eq!(scores(folder, "image.png"), expected);
    assert_eq!(scores(folder, "image"), expected);
    refused(folder, &["predict", "m.bnn", "x.csv"], &["x.csv"]);
    fs::write(folder.join("x.csv"), row(&[17; 64])).unwrap();
    refused(
        folder,
        &["predict", "m.bnn", "x.csv"],
        &["x.csv", "\"17\"", "from 0 to 16"],
    );
}

/// A table of real numbers, two kinds by name, under a header, with semicolons.
fn flowers(rows: usize) -> String {
    let row = |i: usize| {
        let kind = ["rose; red", "driver's license"][i % 2];
        // Either number tells the kinds apart, so that sums of both do.
        let petal = (i % 2) as f64 * 2.0 + f64::from(noise(i)) / 20.0;
        let sepal = f64::from(noise(i + 7777)) - 3.5 - 20.0 * (i % 2) as f64;
        format!("{petal};\"{kind}\";{sepal}\r\n")
    };
    let rows = (0..rows).map(row).collect::<String>();
    format!("\u{feff}petal;kind;sepal\r\n{rows}")
}

#[test]
fn a_table_is_trained_on_and_its_model_takes_rows_like_its_own() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let text = flowers(100);
    fs::write(folder.join("flowers.csv"), &text).unwrap();
    refused(
        folder,
        &["train", "--data", "flowers.csv", "--label", "kind"],
        &["flowers.csv", "line 2, column 3", "--scale"],
    );
    refused(
        folder,
        &["train", "--data", "flowers.csv", "--label", "colour"],
        &["\"colour\"", "\"petal\"", "\"kind\""],
    );
    // At such a rate, because a hundred steps at the usual one turn few weights.
    let told = train(
        folder,
        "flowers.csv",
        &["--label", "kind", "--scale", "--lr", "0.03"],
    );
    assert_eq!(
        (&told["mismatches"], &told["test_images"]),
        (&0.into(), &20.into())
    );
    // 1 with each of 40 seeds, half of them on each of two instruction sets.
    assert!(told["packed_accuracy"].as_f64().unwrap() > 0.9, "{told}");
    let evaluated = json(folder, &["eval", "m.bnn", "--json"]);
    assert_eq!(evaluated["accuracy"], told["packed_accuracy"]);

    // The same rows with their label; without it; compressed; from a pipe.
    let labelled = scores(folder, "flowers.csv");
    assert_eq!(labelled.len(), 100);
    let bare: String = text
        .lines()
        .map(|line| {
            let (petal, rest) = line.split_once(';').unwrap();
            format!("{petal};{}\n", rest.rsplit_once(';').unwrap().1)
        })
        .collect();
    fs::write(folder.join("bare.txt"), &bare).unwrap();
    assert_eq!(scores(folder, "bare.txt"), labelled);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    fs::write(folder.join("flowers.csv.gz"), gzip.finish().unwrap()).unwrap();
    assert_eq!(scores(folder, "flowers.csv.gz"), labelled);
    let mut child = bnn(folder, &["predict", "m.bnn", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let names = String::from_utf8(output.stdout).unwrap();
    assert_eq!(names, stdout(folder, &["predict", "m.bnn", "flowers.csv"]));

    // Class names come out as they went in.
    assert!(
        names
            .lines()
            .all(|name| ["rose; red", "driver's license"].contains(&name)),
        "{names}"
    );
    let told = stdout(folder, &["predict", "m.bnn", "flowers.csv", "--json"]);
    let first: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
    assert!(["rose; red", "driver's license"].contains(&first["name"].as_str().unwrap()));

    // A picture is no row.
    let picture = image::GrayImage::from_raw(2, 1, vec![1, 2]).unwrap();
    picture.save(folder.join("two.png")).unwrap();
    refused(
        folder,
        &["predict", "m.bnn", "two.png"],
        &["two.png", "2 inputs", "table"],
    );
}

#[test]
fn inputs_that_are_nothing_known_say_what_was_seen_and_what_would_be_taken() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    write_dim_set(folder);
    train(folder, "set", &[]);
    for (name, bytes, words) in [
        (
            "x.bin",
            &b"\x7fELF\x02\x01\x01\0"[..],
            &["x.bin", "7f 45 4c 46", "PNG", "table"][..],
        ),
        ("x.npz", b"PK\x03\x04........", &["x.npz", "ZIP", ".npy"]),
        (
            "x.dat",
            b"1,2,3\n",
            &["x.dat", "taken for a table", "3 columns", "16"],
        ),
        ("x.tiff", b"II*\0\x08\0\0\0", &["x.tiff"]),
    ] {
        fs::write(folder.join(name), bytes).unwrap();
        refused(folder, &["predict", "m.bnn", name], words);
    }
}

#[test]
fn several_inputs_and_folders_are_told_by_name() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let (images, _) = write_dim_set(folder);
    train(folder, "set", &[]);
    fs::create_dir(folder.join("pics")).unwrap();
    for (i, image) in images.iter().take(3).enumerate() {
        let picture = image::GrayImage::from_raw(4, 4, image.clone()).unwrap();
        picture.save(folder.join(format!("pics/{i}.png"))).unwrap();
    }
    fs::write(folder.join("pics/notes.txt"), "no image").unwrap();
    fs::write(folder.join("row.csv"), row(&images[3])).unwrap();
    let output = run(
        folder,
        &["predict", "m.bnn", "pics", "row.csv", "pics/1.png"],
    );
    let names: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let starts = [
        "pics/0.png: ",
        "pics/1.png: ",
        "pics/2.png: ",
        "row.csv: ",
        "pics/1.png: ",
    ];
    assert_eq!(names.len(), starts.len(), "{names:?}");
    for (name, start) in names.iter().zip(starts) {
        assert!(name.starts_with(start), "{names:?}");
    }
    assert_eq!(names[1], names[4]);
    let note = String::from_utf8(output.stderr).unwrap();
    assert!(note.contains("1 of 4 files passed over"), "{note}");
    // A single file is told by its class alone.
    let alone = stdout(folder, &["predict", "m.bnn", "row.csv"]);
    assert_eq!(format!("row.csv: {}", alone.trim()), names[3]);
}

#[test]
fn few_samples_train_by_default_settings_and_one_class_is_a_warning() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let rows: String = (0..30).map(|i| format!("{},{},a\n", i, 30 - i)).collect();
    fs::write(folder.join("t.csv"), &rows).unwrap();
    let output = run(folder, &["train", "--data", "t.csv", "--epochs", "2"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert!(
        stderr.contains("warning") && stderr.contains("one class"),
        "{stderr}"
    );
    assert!(stderr.contains("label in column 3 of 3"), "{stderr}");
    refused(
        folder,
        &["train", "--data", "t.csv", "--batch", "25"],
        &["--batch 25", "24 training samples"],
    );
}

#[test]
fn validation_holds_out_training_samples_and_leaves_the_test_part_alone() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    write_dim_set(folder);
    let plain = train(folder, "set", &[]);
    let model = fs::read(folder.join("m.bnn")).unwrap();
    let told = train(folder, "set", &["--validation", "0.25", "--force"]);
    assert_eq!(told["test_images"], plain["test_images"]);
    assert_eq!(told["mismatches"], 0);
    assert_ne!(fs::read(folder.join("m.bnn")).unwrap(), model);
    let report = fs::read_to_string(folder.join("m.html")).unwrap();
    assert!(report.contains("--validation 0.25"));
    let log = run(
        folder,
        &[
            &TRAIN[..9],
            &["--data", "set", "--force", "--validation", "0.25"],
        ]
        .concat(),
    );
    assert!(String::from_utf8_lossy(&log.stderr).contains("validation "));
}

#[test]
fn the_data_of_a_model_is_found_or_asked_for() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    write_dim_set(folder);
    train(folder, "set", &[]);
    let there = json(folder, &["eval", "m.bnn", "--json"]);
    fs::create_dir(folder.join("elsewhere")).unwrap();
    let beside = json(&folder.join("elsewhere"), &["eval", "../m.bnn", "--json"]);
    assert_eq!(there["confusion"], beside["confusion"]);
    fs::rename(folder.join("set"), folder.join("moved")).unwrap();
    refused(folder, &["eval", "m.bnn"], &["trained on set", "--data"]);
    let moved = json(folder, &["eval", "m.bnn", "--data", "moved", "--json"]);
    assert_eq!(there["confusion"], moved["confusion"]);
    let table = stdout(folder, &["eval", "m.bnn", "--data", "moved"]);
    for word in ["recall", "Confusion", "accuracy", "time per sample"] {
        assert!(table.contains(word), "no {word:?} in {table}");
    }
}

#[test]
fn more_classes_than_a_byte_can_number_are_trained_and_told() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let row = |i: usize| format!("{},{},c{}\n", i % 256, i / 256, i % 300);
    let rows: String = (0..600).map(row).collect();
    fs::write(folder.join("many.csv"), rows).unwrap();
    let told = train(folder, "many.csv", &[]);
    assert_eq!(told["mismatches"], 0);
    let classes = stdout(folder, &["predict", "m.bnn", "many.csv", "--json"]);
    let first: Value = serde_json::from_str(classes.lines().next().unwrap()).unwrap();
    assert!(first["scores"].as_array().unwrap().len() > 256);
    let evaluated = json(folder, &["eval", "m.bnn", "--json"]);
    assert!(evaluated["confusion"].is_null());
    let report = fs::read_to_string(folder.join("m.html")).unwrap();
    assert!(report.contains("Not drawn for"));
}
