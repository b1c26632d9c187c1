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
