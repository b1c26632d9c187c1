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
