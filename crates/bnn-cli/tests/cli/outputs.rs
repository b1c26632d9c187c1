//! An output never replaces an input, whatever its name, nor the results of another run.

use std::fs;
use std::path::Path;

use super::{QUICK, files, json, refused, run, stdout};

/// Every file of a folder and of the folders in it, with its bytes.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for name in files(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            found.extend(
                contents(&path)
                    .into_iter()
                    .map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)),
            );
        } else {
            found.push((name, fs::read(path).unwrap()));
        }
    }
    found
}

/// Refused, and all files are as they were.
fn keeps_all(folder: &Path, args: &[&str], words: &[&str]) {
    let before = contents(folder);
    refused(folder, args, words);
    assert!(contents(folder) == before, "bnn {args:?} changed a file");
}

/// An IDX set of 2 classes, 4x4 pixels, in `folder`.
pub(super) fn write_idx(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (part, samples) in [("train", 20_u8), ("t10k", 6)] {
        let pixels = (0..samples).flat_map(|i| [if i % 2 == 0 { 20 } else { 200 }; 16]);
        let images: Vec<u8> = [0, 0, 8, 3, 0, 0, 0, samples, 0, 0, 0, 4, 0, 0, 0, 4]
            .into_iter()
            .chain(pixels)
            .collect();
        let labels: Vec<u8> = [0, 0, 8, 1, 0, 0, 0, samples]
            .into_iter()
            .chain((0..samples).map(|i| i % 2))
            .collect();
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
}

const ON_IDX: [&str; 8] = [
    "train", "--data", "d", "--arch", "mlp:8", "--epochs", "2", "--json",
];

#[test]
fn training_keeps_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_idx(&folder.join("d"));
    fs::create_dir(folder.join("e")).unwrap();
    let mut names = vec![
        "d/train-images-idx3-ubyte",
        "./d/../d/t10k-labels-idx1-ubyte",
    ];
    #[cfg(unix)]
    {
        let (link, hard) = (folder.join("e/link"), folder.join("e/hard"));
        std::os::unix::fs::symlink(folder.join("d/train-labels-idx1-ubyte"), link).unwrap();
        fs::hard_link(folder.join("d/train-images-idx3-ubyte"), hard).unwrap();
        std::os::unix::fs::symlink(folder.join("d"), folder.join("same")).unwrap();
        names.extend(["e/link", "e/hard", "same/train-images-idx3-ubyte"]);
    }
    for name in names {
        for option in ["--out", "--report", "--checkpoint"] {
            let args = [&ON_IDX[..], &[option, name, "--force"]].concat();
            keeps_all(folder, &args, &[name, "would replace", "the data d"]);
        }
    }
    // New files may lie beside the data, and be replaced there by the same run.
    let args = [&ON_IDX[..], &["--out", "d/m.bnn"]].concat();
    json(folder, &args);
    json(folder, &args);
    json(folder, &[&args[..], &["--lr", "0.1", "--force"]].concat());
    assert!(folder.join("d/m.checkpoint").exists());
}

#[test]
fn the_model_is_kept_by_every_command_that_writes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &[&QUICK[..], &["--json"]].concat());
    let copy = |name: &str| fs::copy(folder.join("digits.bnn"), folder.join(name)).unwrap();
    for (name, args) in [
        ("x.inputs", &["test-vectors", "x.inputs", "--out", "x"][..]),
        ("x.outputs", &["test-vectors", "./x.outputs", "--out", "x"]),
        ("m.h", &["export", "m.h", "--to", "c", "--name", "m"]),
        ("m.c", &["export", "m.c", "--to", "c", "--name", "m"]),
        (
            "m.rs",
            &[
                "export", "m.rs", "--to", "rust", "--name", "m", "--out", ".",
            ],
        ),
        ("m.bin", &["export", "m.bin", "--to", "bin", "--name", "m"]),
    ] {
        copy(name);
        keeps_all(folder, args, &[name, "would replace", "the input"]);
        fs::remove_file(folder.join(name)).unwrap();
    }
    #[cfg(unix)]
    for (name, args) in [
        (
            "y.inputs",
            &["test-vectors", "digits.bnn", "--out", "y"][..],
        ),
        ("y.h", &["export", "digits.bnn", "--to", "c", "--name", "y"]),
    ] {
        fs::hard_link(folder.join("digits.bnn"), folder.join(name)).unwrap();
        keeps_all(folder, args, &[name, "would replace"]);
        fs::remove_file(folder.join(name)).unwrap();
        std::os::unix::fs::symlink("digits.bnn", folder.join(name)).unwrap();
        keeps_all(folder, args, &[name, "would replace"]);
        fs::remove_file(folder.join(name)).unwrap();
    }
    // By default other names are chosen.
    copy("x.inputs");
    copy("m.h");
    let before = fs::read(folder.join("digits.bnn")).unwrap();
    stdout(folder, &["test-vectors", "x.inputs"]);
    stdout(folder, &["export", "m.h", "--to", "c"]);
    for name in ["x.inputs", "m.h", "digits.bnn"] {
        assert!(fs::read(folder.join(name)).unwrap() == before, "{name}");
    }
    assert!(folder.join("x.inputs.inputs").exists() && folder.join("m_h.h").exists());
}

#[test]
fn data_of_vectors_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_idx(&folder.join("d"));
    json(folder, &[&ON_IDX[..], &["--out", "m.bnn"]].concat());
    let images = folder.join("d/train-images-idx3-ubyte");
    fs::copy(&images, folder.join("d/v.inputs")).unwrap();
    keeps_all(
        folder,
        &[
            "test-vectors",
            "m.bnn",
            "--data",
            "d",
            "--count",
            "3",
            "--out",
            "d/v",
        ],
        &["d/v.inputs", "would replace", "the data d"],
    );
}

#[test]
fn names_with_dots_stay_two_names() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for model in ["net.a", "net.b"] {
        json(folder, &[&QUICK[..], &["--json", "--out", model]].concat());
        stdout(folder, &["test-vectors", model, "--count", "2"]);
        stdout(folder, &["export", model, "--to", "c"]);
    }
    stdout(
        folder,
        &["test-vectors", "net.a", "--count", "2", "--out", "v.1"],
    );
    let mut expected: Vec<String> = ["a", "b"]
        .iter()
        .flat_map(|end| {
            let files = ["", ".checkpoint", ".html", ".inputs", ".outputs"];
            let sources = [format!("net_{end}.c"), format!("net_{end}.h")];
            files
                .map(|file| format!("net.{end}{file}"))
                .into_iter()
                .chain(sources)
        })
        .chain(["v.1.inputs", "v.1.outputs"].map(str::to_owned))
        .collect();
    expected.sort();
    assert_eq!(files(folder), expected);
}

#[test]
fn results_of_other_settings_are_replaced_by_force_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let train = [&QUICK[..], &["--json", "--out", "m.bnn"]].concat();
    json(folder, &train);
    // The same again gives the same, and needs no force.
    let before = fs::read(folder.join("m.bnn")).unwrap();
    json(folder, &train);
    assert!(fs::read(folder.join("m.bnn")).unwrap() == before);
    for other in [
        &["--seed", "2"][..],
        &["--lr", "0.01"],
        &["--batch", "32"],
        &["--input", "bits"],
        &["--scores", "integer"],
    ] {
        let args = [&train[..], other].concat();
        keeps_all(folder, &args, &["m.bnn", "--force"]);
        // Each of the three files is looked at.
        for (option, name) in [("--report", "m.html"), ("--checkpoint", "m.checkpoint")] {
            let args = [&QUICK[..], other, &["--out", "other.bnn", option, name]].concat();
            keeps_all(folder, &args, &[name, "--force"]);
        }
    }
    fs::write(folder.join("notes"), "of mine").unwrap();
    keeps_all(
        folder,
        &[&QUICK[..], &["--out", "notes"]].concat(),
        &["notes", "--force"],
    );
    json(folder, &[&train[..], &["--seed", "2", "--force"]].concat());
    assert!(fs::read(folder.join("m.bnn")).unwrap() != before);
}

#[test]
fn every_command_replaces_its_own_files_and_others_by_force_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let train = |out, seed| {
        let args = [&QUICK[..], &["--json", "--out", out, "--seed", seed]].concat();
        json(folder, &args);
    };
    train("m.bnn", "1");
    train("other.bnn", "2");
    let network = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bnn-import/tests/models");
    let networks = ["mlp_where.onnx", "mlp_dynamo.onnx"].map(|name| {
        let path = network.join(name);
        path.to_str().unwrap().to_owned()
    });
    let words = |one: &[&'static str]| one.to_vec();
    let models = ["m.bnn", "other.bnn"];
    // The command, where its input goes, its inputs, and what it writes.
    let commands = [
        (
            words(&["export", "", "--to", "c", "--name", "n"]),
            models,
            &["n.h", "n.c"][..],
        ),
        (
            words(&["export", "", "--to", "rust", "--name", "n"]),
            models,
            &["n.rs"],
        ),
        (
            words(&["export", "", "--to", "onnx", "--name", "n"]),
            models,
            &["n.onnx"],
        ),
        (
            words(&["export", "", "--to", "bin", "--name", "n"]),
            models,
            &["n.bin"],
        ),
        (
            words(&["test-vectors", "", "--out", "n", "--count", "3"]),
            models,
            &["n.outputs"],
        ),
        (
            words(&["info", "", "--weights", "n.npz"]),
            models,
            &["n.npz"],
        ),
        (
            words(&["import", "", "--out", "n.bnn"]),
            networks.each_ref().map(String::as_str),
            &["n.bnn"],
        ),
        // It has no input.
        (words(&["man", "--out", "."]), [""; 2], &["bnn-train.1"]),
    ];
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    for (command, inputs, written) in commands {
        let [first, other] = inputs.map(|input| {
            let with_input = |&arg: &&'static str| if arg.is_empty() { input } else { arg };
            command.iter().map(with_input).collect::<Vec<&str>>()
        });
        let forced = |args: &[&str]| stdout(folder, &[args, &["--force"]].concat());
        stdout(folder, &first);
        let own: Vec<Vec<u8>> = written.iter().map(|name| read(name)).collect();
        // The same again is no change.
        stdout(folder, &first);
        if first != other {
            keeps_all(folder, &other, &[written[0], "exists", "--force"]);
            forced(&other);
            assert!(read(written[0]) != own[0], "{other:?}");
            forced(&first);
        }
        for (name, own) in written.iter().zip(&own) {
            // As long as the file itself.
            for foreign in [vec![b'x'; own.len()], b"of mine".to_vec(), vec![]] {
                fs::write(folder.join(name), foreign).unwrap();
                keeps_all(folder, &first, &[*name, "exists", "--force"]);
            }
            forced(&first);
            assert!(read(name) == *own, "{first:?}");
        }
    }
    refused(folder, &["info", "m.bnn", "--force"], &["--weights"]);
}

#[test]
fn every_output_is_written_in_one_place() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut looked_at = 0;
    while let Some(folder) = folders.pop() {
        for name in files(&folder) {
            let path = folder.join(&name);
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // Tests may write what they like.
            if name == "laws.rs" {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let writes = [
                "write_atomic",
                "File::create",
                "fs::write",
                "fs::rename",
                "OpenOptions",
            ];
            let found = writes.iter().find(|call| code.contains(*call));
            assert!(found.is_none() || name == "outputs.rs", "{name}: {found:?}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 20);
}

#[test]
fn a_folder_that_is_not_there_is_told_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &[&QUICK[..], &["--json"]].concat());
    for args in [
        &["train", "--out", "none/m.bnn"][..],
        &["export", "digits.bnn", "--to", "c", "--out", "none"],
        &["test-vectors", "digits.bnn", "--out", "none/v"],
    ] {
        keeps_all(folder, args, &["none"]);
    }
    assert_eq!(run(folder, &["--version"]).status.code(), Some(0));
}
