//! A slice of a real IDX data set: Fashion-MNIST, as Debian's `dataset-fashion-mnist` installs it.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use super::json;

const INSTALLED: &str = "/usr/share/datasets/fashion-mnist";

/// Copies the first `samples` of an IDX file, unpacked; `header` is its length in bytes.
fn slice(from: &Path, to: &Path, header: usize, per_sample: usize, samples: u32) {
    let mut bytes = vec![0; header + per_sample * samples as usize];
    GzDecoder::new(File::open(from).unwrap())
        .read_exact(&mut bytes)
        .unwrap();
    bytes[4..8].copy_from_slice(&samples.to_be_bytes());
    fs::write(to, bytes).unwrap();
}

#[test]
fn a_slice_of_fashion_mnist_is_learned() {
    let installed = Path::new(INSTALLED);
    if !installed.is_dir() {
        let required = std::env::var("BNN_REQUIRE").unwrap_or_default();
        let promised = required.split(',').any(|r| r == "fashion-mnist");
        assert!(
            !promised,
            "BNN_REQUIRE promises fashion-mnist, but {INSTALLED} is not there"
        );
        eprintln!("skipped: {INSTALLED} is not there (Debian: dataset-fashion-mnist)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("slice");
    fs::create_dir(&data).unwrap();
    for (set, samples) in [("train", 3000), ("t10k", 500)] {
        for (kind, header, per_sample) in [("images-idx3", 16, 784), ("labels-idx1", 8, 1)] {
            let name = format!("{set}-{kind}-ubyte");
            let from = installed.join(format!("{name}.gz"));
            slice(&from, &data.join(name), header, per_sample, samples);
        }
    }
    let told = json(
        folder.path(),
        &[
            "train", "--data", "slice", "--arch", "mlp:128", "--epochs", "10", "--json",
        ],
    );
    assert_eq!(told["mismatches"], 0, "{told}");
    assert_eq!(told["test_images"], 500);
    // 20 seeds on two instruction sets: 0.836 to 0.860.
    assert!(told["packed_accuracy"].as_f64().unwrap() > 0.75, "{told}");

    // The same folder with other pixels is another run.
    let images = data.join("t10k-images-idx3-ubyte");
    let mut bytes = fs::read(&images).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&images, bytes).unwrap();
    let again = [
        "train", "--data", "slice", "--arch", "mlp:128", "--epochs", "10", "--resume",
    ];
    super::refused(
        folder.path(),
        &again,
        &["slice.checkpoint", "checksum of the data"],
    );
}
