//! Whole folders, as people have them.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;

use image::{GrayImage, Luma, Rgb, RgbImage};
use tempfile::TempDir;

use super::*;
use crate::data::split_at;

fn save_grey(folder: &Path, path: &str, (width, height): (u32, u32), value: u8) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let image = GrayImage::from_pixel(width, height, Luma([value]));
    image.save(path).unwrap();
}

fn save_rgb(folder: &Path, path: &str, value: [u8; 3]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_pixel(3, 2, Rgb(value)).save(path).unwrap();
}

/// `train` and `test` with two classes each, of images of 3 x 2, each of one value of its own.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, value) in [
        ("train/dog/b.png", 4),
        ("train/dog/a.bmp", 3),
        ("train/cat/2.pgm", 2),
        ("train/cat/1.PNG", 1),
        ("test/cat/9.png", 5),
        ("test/dog/8.png", 6),
    ] {
        save_grey(folder.path(), path, (3, 2), value);
    }
    folder
}

/// The first value of each image.
fn firsts(set: &Dataset) -> Vec<u8> {
    let images = set.pixels().chunks(set.features());
    images.map(|image| image[0]).collect()
}

fn read_plain(folder: &TempDir) -> Result<Split, DataError> {
    read(folder.path(), FolderConfig::default())
}

fn read(folder: &Path, config: FolderConfig) -> Result<Split, DataError> {
    super::read(folder, config).map(|(split, _)| split)
}

#[test]
fn train_and_test_are_read_by_class_in_the_order_of_names() {
    let folder = folder();
    let split = split_at(folder.path()).unwrap();
    assert_eq!(firsts(&split.train), [1, 2, 3, 4]);
    assert_eq!(split.train.labels(), [0, 0, 1, 1]);
    assert_eq!(firsts(&split.test), [5, 6]);
    assert_eq!(split.test.labels(), [0, 1]);
    for set in [&split.train, &split.test] {
        assert_eq!(set.class_names(), ["cat", "dog"]);
        assert_eq!(
            (
                set.layout().width,
                set.layout().height,
                set.layout().channels
            ),
            (3, 2, 1)
        );
        assert_eq!((set.layout().depth(), set.layout().classes), (8, 2));
        assert!(folder.path().ends_with(set.name()));
    }
}

#[test]
fn one_folder_is_split_by_share_and_seed() {
    let folder = TempDir::new().unwrap();
    for value in 0..20 {
        let class = ["a", "b"][usize::from(value % 2)];
        save_grey(
            folder.path(),
            &format!("{class}/{value}.png"),
            (3, 2),
            value,
        );
    }
    let read = |test_seed| {
        let config = FolderConfig {
            test_share: 0.3,
            test_seed,
            ..FolderConfig::default()
        };
        read(folder.path(), config).unwrap()
    };
    let split = read(1);
    assert_eq!(split.train.class_counts(), [7, 7]);
    assert_eq!(split.test.class_counts(), [3, 3]);
    assert_eq!(split, read(1));
    assert_ne!(firsts(&split.test), firsts(&read(2).test));
    let mut all = [firsts(&split.train), firsts(&split.test)].concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..20));
}

#[test]
fn a_folder_named_train_alone_is_a_class() {
    let folder = folder();
    fs::remove_dir_all(folder.path().join("test")).unwrap();
    let error = read_plain(&folder).unwrap_err();
    assert!(
        matches!(&error, DataError::NoImages { path } if path.ends_with("train")),
        "{error}"
    );
    save_grey(folder.path(), "train/1.png", (3, 2), 1);
    save_grey(folder.path(), "tram/1.png", (3, 2), 2);
    let config = FolderConfig {
        test_share: 0.5,
        ..FolderConfig::default()
    };
    let split = read(folder.path(), config).unwrap();
    assert_eq!(split.train.class_names(), ["train", "tram"]);
}

#[test]
fn one_coloured_training_image_makes_all_coloured() {
    let folder = folder();
    save_rgb(folder.path(), "train/cat/3.png", [7, 8, 9]);
    let Split { train, test } = read_plain(&folder).unwrap();
    assert_eq!((train.layout().channels, test.layout().channels), (3, 3));
    let pixels: Vec<[u8; 3]> = train
        .pixels()
        .chunks(18)
        .map(|image| [image[0], image[1], image[2]])
        .collect();
    assert_eq!(pixels, [[1; 3], [2; 3], [7, 8, 9], [3; 3], [4; 3]]);
    assert_eq!(test.pixels(), [[5; 18], [6; 18]].concat());

    // Grey by choice, or because only a test image has colour.
    let config = FolderConfig {
        colour: Some(Colour::Grey),
        ..FolderConfig::default()
    };
    assert_eq!(
        read(folder.path(), config).unwrap().train.layout().channels,
        1
    );
    fs::remove_file(folder.path().join("train/cat/3.png")).unwrap();
    save_rgb(folder.path(), "test/cat/0.png", [7, 8, 9]);
    let Split { train, test } = read_plain(&folder).unwrap();
    assert_eq!((train.layout().channels, test.layout().channels), (1, 1));
    assert_eq!(test.samples(), 3);
}

#[test]
fn images_of_different_sizes_need_a_size() {
    for odd in ["train/dog/c.png", "test/dog/c.png"] {
        let folder = folder();
        save_grey(folder.path(), odd, (2, 3), 9);
        let error = read_plain(&folder).unwrap_err();
        let DataError::ImageDimensions {
            path,
            found: (2, 3),
            expected: (3, 2),
        } = &error
        else {
            panic!("{error}");
        };
        assert!(path.ends_with(odd));
        let config = FolderConfig {
            size: Some((4, 5)),
            ..FolderConfig::default()
        };
        let Split { train, test } = read(folder.path(), config).unwrap();
        assert_eq!((train.layout().width, train.layout().height), (4, 5));
        assert_eq!(train.layout(), test.layout());
        assert_eq!(train.samples() + test.samples(), 7);
    }
    let config = FolderConfig {
        size: Some((0, 5)),
        ..FolderConfig::default()
    };
    let error = read(folder().path(), config).unwrap_err();
    assert!(matches!(error, DataError::Size { width: 0, .. }));
}

#[test]
fn what_is_no_image_is_passed_over() {
    let folder = folder();
    let expected = read_plain(&folder).unwrap();
    for path in [
        "README.md",
        "train/list.csv",
        "train/cat/notes.txt",
        "train/cat/Thumbs.db",
        "train/cat/._1.png",
        "train/.cache/1.png",
        ".git/config",
        "train/cat/deeper/1.png",
        "train/cat/folder.png/1.png",
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "no image").unwrap();
    }
    assert_eq!(read_plain(&folder).unwrap(), expected);
}

#[test]
fn a_damaged_image_is_named() {
    for (name, bytes) in [("bad.png", &b"no image"[..]), ("empty.jpg", b"")] {
        let folder = folder();
        fs::write(folder.path().join("test/dog").join(name), bytes).unwrap();
        let error = read_plain(&folder).unwrap_err();
        assert!(
            matches!(&error, DataError::Image { path, .. } if path.ends_with(name)),
            "{error}"
        );
        assert!(error.to_string().contains(name));
    }
}

#[test]
fn folders_without_classes_or_images_are_named() {
    let empty = TempDir::new().unwrap();
    let error = read_plain(&empty).unwrap_err();
    assert!(matches!(&error, DataError::NoClasses { path } if path == empty.path()));
    let error = read(&empty.path().join("absent"), FolderConfig::default()).unwrap_err();
    assert!(matches!(&error, DataError::Io { path, .. } if path.ends_with("absent")));

    let folder = folder();
    fs::create_dir(folder.path().join("train/fox")).unwrap();
    let error = read_plain(&folder).unwrap_err();
    assert!(matches!(&error, DataError::NoImages { path } if path.ends_with("train/fox")));

    let folder = self::folder();
    fs::remove_dir_all(folder.path().join("test")).unwrap();
    fs::create_dir_all(folder.path().join("test/cat")).unwrap();
    let error = read_plain(&folder).unwrap_err();
    assert!(matches!(&error, DataError::NoImages { path } if path.ends_with("test")));
}

#[test]
fn a_test_class_may_be_absent_but_not_unknown() {
    let folder = folder();
    fs::remove_dir_all(folder.path().join("test/cat")).unwrap();
    let test = read_plain(&folder).unwrap().test;
    assert_eq!((test.labels(), test.layout().classes), (&[1][..], 2));
    save_grey(folder.path(), "test/fox/1.png", (3, 2), 1);
    let error = read_plain(&folder).unwrap_err();
    assert!(matches!(&error, DataError::UnknownClass { path } if path.ends_with("test/fox")));
}

#[test]
fn there_may_be_more_classes_than_a_byte_can_number() {
    let folder = TempDir::new().unwrap();
    for class in 0..300 {
        save_grey(folder.path(), &format!("{class:03}/1.pgm"), (1, 1), 1);
    }
    let Split { train, test } = read_plain(&folder).unwrap();
    assert_eq!((train.layout().classes, test.layout().classes), (300, 300));
    let mut labels = [train.labels(), test.labels()].concat();
    labels.sort_unstable();
    assert!(labels.into_iter().eq(0..300));
}

#[test]
fn parts_are_known_by_any_usual_name() {
    let expected = read_plain(&folder()).unwrap();
    for (train, test) in [
        ("Train", "Test"),
        ("training", "val"),
        ("TRAIN", "valid"),
        ("train", "validation"),
        ("Training", "Testing"),
    ] {
        let folder = folder();
        let path = |name: &str| folder.path().join(name);
        fs::rename(path("train"), path(train)).unwrap();
        fs::rename(path("test"), path(test)).unwrap();
        let split = read_plain(&folder).unwrap();
        assert_eq!(split.checksum(), expected.checksum(), "{train}, {test}");
    }
    // With both, the test images judge.
    let folder = folder();
    save_grey(folder.path(), "val/cat/1.png", (3, 2), 99);
    let (split, notes) = super::read(folder.path(), FolderConfig::default()).unwrap();
    assert_eq!(split.checksum(), expected.checksum());
    assert!(notes[0].contains("val are not used"), "{notes:?}");
}

#[test]
fn files_that_are_passed_over_are_counted_by_how_they_end() {
    let folder = folder();
    assert_eq!(
        super::read(folder.path(), FolderConfig::default())
            .unwrap()
            .1,
        [""; 0]
    );
    for path in [
        "train/cat/a.tiff",
        "train/dog/b.TIFF",
        "test/dog/notes",
        "train/cat/.hidden",
    ] {
        fs::write(folder.path().join(path), "no image").unwrap();
    }
    let (_, notes) = super::read(folder.path(), FolderConfig::default()).unwrap();
    assert_eq!(notes, ["3 of 9 files passed over (.tiff 2, (no ending) 1)"]);
}

#[test]
fn images_that_are_too_many_for_the_memory_are_refused_before_they_are_read() {
    let config = FolderConfig {
        size: Some((1 << 14, 1 << 14)),
        colour: Some(Colour::Rgb),
        ..FolderConfig::default()
    };
    let stack = Stack::new(Path::new("many"), config);
    // 768 MiB each.
    for images in [6, usize::MAX] {
        let error = stack.room_for(images).unwrap_err();
        assert!(
            matches!(&error, DataError::TooLarge { path, promised, limit: MAX_BYTES }
                if path == Path::new("many") && *promised > MAX_BYTES),
            "{error}"
        );
    }
}

#[test]
fn idx_files_are_not_taken_for_images() {
    let folder = folder();
    let loaded = |path: &Path| split_at(path);
    assert!(loaded(folder.path()).is_ok());
    let path = folder.path().join("train-images-idx3-ubyte");
    fs::write(&path, "").unwrap();
    let error = loaded(folder.path()).unwrap_err();
    assert!(matches!(error, DataError::Missing { .. }), "{error}");
    assert!(!is_one(&folder.path().join("train/cat")));
    assert!(!is_one(Path::new("no/such/place")));
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_those_in_circles_end() {
    use std::os::unix::fs::symlink;

    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    symlink(path("train/dog/b.png"), path("train/dog/c.png")).unwrap();
    symlink(path("train/cat"), path("train/lynx")).unwrap();
    symlink(folder.path(), path("train/dog/up")).unwrap();
    let train = read_plain(&folder).unwrap().train;
    assert_eq!(train.class_names(), ["cat", "dog", "lynx"]);
    assert_eq!(firsts(&train), [1, 2, 3, 4, 4, 1, 2]);

    // A folder that is linked into itself is a class without images.
    symlink(path("train"), path("train/round")).unwrap();
    let error = read_plain(&folder).unwrap_err();
    assert!(matches!(&error, DataError::NoImages { path } if path.ends_with("round")));
    fs::remove_file(path("train/round")).unwrap();

    for target in ["train/cat/self.png", "nowhere.png"] {
        symlink(path(target), path("train/cat/self.png")).unwrap();
        let error = read_plain(&folder).unwrap_err();
        assert!(matches!(&error, DataError::Io { path, .. } if path.ends_with("self.png")));
        fs::remove_file(path("train/cat/self.png")).unwrap();
    }
}
