//! CIFAR files are read, and damaged ones refused by name.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use tempfile::TempDir;

use super::*;
use crate::data::split_at;

/// A record whose pixel `(y, x)` is red `y`, green `x`, blue `blue`.
fn record(labels: &[u8], blue: u8) -> Vec<u8> {
    let plane = |value: fn(usize) -> u8| (0..PLANE).map(value).collect::<Vec<u8>>();
    let (red, green) = (plane(|at| (at / SIDE) as u8), plane(|at| (at % SIDE) as u8));
    [labels, &red, &green, &[blue; PLANE]].concat()
}

#[test]
fn batches_are_read_channels_last_with_the_names_of_their_classes() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
    write(
        "data_batch_1.bin",
        [record(&[1], 7), record(&[0], 8)].concat(),
    );
    write("data_batch_2.bin", record(&[1], 9));
    write("test_batch.bin", record(&[2], 5));
    write("batches.meta.txt", b"plane\ncar\nbird\n\n".to_vec());
    let Split { train, test } = split_at(folder.path()).unwrap();
    assert_eq!((train.labels(), test.labels()), (&[1, 0, 1][..], &[2][..]));
    assert_eq!(
        (
            train.layout().width,
            train.layout().height,
            train.layout().channels
        ),
        (32, 32, 3)
    );
    assert_eq!(train.class_names(), ["plane", "car", "bird"]);
    // Row 3, column 4 of the last training image.
    let at = (3 * 32 + 4) * 3;
    assert_eq!(train.image(2).unwrap()[at..at + 3], [3, 4, 9]);

    fs::remove_file(folder.path().join("batches.meta.txt")).unwrap();
    let error = split_at(folder.path()).unwrap_err();
    assert!(
        matches!(&error, DataError::TestLabel { path, sample: 0, label: 2, classes: 2 }
            if path.ends_with("test_batch.bin")),
        "{error}"
    );
}

#[test]
fn the_fine_label_of_two_is_taken() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("train.bin"), record(&[9, 1], 7)).unwrap();
    fs::write(folder.path().join("test.bin"), record(&[9, 0], 7)).unwrap();
    let Split { train, test } = split_at(folder.path()).unwrap();
    assert_eq!((train.labels(), test.labels()), (&[1][..], &[0][..]));
    assert_eq!(train.layout().classes, 2);
}

#[test]
fn a_file_that_is_no_whole_number_of_records_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("data_batch_1.bin"), record(&[1], 7)).unwrap();
    fs::write(folder.path().join("test_batch.bin"), vec![0; 3072]).unwrap();
    let error = read(folder.path()).unwrap_err();
    let whole = "3072 bytes, expected a multiple of 3073";
    assert!(error.to_string().contains(whole), "{error}");
    fs::write(folder.path().join("test_batch.bin"), b"").unwrap();
    let error = read(folder.path()).unwrap_err();
    assert!(matches!(&error, DataError::NoSamples { path } if path.ends_with("test_batch.bin")));
}
