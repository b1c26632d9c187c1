//! Networks that others trained, where `BNN_MODELS` names a folder of them: TFC_1W1A.onnx of the
//! QONNX model zoo, and the weights of BNN-PYNQ as archives.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::PathBuf;
use std::process::Command;

use bnn_core::model::{AlignedBytes, Input, Model, Output, PackedModel};
use bnn_import::{Comparison, Options, import};

/// The folder, or `None` after it was said that there is none.
fn models() -> Option<PathBuf> {
    let folder = std::env::var_os("BNN_MODELS").map(PathBuf::from);
    let found = folder.filter(|folder| folder.join("TFC_1W1A.onnx").is_file());
    if found.is_none() {
        let required = std::env::var("BNN_REQUIRE").unwrap_or_default();
        assert!(
            !required.split(',').any(|name| name == "models"),
            "BNN_REQUIRE asks for models, which BNN_MODELS does not name"
        );
        println!("skipped: BNN_MODELS names no folder of trained networks");
    }
    found
}

/// The bytes of the importer's comparisons.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let numbers = (0..len).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 56) as u8
    });
    numbers.collect()
}

#[test]
fn tfc_gives_the_scores_of_onnx_runtime() {
    let Some(models) = models() else { return };
    let imported = import(&models.join("TFC_1W1A.onnx"), &Options::default()).unwrap();
    let file = AlignedBytes::from(imported.file.as_slice());
    let model = Model::open(&file).unwrap();
    assert_eq!((model.input().0, model.output().0), (784, 10));
    let packed = PackedModel::new(model).unwrap();
    let mut scores = vec![0.0; EXPECTED.len()];
    let (bytes, samples) = (noise(784 * EXPECTED.len() / 10), EXPECTED.len() / 10);
    let output = Output::F32(&mut scores);
    packed.run(samples, Input::Bytes(&bytes), output).unwrap();
    for (found, expected) in scores.iter().zip(EXPECTED) {
        assert!((found - expected).abs() < 1e-5, "{found}, {expected}");
    }
}

#[test]
fn folders_of_bnn_pynq_give_the_scores_of_their_definition() {
    let Some(models) = models() else { return };
    for (archive, folder, input) in [
        ("bnn-pynq-lfcW1A1-mnist.tar.gz", "lfc", 784),
        ("bnn-pynq-cnvW1A1-cifar10.tar.gz", "cnv", 32 * 32 * 3),
    ] {
        let place = tempfile::tempdir().unwrap();
        let unpacked = Command::new("tar")
            .arg("xzf")
            .arg(models.join(archive))
            .arg("-C")
            .arg(place.path())
            .status();
        assert!(unpacked.unwrap().success());
        let imported = import(&place.path().join(folder), &Options::default()).unwrap();
        assert_eq!(imported.comparison, Comparison::Exact { samples: 8 });
        let file = AlignedBytes::from(imported.file.as_slice());
        let model = Model::open(&file).unwrap();
        assert_eq!((model.input().0, model.output().0), (input, 10));
        assert!(model.meta().contains("class.9="));
    }
}

/// ONNX Runtime's scores of the first eight samples, `BipolarQuant` computed as comparisons.
const EXPECTED: &[f32] = &[
    -0.9152069,
    -2.1498442,
    -1.6559892,
    -0.9152069,
    -1.4090618,
    -0.6682794,
    -1.1621343,
    -1.4913709,
    0.1548121,
    -1.1621343,
    -0.8328977,
    -1.7382984,
    -1.0798252,
    -1.6559892,
    -1.9852258,
    -0.75058854,
    -0.25673366,
    -1.4090618,
    -1.2444434,
    -0.9152069,
    -0.99751604,
    -1.4090618,
    -0.9152069,
    -0.6682794,
    -2.1498442,
    -0.25673366,
    -1.2444434,
    -1.0798252,
    -0.75058854,
    -1.57368,
    -1.6559892,
    -1.2444434,
    -0.75058854,
    -0.33904278,
    -1.1621343,
    -0.42135197,
    -1.4090618,
    -1.2444434,
    -0.75058854,
    -2.3967714,
    -1.4090618,
    -1.1621343,
    0.1548121,
    -0.75058854,
    -1.9029167,
    -0.8328977,
    -1.1621343,
    -1.1621343,
    -1.6559892,
    -2.1498442,
    -1.1621343,
    -1.4090618,
    -0.0921154,
    -1.6559892,
    -1.4913709,
    -1.0798252,
    -0.25673366,
    -1.0798252,
    -0.75058854,
    -2.2321534,
    -1.4913709,
    -1.2444434,
    1.0602129,
    -1.3267527,
    -1.3267527,
    -1.57368,
    -1.4090618,
    -1.4090618,
    -1.4090618,
    -1.7382984,
    -0.99751604,
    -1.9029167,
    -0.9152069,
    -0.8328977,
    -1.4913709,
    -0.0921154,
    -1.2444434,
    -1.0798252,
    -1.0798252,
    -2.067535,
];
