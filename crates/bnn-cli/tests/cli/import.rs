//! `bnn import`: networks that others trained. What the importers compute is tested beside them.

use std::fs;
use std::path::{Path, PathBuf};

use super::{files, json, refused, run, stdout};

/// A network of the importer's own tests.
fn network(name: &str) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bnn-import/tests/models");
    let path: PathBuf = models.join(format!("{name}.onnx"));
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_network_becomes_a_model_that_other_commands_take() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let text = stdout(folder, &["import", &network("mlp_where")]);
    assert!(
        text.contains("64 of 64 random samples have the scores of the network"),
        "{text}"
    );
    assert_eq!(files(folder), ["mlp_where.bnn"]);
    let info = stdout(folder, &["info", "mlp_where.bnn"]);
    assert!(info.contains("25") && info.contains("f32"), "{info}");
    // With weights in a file beside it, to a name that is given.
    let args = ["import", &network("cnn_dynamo"), "-o", "c.bnn", "--json"];
    let report = json(folder, &args);
    assert_eq!(report["samples"], 64);
    assert_eq!(report["equal"], 64);
    assert_eq!(report["layers"], 5);
    assert_eq!(files(folder), ["c.bnn", "mlp_where.bnn"]);
    let numbers = [
        "--mean",
        "0.5,0.5,0.5",
        "--std",
        "0.25",
        "-o",
        "n.bnn",
        "--samples",
        "20",
    ];
    let normed = network("cnn_normed");
    let args = [&["import", normed.as_str()][..], &numbers].concat();
    assert!(stdout(folder, &args).contains("20 of 20"));
}

#[test]
fn no_file_that_was_read_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["cnn_dynamo.onnx", "cnn_dynamo.onnx.data"] {
        let from = Path::new(&network("cnn_dynamo")).with_file_name(name);
        fs::copy(from, folder.join(name)).unwrap();
    }
    // A network of two layers, as a folder: 8 inputs, 2 neurons, 2 outputs.
    fs::create_dir(folder.join("net.v1")).unwrap();
    let words = |words: &[u64]| words.iter().flat_map(|x| x.to_le_bytes()).collect();
    let files: [(&str, Vec<u8>); 3] = [
        ("net.v1/0-0-weights.bin", words(&[0x55, 0xa3])),
        ("net.v1/0-0-thres.bin", words(&[4, 4])),
        ("net.v1/1-0-weights.bin", words(&[0b01, 0b10])),
    ];
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    for (network, out) in [
        ("cnn_dynamo.onnx", "cnn_dynamo.onnx"),
        ("cnn_dynamo.onnx", "cnn_dynamo.onnx.data"),
        ("cnn_dynamo.onnx", "./cnn_dynamo.onnx.data"),
        ("net.v1", "net.v1/0-0-weights.bin"),
        ("net.v1", "net.v1/0-0-thres.bin"),
        ("net.v1/", "net.v1/1-0-weights.bin"),
    ] {
        let before = read(out);
        let args = ["import", network, "-o", out, "--force"];
        refused(folder, &args, &[out, "would replace the input"]);
        assert!(read(out) == before, "{out}");
    }
    // What only lies there is no input.
    fs::write(folder.join("net.v1/old.bnn"), "old").unwrap();
    let args = ["import", "net.v1", "-o", "net.v1/old.bnn", "--force"];
    stdout(folder, &args);
}

#[test]
fn two_networks_are_two_models_and_only_the_same_one_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (from, name) in [
        ("mlp_where", "net.a"),
        ("mlp_sign", "net.b"),
        ("mlp_where", "net.onnx"),
        ("mlp_where", "net.v2.onnx"),
    ] {
        fs::copy(network(from), folder.join(name)).unwrap();
        stdout(folder, &["import", name]);
    }
    let models = ["net.a.bnn", "net.b.bnn", "net.bnn", "net.v2.bnn"];
    let found = files(folder);
    assert!(
        models.iter().all(|name| found.iter().any(|x| x == name)),
        "{found:?}"
    );
    // The same again is no change.
    stdout(folder, &["import", "net.onnx"]);
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let (a, b) = (read("net.a.bnn"), read("net.b.bnn"));
    assert!(a != b);
    fs::write(folder.join("text"), "not a model").unwrap();
    for (out, before) in [("net.b.bnn", b), ("text", b"not a model".to_vec())] {
        let args = ["import", "net.a", "-o", out];
        let words = [out, "exists", "not written by the same import", "--force"];
        refused(folder, &args, &words);
        assert!(read(out) == before, "{out}");
        stdout(folder, &[&args[..], &["--force"]].concat());
        assert!(read(out) == a, "{out}");
    }
}

#[test]
fn what_cannot_be_imported_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let real = network("real");
    refused(
        folder,
        &["import", &real],
        &["real.onnx", "node_sigmoid", "Sigmoid", "does not know"],
    );
    refused(folder, &["import", "absent.onnx"], &["absent.onnx"]);
    fs::write(folder.join("text.onnx"), "no protobuf\n").unwrap();
    refused(folder, &["import", "text.onnx"], &["text.onnx", "ONNX"]);
    fs::write(folder.join("keras.h5"), b"\x89HDF\r\n\x1a\n").unwrap();
    refused(folder, &["import", "keras.h5"], &["HDF5", "ONNX"]);
    // A file without end is not read.
    #[cfg(unix)]
    refused(
        folder,
        &["import", "/dev/zero", "-o", "zero.bnn"],
        &["/dev/zero", "not a regular file"],
    );
    // A large file of another format is not read either.
    let zeros = fs::File::create(folder.join("zeros")).unwrap();
    zeros.set_len(400 << 20).unwrap();
    refused(folder, &["import", "zeros"], &["zeros", "another format"]);
    fs::remove_file(folder.join("zeros")).unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    refused(folder, &["import", "empty"], &["0-0-weights.bin"]);
    refused(
        folder,
        &["import", &real, "--std", "0"],
        &["expected finite numbers"],
    );
    refused(
        folder,
        &["import", &real, "--input", "bits", "--mean", "1"],
        &["--input bytes"],
    );
    let output = run(folder, &["import", &network("zeros")]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("signs of 0"), "{stderr}");
    assert_eq!(files(folder), ["empty", "keras.h5", "text.onnx"]);
    let args = ["import", &network("zeros"), "--sign-of-zero", "plus"];
    stdout(folder, &args);
}
