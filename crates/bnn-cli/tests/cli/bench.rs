//! What `bnn bench` tells. Speeds themselves are no test's business.

use bnn_core::Kernel;
use serde_json::Value;

use super::{json, stdout};

/// A small product and a small convolution.
const QUICK: [&str; 7] = [
    "bench",
    "--shape",
    "3,17,65",
    "--conv",
    "4,5,6,7,3",
    "--seconds",
    "0",
];

#[test]
fn every_kernel_is_compared_with_the_faster_library() {
    let folder = tempfile::tempdir().unwrap();
    let told = json(folder.path(), &[&QUICK[..], &["--json"]].concat());
    assert_eq!(told["active"], Kernel::active().unwrap().isa().name());
    assert_eq!(told["threads"], 1);
    let comparisons = told["comparisons"].as_array().unwrap();
    assert_eq!(comparisons.len(), 2);
    for comparison in comparisons {
        let floats = comparison["f32_ops_per_second"].as_object().unwrap();
        let names: Vec<&str> = floats.keys().map(String::as_str).collect();
        assert_eq!(names, ["matrixmultiply", "rten-gemm"]);
        let best = floats.values().map(positive).fold(0.0, f64::max);
        assert_eq!(
            positive(&floats[comparison["baseline"].as_str().unwrap()]),
            best
        );

        let kernels = comparison["kernels"].as_object().unwrap();
        assert_eq!(kernels.len(), Kernel::available().count());
        for kernel in Kernel::available() {
            for form in ["bits to i32", "bits to bits", "f32 to f32"] {
                let figure = &kernels[kernel.isa().name()][form];
                let ratio = positive(&figure["ops_per_second"]) / best;
                assert!(
                    (positive(&figure["ratio"]) / ratio - 1.0).abs() < 1e-9,
                    "{figure}"
                );
            }
        }
    }
}

fn positive(number: &Value) -> f64 {
    let number = number.as_f64().unwrap();
    assert!(number > 0.0 && number.is_finite(), "{number}");
    number
}

#[test]
fn what_was_asked_for_is_what_is_timed() {
    let folder = tempfile::tempdir().unwrap();
    let sizes = |args: &[&str]| -> Vec<String> {
        let args = [&["bench", "--seconds", "0", "--json"], args].concat();
        let told = json(folder.path(), &args);
        let comparisons = told["comparisons"].as_array().unwrap();
        comparisons
            .iter()
            .map(|c| c["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let products = sizes(&["--shape", "1,2,3", "--shape", "4,5,6"]);
    assert_eq!(products, ["1x2x3", "4x5x6"]);
    assert_eq!(sizes(&["--conv", "4,5,6,7,3"]), ["3x3 6 to 7 on 4x5"]);
}

#[test]
fn the_table_has_a_line_for_every_kernel_and_names_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let table = stdout(folder.path(), &QUICK);
    for kernel in Kernel::available() {
        for shape in ["3x17x65", "3x3 6 to 7 on 4x5"] {
            let is_it = |line: &&str| {
                line.contains(shape) && line.contains(&format!(" {} ", kernel.isa().name()))
            };
            let line = table.lines().find(is_it).unwrap();
            assert!(
                line.contains("rten-gemm") || line.contains("matrixmultiply"),
                "{line}"
            );
        }
    }
}

/// A model of the repository.
fn model(name: &str) -> String {
    format!(
        "{}/../../firmware/models/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

#[test]
fn a_graph_is_timed_alone() {
    let folder = tempfile::tempdir().unwrap();
    crate::graphs::write_model(folder.path());
    let quick = ["bench", "--model", "graph.bnn", "--seconds", "0"];
    let told = json(folder.path(), &[&quick[..], &["--json"]].concat());
    for run in told["runs"].as_array().unwrap() {
        assert!(positive(&run["us_per_sample"]) > 0.0);
        assert!(run["ratio"].is_null() && run["f32_us_per_sample"].as_object().unwrap().is_empty());
    }
    let table = stdout(folder.path(), &quick);
    assert!(table.contains("no float network"), "{table}");
}

#[test]
fn a_model_file_is_timed_beside_a_float_network_of_its_shapes() {
    let folder = tempfile::tempdir().unwrap();
    for (name, shape) in [("digits.bnn", [1, 1, 64]), ("fashion.bnn", [28, 28, 1])] {
        let model = model(name);
        let quick = [
            "bench",
            "--model",
            &model,
            "--batch",
            "3",
            "--threads",
            "2",
            "--seconds",
            "0",
        ];
        let told = json(folder.path(), &[&quick[..], &["--json"]].concat());
        assert_eq!(told["active"], Kernel::active().unwrap().isa().name());
        assert_eq!(told["input"], serde_json::json!(shape));
        assert!(told["products"].as_u64().unwrap() > 0);
        let runs = told["runs"].as_array().unwrap();
        let settings = runs
            .iter()
            .map(|run| (run["batch"].as_u64(), run["threads"].as_u64()));
        let expected =
            [(1, 1), (3, 1), (3, 2)].map(|(batch, threads)| (Some(batch), Some(threads)));
        assert!(settings.eq(expected), "{told}");
        assert!(told["weights_bytes"].as_u64().unwrap() > 0);
        for run in runs {
            assert!(run["workspace_bytes"].is_u64(), "{run}");
            let floats = run["f32_us_per_sample"].as_object().unwrap();
            let best = floats.values().map(positive).fold(f64::INFINITY, f64::min);
            assert_eq!(positive(&floats[run["baseline"].as_str().unwrap()]), best);
            let ratio = best / positive(&run["us_per_sample"]);
            assert!(
                (positive(&run["ratio"]) / ratio - 1.0).abs() < 1e-9,
                "{run}"
            );
        }
        let table = stdout(folder.path(), &quick);
        for setting in [
            "batch 1, 1 thread ",
            "batch 3, 1 thread ",
            "batch 3, 2 threads ",
        ] {
            assert!(table.contains(setting), "{table}");
        }
        assert!(
            table.contains(name) && table.contains("products of bits per sample"),
            "{table}"
        );
    }
    // A batch of one on one thread is one setting.
    let model = model("digits.bnn");
    let one = [
        "bench",
        "--model",
        &model,
        "--batch",
        "1",
        "--threads",
        "1",
        "--seconds",
        "0",
        "--json",
    ];
    assert_eq!(
        json(folder.path(), &one)["runs"].as_array().unwrap().len(),
        1
    );
}
