//! Whole folders, plain and compressed, and files that were damaged on the way.

#![allow(clippy::unwrap_used)] // A failed unwrap is a failed test.

use std::fs;
use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::data::split_at;

fn idx(magic: u32, sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let header = [&[magic], sizes]
        .concat()
        .into_iter()
        .flat_map(u32::to_be_bytes);
    header.chain(bytes.iter().copied()).collect()
}

fn images(count: u32, height: u32, width: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..count * height * width)
        .map(|pixel| pixel as u8)
        .collect();
    idx(0x803, &[count, height, width], &pixels)
}

fn labels(labels: &[u8]) -> Vec<u8> {
    idx(0x801, &[labels.len() as u32], labels)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A correct folder of 3 training and 2 test images of 2 rows by 3 pixels.
fn files() -> [(&'static str, Vec<u8>); 4] {
    [
        ("train-images-idx3-ubyte", images(3, 2, 3)),
        ("train-labels-idx1-ubyte", labels(&[0, 4, 1])),
        ("t10k-images-idx3-ubyte", images(2, 2, 3)),
        ("t10k-labels-idx1-ubyte", labels(&[2, 3])),
    ]
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files() {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// What reading says after one file of a correct folder was replaced.
fn with_file(name: &str, bytes: &[u8]) -> Result<Split, DataError> {
    let folder = folder();
    fs::write(folder.path().join(name), bytes).unwrap();
    read(folder.path(), None)
}

fn parse_images(bytes: &[u8]) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    parse(bytes, Path::new("images"), &[3])
}

#[test]
fn a_folder_is_read_plain_compressed_and_mixed_alike() {
    for compressed in 0..16 {
        let folder = tempfile::tempdir().unwrap();
        for (at, (name, bytes)) in files().into_iter().enumerate() {
            let (name, bytes) = if compressed >> at & 1 == 1 {
                (format!("{name}.gz"), gzip(&bytes))
            } else {
                (name.to_owned(), bytes)
            };
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let Split { train, test } = split_at(folder.path()).unwrap();
        assert_eq!((train.samples(), test.samples()), (3, 2));
        assert_eq!(
            (
                train.layout().width,
                train.layout().height,
                train.layout().depth()
            ),
            (3, 2, 8)
        );
        assert_eq!((train.layout().classes, test.layout().classes), (5, 5));
        assert_eq!(train.pixels(), (0..18).collect::<Vec<u8>>());
        assert_eq!(
            (train.labels(), test.labels()),
            (&[0, 4, 1][..], &[2, 3][..])
        );
        assert!(folder.path().ends_with(test.name()));
    }
}

#[test]
fn each_missing_file_is_named() {
    for (name, _) in files() {
        let folder = folder();
        fs::remove_file(folder.path().join(name)).unwrap();
        let error = read(folder.path(), None).unwrap_err();
        assert!(
            matches!(&error, DataError::Missing { path } if path.ends_with(name)),
            "{error}"
        );
    }
}

#[test]
fn a_file_of_another_kind_is_refused_by_its_magic_number() {
    let error = with_file("t10k-images-idx3-ubyte", &labels(&[1, 2])).unwrap_err();
    assert!(
        matches!(&error, DataError::Magic { found: 0x801, expected, .. } if expected[..] == [0x803, 0x804])
    );
    let floats = idx(0x0D01, &[1], &[0; 4]);
    let error = with_file("train-labels-idx1-ubyte", &floats).unwrap_err();
    assert!(
        matches!(&error, DataError::Magic { found: 0x0D01, expected, .. } if expected[..] == [0x801])
    );
}

#[test]
fn every_truncation_says_how_far_the_file_goes() {
    let whole = images(3, 2, 3);
    for length in 0..whole.len() {
        let error = parse_images(&whole[..length]).unwrap_err();
        assert!(matches!(error, DataError::Truncated { found, .. } if found == length as u64));
    }
    assert!(parse_images(&whole).is_ok());
}

#[test]
fn trailing_bytes_are_refused_in_plain_and_compressed_files() {
    let long = [images(3, 2, 3), vec![0]].concat();
    let plain = with_file("train-images-idx3-ubyte", &long).unwrap_err();
    assert!(matches!(plain, DataError::Trailing { expected: 34, .. }));
    let inside = parse_images_gz(&gzip(&long)).unwrap_err();
    assert!(matches!(inside, DataError::Trailing { expected: 34, .. }));
    let after = [gzip(&images(3, 2, 3)), vec![7; 20]].concat();
    assert!(matches!(parse_images_gz(&after), Err(DataError::Io { .. })));
}

fn parse_images_gz(bytes: &[u8]) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    let path = Path::new("images.gz");
    let stream = source::unpacked(bytes).map_err(source::io_error(path))?;
    parse(stream, path, &[3])
}

#[test]
fn a_huge_header_is_refused_before_anything_is_read_for_it() {
    for sizes in [[u32::MAX; 3], [1, 1 << 15, (1 << 15) + 1], [u32::MAX, 1, 1]] {
        // A stream without end follows the header: reading it would never return.
        let endless = idx(0x803, &sizes, &[]);
        let endless = endless.chain(std::io::repeat(0));
        let error = parse(endless, Path::new("bomb"), &[3]).unwrap_err();
        assert!(
            matches!(
                error,
                DataError::TooLarge {
                    limit: MAX_BYTES,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn decompression_stops_at_what_the_header_promises() {
    let header = idx(0x803, &[1, 2, 2], &[]);
    let endless = header.chain(std::io::repeat(0));
    let error = parse(endless, Path::new("bomb"), &[3]).unwrap_err();
    assert!(matches!(error, DataError::Trailing { expected: 20, .. }));
}

#[test]
fn counts_and_sizes_that_differ_are_refused_with_both_numbers_and_files() {
    let error = with_file("train-labels-idx1-ubyte", &labels(&[1, 2])).unwrap_err();
    let DataError::Counts {
        images: (images_path, 3),
        labels: (labels_path, 2),
    } = &error
    else {
        panic!("{error}");
    };
    assert!(images_path.ends_with("train-images-idx3-ubyte"));
    assert!(labels_path.ends_with("train-labels-idx1-ubyte"));
    let error = with_file("t10k-images-idx3-ubyte", &images(2, 3, 2)).unwrap_err();
    assert!(matches!(
        &error,
        DataError::ImageSize { path, train: (3, 2, 1), test: (2, 3, 1) }
            if path.ends_with("t10k-images-idx3-ubyte")
    ));
    let error = with_file("t10k-labels-idx1-ubyte", &labels(&[1, 5])).unwrap_err();
    assert!(matches!(
        &error,
        DataError::TestLabel { path, sample: 1, label: 5, classes: 5 }
            if path.ends_with("t10k-labels-idx1-ubyte")
    ));
}

#[test]
fn empty_sets_and_empty_images_are_refused() {
    let folder = folder();
    let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
    write("t10k-images-idx3-ubyte", images(0, 2, 3));
    write("t10k-labels-idx1-ubyte", labels(&[]));
    let error = read(folder.path(), None).unwrap_err();
    assert!(
        matches!(&error, DataError::NoSamples { path } if path.ends_with("t10k-images-idx3-ubyte")),
        "{error}"
    );
    write("train-images-idx3-ubyte", images(3, 0, 3));
    write("t10k-images-idx3-ubyte", images(2, 0, 3));
    write("t10k-labels-idx1-ubyte", labels(&[2, 3]));
    assert!(matches!(
        read(folder.path(), None),
        Err(DataError::Zero { .. })
    ));
}

#[test]
fn a_fourth_dimension_is_the_channels() {
    let folder = folder();
    let colours = |count: u32| {
        let pixels: Vec<u8> = (0..count * 18).map(|value| value as u8).collect();
        idx(0x804, &[count, 2, 3, 3], &pixels)
    };
    fs::write(folder.path().join("train-images-idx3-ubyte"), colours(3)).unwrap();
    let error = read(folder.path(), None).unwrap_err();
    assert!(matches!(
        &error,
        DataError::ImageSize {
            train: (3, 2, 3),
            test: (3, 2, 1),
            ..
        }
    ));
    fs::write(folder.path().join("t10k-images-idx3-ubyte"), colours(2)).unwrap();
    let Split { train, test } = read(folder.path(), None).unwrap();
    assert_eq!(
        (
            train.layout().width,
            train.layout().height,
            train.layout().channels
        ),
        (3, 2, 3)
    );
    assert_eq!(test.pixels(), (0..36).collect::<Vec<u8>>());
}

/// The files of a correct folder under other names.
fn renamed(name: fn(&str) -> String) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (usual, bytes) in files() {
        fs::write(folder.path().join(name(usual)), bytes).unwrap();
    }
    folder
}

#[test]
fn files_are_known_by_any_usual_name_and_gzip_by_its_content() {
    let expected = read(folder().path(), None).unwrap().checksum();
    let names: [fn(&str) -> String; 3] = [
        |name| name.replace("-idx", ".idx"),
        |name| name.replace("t10k", "test").to_uppercase(),
        |name| format!("emnist-letters-{name}"),
    ];
    for name in names {
        let split = read(renamed(name).path(), None).unwrap();
        assert_eq!(split.checksum(), expected);
    }
    // Compressed without `.gz`, and plain with it.
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("train-images-idx3-ubyte"), gzip(&images(3, 2, 3))).unwrap();
    fs::rename(
        path("t10k-labels-idx1-ubyte"),
        path("t10k-labels-idx1-ubyte.gz"),
    )
    .unwrap();
    assert_eq!(read(folder.path(), None).unwrap().checksum(), expected);
}

#[test]
fn of_several_sets_in_a_folder_one_is_chosen_by_its_prefix() {
    let folder = renamed(|name| format!("emnist-letters-{name}"));
    for (name, bytes) in files() {
        fs::write(folder.path().join(format!("emnist-digits-{name}")), bytes).unwrap();
    }
    let error = read(folder.path(), None).unwrap_err();
    assert!(
        matches!(&error, DataError::Prefixes { found, .. } if found[..] == ["emnist-digits", "emnist-letters"]),
        "{error}"
    );
    for prefix in ["emnist-letters", "emnist-letters-"] {
        let spec = folder.path().join(prefix);
        let split = split_at(&spec).unwrap();
        assert_eq!(
            (split.train.name(), split.train.samples()),
            ("emnist-letters", 3)
        );
    }
    let spec = folder.path().join("emnist");
    let error = split_at(&spec).unwrap_err();
    assert!(matches!(error, DataError::UnknownSource { .. }));
}

/// A file, damaged: some bytes replaced, then cut or extended.
fn damaged(whole: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = whole.len();
    let changes = prop::collection::vec((0..length, any::<u8>()), 0..4);
    (changes, 0..length + 9).prop_map(move |(changes, new_length)| {
        let mut bytes = whole.clone();
        changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
        // Half of the files keep their length, or hardly any would pass.
        if new_length % 2 == 0 {
            bytes.resize(new_length, 0xA5);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_bytes_are_an_error_or_what_they_say(bytes in damaged(images(3, 2, 3))) {
        if let Ok((sizes, pixels)) = parse_images(&bytes) {
            prop_assert_eq!(sizes.iter().product::<usize>(), pixels.len());
            prop_assert_eq!(&pixels[..], &bytes[16..]);
        }
    }

    #[test]
    fn damaged_compression_is_an_error_or_does_no_damage(bytes in damaged(gzip(&images(30, 7, 5)))) {
        if let Ok((sizes, pixels)) = parse_images_gz(&bytes) {
            prop_assert_eq!(sizes, [30, 7, 5]);
            prop_assert_eq!(&pixels[..], &images(30, 7, 5)[16..]);
        }
    }
}
