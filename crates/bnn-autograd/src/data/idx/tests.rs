//! Whole folders, plain and compressed, and files that were damaged on the way.

#![allow(clippy::unwrap_used)] // A failed unwrap is a failed test.

use std::fs;
use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

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
    read(folder.path())
}

fn parse_images(bytes: &[u8]) -> Result<([usize; 3], Vec<u8>), DataError> {
    parse(bytes, Path::new("images"))
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
        let Split { train, test } = crate::data::load(folder.path().to_str().unwrap()).unwrap();
        assert_eq!((train.samples(), test.samples()), (3, 2));
        assert_eq!((train.width(), train.height(), train.depth()), (3, 2, 8));
        assert_eq!((train.classes(), test.classes()), (5, 5));
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
        let error = read(folder.path()).unwrap_err();
        assert!(
            matches!(&error, DataError::Missing { path } if path.ends_with(name)),
            "{error}"
        );
    }
}

#[test]
fn a_file_of_another_kind_is_refused_by_its_magic_number() {
    let error = with_file("t10k-images-idx3-ubyte", &labels(&[1, 2])).unwrap_err();
    assert!(matches!(
        error,
        DataError::Magic {
            found: 0x801,
            expected: 0x803,
            ..
        }
    ));
    let floats = idx(0x0D01, &[1], &[0; 4]);
    let error = with_file("train-labels-idx1-ubyte", &floats).unwrap_err();
    assert!(matches!(
        error,
        DataError::Magic {
            found: 0x0D01,
            expected: 0x801,
            ..
        }
    ));
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
    let behind = [gzip(&images(3, 2, 3)), vec![7; 20]].concat();
    assert!(matches!(
        parse_images_gz(&behind),
        Err(DataError::Io { .. })
    ));
}

fn parse_images_gz(bytes: &[u8]) -> Result<([usize; 3], Vec<u8>), DataError> {
    parse(MultiGzDecoder::new(bytes), Path::new("images.gz"))
}

#[test]
fn a_huge_header_is_refused_before_anything_is_read_for_it() {
    for sizes in [[u32::MAX; 3], [1, 1 << 15, (1 << 15) + 1], [u32::MAX, 1, 1]] {
        // Behind the header is a stream without end: reading it would never return.
        let endless = idx(0x803, &sizes, &[]);
        let error = parse::<3>(endless.chain(std::io::repeat(0)), Path::new("bomb")).unwrap_err();
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
    let error = parse::<3>(header.chain(std::io::repeat(0)), Path::new("bomb")).unwrap_err();
    assert!(matches!(error, DataError::Trailing { expected: 20, .. }));
}

#[test]
fn counts_and_sizes_that_differ_are_refused_with_both_numbers() {
    let error = with_file("train-labels-idx1-ubyte", &labels(&[1, 2])).unwrap_err();
    assert!(matches!(
        error,
        DataError::PixelCount {
            pixels: 18,
            samples: 2,
            ..
        }
    ));
    let error = with_file("t10k-images-idx3-ubyte", &images(2, 3, 2)).unwrap_err();
    assert!(matches!(
        error,
        DataError::ImageSize {
            train: (3, 2),
            test: (2, 3)
        }
    ));
    let error = with_file("t10k-labels-idx1-ubyte", &labels(&[1, 5])).unwrap_err();
    assert!(matches!(
        error,
        DataError::LabelRange {
            sample: 1,
            label: 5,
            classes: 5
        }
    ));
}

#[test]
fn empty_sets_and_empty_images_are_refused() {
    let folder = folder();
    fs::write(
        folder.path().join("train-images-idx3-ubyte"),
        images(0, 2, 3),
    )
    .unwrap();
    fs::write(folder.path().join("train-labels-idx1-ubyte"), labels(&[])).unwrap();
    assert!(matches!(read(folder.path()), Err(DataError::Zero { .. })));

    fs::write(
        folder.path().join("train-images-idx3-ubyte"),
        images(3, 0, 3),
    )
    .unwrap();
    fs::write(
        folder.path().join("train-labels-idx1-ubyte"),
        labels(&[1, 2, 3]),
    )
    .unwrap();
    fs::write(
        folder.path().join("t10k-images-idx3-ubyte"),
        images(2, 0, 3),
    )
    .unwrap();
    assert!(matches!(read(folder.path()), Err(DataError::Zero { .. })));
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
