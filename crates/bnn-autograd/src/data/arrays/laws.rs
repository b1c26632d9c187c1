//! Arrays as `numpy.savez` and `numpy.save` write them, and files that were damaged on the way.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::io::Write;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::data::split_at;

/// An `.npy` file, format 1.0.
fn npy(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), bytes].concat()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A ZIP file as `numpy.savez` (or, deflated, `savez_compressed`) writes it: the sizes of local
/// headers are in an extra field, those of the directory are the true ones.
fn npz(members: &[(&str, Vec<u8>)], deflate: bool) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let stored = if deflate {
            deflated(bytes)
        } else {
            bytes.clone()
        };
        let method = if deflate { 8_u16 } else { 0 };
        let offset = file.len() as u32;
        let extra = [0_u8; 20];
        let common = |sizes: [u32; 2], extra: u16| {
            let mut header = vec![45, 0, 0, 0];
            header.extend(method.to_le_bytes());
            header.extend([0; 4]);
            header.extend(crc(bytes).to_le_bytes());
            header.extend(sizes.into_iter().flat_map(u32::to_le_bytes));
            header.extend((name.len() as u16).to_le_bytes());
            header.extend(extra.to_le_bytes());
            header
        };
        file.extend(b"PK\x03\x04");
        file.extend(common([u32::MAX; 2], extra.len() as u16));
        file.extend(name.as_bytes());
        file.extend(extra);
        file.extend(&stored);
        directory.extend(b"PK\x01\x02\x2d\x03");
        directory.extend(common([stored.len() as u32, bytes.len() as u32], 0));
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, length) = (file.len() as u32, directory.len() as u32);
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    let count = members.len() as u16;
    file.extend([count, count].into_iter().flat_map(u16::to_le_bytes));
    file.extend([length, start].into_iter().flat_map(u32::to_le_bytes));
    file.extend([0; 2]);
    file
}

/// The members of Keras's `mnist.npz`: 3 training and 2 test images of 2 rows of 3 pixels.
fn members() -> Vec<(&'static str, Vec<u8>)> {
    let pixels: Vec<u8> = (0..18).collect();
    let labels: Vec<u8> = [0_i64, 4, 1]
        .into_iter()
        .flat_map(i64::to_le_bytes)
        .collect();
    vec![
        ("x_test.npy", npy("|u1", "(2, 2, 3)", &pixels[..12])),
        ("x_train.npy", npy("|u1", "(3, 2, 3)", &pixels)),
        ("y_train.npy", npy("<i8", "(3,)", &labels)),
        ("y_test.npy", npy(">u2", "(2, 1)", &[0, 2, 0, 3])),
    ]
}

fn read_npz(bytes: &[u8]) -> Result<Split, DataError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("mnist.npz");
    fs::write(&path, bytes).unwrap();
    split_at(&path)
}

#[test]
fn archives_and_folders_of_arrays_are_one_data_set() {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in members() {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let of_folder = split_at(folder.path()).unwrap();
    for deflate in [false, true] {
        let split = read_npz(&npz(&members(), deflate)).unwrap();
        let Split { train, test } = &split;
        assert_eq!(
            (
                train.layout().width,
                train.layout().height,
                train.layout().channels
            ),
            (3, 2, 1)
        );
        assert_eq!(train.pixels(), (0..18).collect::<Vec<u8>>());
        assert_eq!(
            (train.labels(), test.labels()),
            (&[0, 4, 1][..], &[2, 3][..])
        );
        assert_eq!(
            (train.name(), train.layout().classes, train.layout().white),
            ("mnist", 5, 255)
        );
        assert_eq!(split.checksum(), of_folder.checksum());
    }
}

#[test]
fn arrays_without_parts_are_split_and_channels_may_come_first() {
    let planar: Vec<u8> = (0..10)
        .flat_map(|n| [[n; 8], [n + 100; 8], [n + 200; 8]].concat())
        .collect();
    let labels: Vec<u8> = (0..10).map(|n| n % 2).collect();
    let split = read_npz(&npz(
        &[
            ("images.npy", npy("|u1", "(10, 3, 2, 4)", &planar)),
            ("labels.npy", npy("|u1", "(10,)", &labels)),
        ],
        true,
    ));
    let Split { train, test } = split.unwrap();
    assert_eq!((train.samples(), test.samples()), (8, 2));
    assert_eq!(
        (
            train.layout().height,
            train.layout().width,
            train.layout().channels
        ),
        (2, 4, 3)
    );
    for image in train.pixels().chunks(3) {
        assert_eq!((image[1], image[2]), (image[0] + 100, image[0] + 200));
    }
}

#[test]
fn arrays_that_are_no_images_or_labels_are_named() {
    let with = |name: &str, bytes: Vec<u8>| {
        let mut members = members();
        let member = members.iter_mut().find(|(other, _)| *other == name);
        member.unwrap().1 = bytes;
        read_npz(&npz(&members, false)).unwrap_err().to_string()
    };
    for (name, bytes, words) in [
        (
            "x_train.npy",
            npy("<f4", "(3, 2, 3)", &[0; 72]),
            &["<f4", "uint8"][..],
        ),
        (
            "x_train.npy",
            npy("<i2", "(1, 1, 1)", &[0, 1]),
            &["256", "255"],
        ),
        ("x_train.npy", npy("|u1", "(18,)", &[0; 18]), &["[18]"]),
        (
            "x_train.npy",
            npy("|u1", "(3, 2, 3)", &[0; 17]),
            &["17", "18"],
        ),
        ("x_train.npy", npy("|u1", "(3, 2, 3)", &[0; 19]), &["18"]),
        (
            "x_train.npy",
            npy("|u1", "(3, 1, 6)", &[0; 18]),
            &["x_test", "3 x 2", "6 x 1"],
        ),
        (
            "x_train.npy",
            npy("|u1", "(99999, 99999)", &[]),
            &["9999800001"],
        ),
        ("x_train.npy", npy("|O", "(3,)", &[]), &["|O"]),
        ("x_train.npy", b"no array".to_vec(), &["x_train"]),
        (
            "y_train.npy",
            npy("|u1", "(2,)", &[0, 1]),
            &["x_train", "3", "y_train", "2"],
        ),
        ("y_train.npy", npy("<i4", "(3,)", &[255; 12]), &["-1"]),
        ("y_train.npy", npy("|u1", "(3, 5)", &[0; 15]), &["one-hot"]),
        (
            "y_test.npy",
            npy("|u1", "(2,)", &[0, 9]),
            &["y_test", "9", "5 classes"],
        ),
    ] {
        let message = with(name, bytes);
        let near = words.iter().all(|word| message.contains(word));
        assert!(near, "{name}: {message}");
    }
    let order = members()[1].1.clone();
    let order = String::from_utf8_lossy(&order).replace("False", "True ");
    // The replacement of bytes that are no text would change the pixels; all are below 18.
    assert!(
        with("x_train.npy", [b"\x93", &order.as_bytes()[3..]].concat()).contains("column-major")
    );
    let unnamed = npz(&[("arr_0.npy", members()[1].1.clone())], false);
    let message = read_npz(&unnamed).unwrap_err().to_string();
    assert!(
        message.contains("x_train") && message.contains("arr_0"),
        "{message}"
    );
}

#[test]
fn a_changed_byte_of_an_array_is_found() {
    let mut file = npz(&members(), false);
    let pixels: Vec<u8> = (0..18).collect();
    let at = file.windows(18).position(|bytes| bytes == pixels).unwrap();
    file[at + 3] ^= 1;
    let error = read_npz(&file).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("checksum"), "{error}: {cause}");
}

#[test]
fn a_member_that_unpacks_to_more_than_its_header_says_is_refused() {
    let mut members = members();
    members[1].1.extend(vec![0; 1 << 20]);
    let error = read_npz(&npz(&members, true)).unwrap_err();
    assert!(matches!(error, DataError::Trailing { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_archives_are_an_error_or_read_as_they_were(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length in 0_usize..2000, deflate: bool,
    ) {
        let whole = npz(&members(), deflate);
        let mut bytes = whole.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if length % 2 == 0 {
            bytes.truncate(length);
        }
        if let Ok(split) = read_npz(&bytes) {
            prop_assert_eq!(split.train.features(), 6);
        }
    }
}
