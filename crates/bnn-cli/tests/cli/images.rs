//! Folders of images: from files to a model that knows its classes by name.

use std::fs;
use std::path::Path;

use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};
use tempfile::TempDir;

use super::{json, refused, stdout};

/// A little noise, the same in every run.
fn noise(seed: u32) -> u8 {
    (seed.wrapping_mul(2_654_435_761) >> 27) as u8 // below 32
}

/// Images of 6 x 5, more of one colour than of the others.
fn coloured(class: usize, seed: u32) -> DynamicImage {
    let image = RgbImage::from_fn(6, 5, |x, y| {
        let mut pixel = [0, 1, 2].map(|channel| 60 + noise(seed * 997 + x * 31 + y * 57 + channel));
        pixel[class] += 90;
        Rgb(pixel)
    });
    image.into()
}

/// An image of one brightness, or with a light left half.
fn grey(class: usize, seed: u32) -> DynamicImage {
    let image = GrayImage::from_fn(6, 5, |x, y| {
        let light = class == 1 || x < 3;
        Luma([noise(seed * 997 + x * 31 + y * 57) + 90 * u8::from(light)])
    });
    image.into()
}

/// Saves `count` images as `part/class/number.png`.
fn save(
    folder: &Path,
    part: &str,
    class: (usize, &str),
    count: u32,
    image: fn(usize, u32) -> DynamicImage,
) {
    let folder = folder.join(part).join(class.1);
    fs::create_dir_all(&folder).unwrap();
    for number in 0..count {
        let seed = number + 1000 * class.0 as u32 + 7 * part.len() as u32;
        let path = folder.join(format!("{number:03}.png"));
        image(class.0, seed).save(path).unwrap();
    }
}

const TRAIN: [&str; 9] = [
    "train", "--arch", "mlp:24", "--epochs", "20", "--batch", "16", "--out", "m.bnn",
];

fn train<'a>(folder: &Path, more: &[&'a str]) -> serde_json::Value {
    let args: Vec<&'a str> = TRAIN
        .iter()
        .chain(more)
        .chain(&["--json"])
        .copied()
        .collect();
    json(folder, &args)
}

#[test]
fn colours_are_learned_and_told_by_name() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    for class in ["blue", "green", "red"].into_iter().enumerate() {
        let channel_last_first = |class, seed| coloured(2 - class, seed);
        save(folder, "data/train", class, 30, channel_last_first);
        save(folder, "data/test", class, 10, channel_last_first);
    }
    let told = train(folder, &["--data", "data"]);
    assert_eq!(told["test_images"], 30);
    assert_eq!(told["mismatches"], 0);
    // 1 with each of 20 seeds.
    assert!(told["packed_accuracy"].as_f64().unwrap() > 0.9, "{told}");

    let info = json(folder, &["info", "m.bnn", "--json"]);
    assert_eq!(info["inputs"], 90);
    let evaluated = json(folder, &["eval", "m.bnn", "--data", "data", "--json"]);
    assert_eq!(evaluated["accuracy"], told["packed_accuracy"]);

    // One by one, the images give what they give together.
    let mut right = 0;
    for class in ["blue", "green", "red"] {
        for number in 0..10 {
            let path = format!("data/test/{class}/{number:03}.png");
            let name = stdout(folder, &["predict", "m.bnn", &path]);
            right += u64::from(name.trim() == class);
        }
    }
    assert_eq!(evaluated["correct"], right);
    let first = json(
        folder,
        &["predict", "m.bnn", "data/test/red/000.png", "--json"],
    );
    let names = ["blue", "green", "red"];
    assert_eq!(
        first["name"],
        names[first["class"].as_u64().unwrap() as usize]
    );

    let report = fs::read_to_string(folder.join("m.html")).unwrap();
    assert!(names.iter().all(|name| report.contains(name)));

    // The same classes in another order would be judged wrongly.
    fs::rename(
        folder.join("data/train/blue"),
        folder.join("data/train/sky"),
    )
    .unwrap();
    fs::rename(folder.join("data/test/blue"), folder.join("data/test/sky")).unwrap();
    refused(
        folder,
        &["eval", "m.bnn", "--data", "data"],
        &["class 0", "green", "blue"],
    );
}

#[test]
fn one_folder_of_any_sizes_is_resized_and_split() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    for class in ["half", "whole"].into_iter().enumerate() {
        save(folder, "data", class, 40, grey);
    }
    let large = grey(0, 5).resize_exact(60, 50, image::imageops::FilterType::Triangle);
    large.save(folder.join("data/half/large.png")).unwrap();
    refused(
        folder,
        &["train", "--data", "data"],
        &["large.png", "60 x 50", "6 x 5", "--image-size"],
    );
    let told = train(folder, &["--data", "data", "--image-size", "4x3"]);
    assert_eq!(told["test_images"], 16); // a fifth of 81
    // 20 seeds: 0.875 to 1.
    assert!(told["packed_accuracy"].as_f64().unwrap() > 0.7, "{told}");
    assert_eq!(json(folder, &["info", "m.bnn", "--json"])["inputs"], 12);
    // The test images are those that were not trained on, in the size the model takes.
    let evaluated = json(folder, &["eval", "m.bnn", "--data", "data", "--json"]);
    assert_eq!(evaluated["accuracy"], told["packed_accuracy"]);
    assert_eq!(evaluated["samples"], 16);
    let class = stdout(folder, &["predict", "m.bnn", "data/half/large.png"]);
    assert_eq!(class.trim(), "half");
    // The report says how to do it again.
    let report = fs::read_to_string(folder.join("m.html")).unwrap();
    assert!(report.contains("--image-size 4x3"));
}

#[test]
fn folders_and_sizes_that_cannot_be_used_are_refused() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    for class in ["a", "b"].into_iter().enumerate() {
        save(folder, "data", class, 10, grey);
    }
    for (args, words) in [
        (
            &["--image-size", "8x8"][..],
            &["--image-size", "digits"][..],
        ),
        (
            &["--data", "data", "--image-size", "8"],
            &["--image-size", "32x32"],
        ),
        (
            &["--data", "data", "--image-size", "0x8"],
            &["--image-size", "32x32"],
        ),
        (
            &["--data", "data", "--image-size", "99999x8"],
            &["99999 x 8", "16384"],
        ),
        (
            &["--data", "data/a"],
            &["data/a", "train-images-idx3-ubyte"],
        ),
        (&["--scale"], &["--scale", "digits", "table"]),
        (
            &["--data", "data", "--label", "last"],
            &["--label", "data", "table"],
        ),
        (&["--validation", "1.5"], &["--validation", "1.5"]),
    ] {
        refused(folder, &[&["train"], args].concat(), words);
    }
    fs::write(folder.join("data/b/bad.png"), "no image").unwrap();
    refused(folder, &["train", "--data", "data"], &["bad.png"]);
    fs::create_dir(folder.join("data/c")).unwrap();
    refused(folder, &["train", "--data", "data"], &["data/c", "image"]);
}
