//! Files that were made to do harm: each is one line and exit code 2, in little memory and at once.

use std::fs;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::process::{Command, Output as Ended};

use bnn_core::BitMatrix;
use bnn_core::conv::{Padding, Pool2d};
use bnn_core::model::{Epilogue, InputType, ModelWriter};

use super::{QUICK, files, json, refused, run, stdout};

/// A model of one pool, with pixels of thresholds or of bits.
fn write_pool(folder: &Path, name: &str, image: [usize; 3], side: usize) {
    let mut writer = ModelWriter::new(InputType::Bits);
    let pool = Pool2d::new(image, [side; 2], [1; 2], Padding::Valid).unwrap();
    writer.max_pool2d(&pool).unwrap();
    fs::write(folder.join(name), writer.finish().unwrap()).unwrap();
}

/// A model of two scores of two bytes, with a meta text.
fn write_dense(folder: &Path, name: &str, meta: &str) {
    let mut writer = ModelWriter::new(InputType::Unsigned { depth: 8 }).meta(meta);
    let weights = BitMatrix::zeros(2, 2).unwrap();
    writer.dense(weights.view(), Epilogue::Sums).unwrap();
    fs::write(folder.join(name), writer.finish().unwrap()).unwrap();
}

#[test]
fn models_that_ask_for_all_memory_or_time_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_pool(folder, "wide.bnn", [65535, 65535, 1], 1);
    assert_eq!(fs::metadata(folder.join("wide.bnn")).unwrap().len(), 96);
    write_pool(folder, "slow.bnn", [2000, 2000, 64], 255);
    // One sample takes seconds, a hundred of them minutes.
    write_pool(folder, "some.bnn", [500, 500, 64], 100);
    for (name, words) in [
        ("wide.bnn", &["wide.bnn", "bytes of memory", "at most"][..]),
        ("slow.bnn", &["slow.bnn", "operations on words", "at most"]),
    ] {
        refused(folder, &["test-vectors", name], words);
        refused(folder, &["test-vectors", name, "--count", "1"], words);
        refused(folder, &["bench", "--model", name, "--seconds", "0"], words);
        // What does not run it says what is in it.
        for args in [
            &["info", name][..],
            &["info", name, "--mcu"],
            &["info", name, "--mcu", "--json"],
        ] {
            assert!(stdout(folder, args).contains("max_pool2d"));
        }
    }
    // A float for each bit, several times over, beside a model that is small by itself.
    write_pool(folder, "floats.bnn", [4000, 4000, 64], 1);
    refused(
        folder,
        &[
            "bench",
            "--model",
            "floats.bnn",
            "--batch",
            "1",
            "--threads",
            "1",
            "--seconds",
            "0",
        ],
        &["floats.bnn", "bytes of the float network", "at most"],
    );
    refused(
        folder,
        &["test-vectors", "some.bnn"],
        &["some.bnn", "--count 100", "try --count"],
    );
    stdout(
        folder,
        &["export", "wide.bnn", "--to", "bin", "--name", "w"],
    );
}

#[test]
fn models_of_bytes_that_ask_for_all_memory_are_refused_with_data() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Bytes by thresholds, one for each channel, and a pool over them.
    let mut writer = ModelWriter::with_thresholds(&[9]);
    let conv =
        bnn_core::conv::Conv2d::new([60000, 60000, 1], 1, [1, 1], Default::default()).unwrap();
    let filter = BitMatrix::zeros(1, 1).unwrap();
    writer.conv2d(&conv, filter.view(), Epilogue::Sums).unwrap();
    fs::write(folder.join("wide.bnn"), writer.finish().unwrap()).unwrap();
    assert!(fs::metadata(folder.join("wide.bnn")).unwrap().len() < 200);
    fs::write(folder.join("rows.csv"), "1,2\n").unwrap();
    refused(folder, &["test-vectors", "wide.bnn"], &["wide.bnn"]);
    refused(folder, &["predict", "wide.bnn", "rows.csv"], &[]);
    refused(folder, &["eval", "wide.bnn", "--data", "rows.csv"], &[]);
    refused(folder, &["eval", "wide.bnn", "--data", "digits"], &[]);
}

/// `bnn` with `kib` kibibytes of address space.
#[cfg(target_os = "linux")]
fn in_little_memory(folder: &Path, kib: usize, args: &[&str]) -> Ended {
    Command::new("sh")
        .args([
            "-c",
            &format!("ulimit -v {kib}; exec \"$0\" \"$@\""),
            env!("CARGO_BIN_EXE_bnn"),
        ])
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_step_of_training_that_does_not_fit_is_refused_before_the_first_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // 20 000 samples, each of which has 16384 activations: some gigabytes.
    let rows: String = (0..20_000)
        .map(|i| format!("{},{}\n", i % 7, i % 2))
        .collect();
    fs::write(folder.join("rows.csv"), rows).unwrap();
    let args = [
        "train",
        "--data",
        "rows.csv",
        "--arch",
        "mlp:16384",
        "--batch",
        "16000",
        "--threads",
        "2",
    ];
    let ended = in_little_memory(folder, 1 << 20, &args);
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{stderr}");
    // After a line about the table.
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    for word in [
        "a step of 16000 samples",
        "bytes of memory",
        "a smaller batch",
    ] {
        assert!(stderr.contains(word), "no {word:?} in {stderr}");
    }
    assert_eq!(files(folder), ["rows.csv"]);
    // Weights that do not fit: 2^28 of them, with what training keeps of each.
    let args = [
        "train",
        "--data",
        "rows.csv",
        "--arch",
        "mlp:16384,16000",
        "--batch",
        "2",
    ];
    let ended = in_little_memory(folder, 1 << 20, &args);
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("memory"), "{stderr}");
    assert_eq!(files(folder), ["rows.csv"]);
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_model_is_not_read_further_than_its_header() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &[&QUICK[..], &["--json"]].concat());
    let good = fs::read(folder.join("digits.bnn")).unwrap();
    // A header that promises 1 GB; a terabyte (a sparse file); more than a gibibyte.
    let promise = |bytes: u32| [&good[..12], &bytes.to_le_bytes(), &good[16..]].concat();
    fs::write(folder.join("promise.bnn"), promise(1_000_000_000)).unwrap();
    fs::write(folder.join("long.bnn"), &good).unwrap();
    let long = fs::File::options()
        .write(true)
        .open(folder.join("long.bnn"))
        .unwrap();
    long.set_len(1 << 40).unwrap();
    fs::write(folder.join("most.bnn"), promise(u32::MAX)).unwrap();
    for (name, word) in [
        ("/dev/zero", "not a bnn model"),
        ("/dev/urandom", "not a bnn model"),
        ("promise.bnn", "expected 1000000000"),
        ("long.bnn", "has 1099511627776 bytes"),
        ("most.bnn", "at most 1073741824"),
    ] {
        for command in ["info", "eval", "test-vectors"] {
            let ended = in_little_memory(folder, 200_000, &[command, name]);
            let stderr = String::from_utf8(ended.stderr).unwrap();
            assert_eq!(ended.status.code(), Some(2), "{command} {name}: {stderr}");
            assert!(stderr.contains(word), "{command} {name}: {stderr}");
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_million_lines_of_meta_text_take_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let lines: String = (0..1_000_000).map(|i| format!("k{i}=v\n")).collect();
    write_dense(folder, "meta.bnn", &lines);
    for args in [&["info", "meta.bnn"][..], &["info", "meta.bnn", "--json"]] {
        let ended = in_little_memory(folder, 300_000, args);
        let (told, stderr) = (String::from_utf8(ended.stdout).unwrap(), ended.stderr);
        assert_eq!(
            ended.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&stderr)
        );
        assert!(
            told.contains("k499") && told.len() < 2_000_000,
            "{} bytes",
            told.len()
        );
        assert!(
            told.contains("999 500 more lines") || told.contains(r#""meta_lines_left_out":930000"#)
        );
    }
}

#[test]
fn text_of_others_cannot_control_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let hostile = "\u{1b}]0;x\u{7}\u{9b}31m\u{202e}";
    write_dense(
        folder,
        "m.bnn",
        &format!("class.0={hostile}\nclass.1={hostile}\n{hostile}={hostile}\nmax=9\n"),
    );
    fs::write(folder.join("rows.csv"), "1,2\n").unwrap();
    for args in [
        &["info", "m.bnn"][..],
        &["info", "m.bnn", "--json"],
        &["predict", "m.bnn", "rows.csv"],
        &["predict", "m.bnn", "rows.csv", "--json"],
    ] {
        let told = stdout(folder, args);
        assert!(plain(&told), "bnn {args:?}: {told:?}");
    }
    // What was meant is still there for programs.
    let told = json(folder, &["predict", "m.bnn", "rows.csv", "--json"]);
    assert_eq!(told["name"], hostile);
    assert_eq!(
        json(folder, &["info", "m.bnn", "--json"])["meta"]["class.0"],
        hostile
    );

    let name = format!("{hostile}\nsecond line");
    for args in [
        &["info", &name][..],
        &["predict", "m.bnn", &name],
        &["eval", "m.bnn", "--data", &name],
        &["train", "--data", &name],
        &["train", "--arch", &name],
        &["train", "--epochs", &name],
        &["export", "m.bnn", "--to", "c", "--name", &name],
        &["export", "m.bnn", "--to", "c", "--out", &name],
        &["test-vectors", "m.bnn", "--data", &name],
        &[&name],
    ] {
        let output = run(folder, args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "bnn {args:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "bnn {args:?}: {stderr}");
        assert!(plain(&stderr), "bnn {args:?}: {stderr:?}");
    }
    #[cfg(unix)]
    {
        fs::copy(folder.join("m.bnn"), folder.join(&name)).unwrap();
        for args in [
            &["info", &name][..],
            &["eval", &name, "--data", "labelled.csv"],
            &["test-vectors", &name],
        ] {
            fs::write(folder.join("labelled.csv"), "1,2,0\n").unwrap();
            let told = stdout(folder, args);
            assert!(plain(&told), "bnn {args:?}: {told:?}");
        }
    }
}

/// Whether a terminal shows all of it, line by line.
fn plain(text: &str) -> bool {
    let shown = |c: char| c == '\n' || !(c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
    text.chars().all(shown)
}

#[cfg(unix)]
#[test]
fn class_names_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let names = [r"back\slash", "driver's license", "new\nline \"x\""];
    for (class, name) in names.iter().enumerate() {
        for part in ["train", "test"] {
            fs::create_dir_all(folder.join("d").join(part).join(name)).unwrap();
            for i in 0..6_u8 {
                let pixel = 80 * class as u8 + i;
                let image = image::GrayImage::from_pixel(3, 3, image::Luma([pixel]));
                image
                    .save(
                        folder
                            .join("d")
                            .join(part)
                            .join(name)
                            .join(format!("{i}.png")),
                    )
                    .unwrap();
            }
        }
    }
    json(
        folder,
        &[
            "train", "--data", "d", "--arch", "mlp:8", "--epochs", "2", "--json",
        ],
    );
    let meta = &json(folder, &["info", "d.bnn", "--json"])["meta"];
    for (class, name) in names.iter().enumerate() {
        assert_eq!(meta[format!("class.{class}")], *name);
    }
    json(folder, &["eval", "d.bnn", "--data", "d", "--json"]);
    let one = folder.join("d/test").join(names[1]).join("0.png");
    let told = json(
        folder,
        &["predict", "d.bnn", one.to_str().unwrap(), "--json"],
    );
    assert!(names.contains(&told["name"].as_str().unwrap()), "{told}");
}
