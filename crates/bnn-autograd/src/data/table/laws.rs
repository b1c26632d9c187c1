//! Tables of numbers become the samples that they mean.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::data::Loaded;

fn load(folder: &TempDir, spec: &str, config: &LoadConfig) -> Result<Loaded, DataError> {
    crate::data::load(folder.path().join(spec).to_str().unwrap(), config)
}

/// Real numbers of two classes, 10 rows of each, under a header.
fn flowers() -> String {
    let row = |i: u32| {
        let kind = ["rose", "lily"][i as usize % 2];
        format!("{}.5,{kind},{}\n", i, 100 - i)
    };
    (0..20)
        .map(row)
        .fold("petal,kind,sepal\n".to_owned(), |text, row| text + &row)
}

#[test]
fn a_table_is_split_with_its_classes_by_name() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("flowers.csv"), flowers()).unwrap();
    let config = LoadConfig {
        label: LabelColumn::Named("kind".to_owned()),
        scale: Scale::Fit,
        ..LoadConfig::default()
    };
    let loaded = load(&folder, "flowers.csv", &config).unwrap();
    let Split { train, test } = &loaded.split;
    assert_eq!((train.samples(), test.samples()), (16, 4));
    assert_eq!(test.class_counts(), [2, 2]);
    assert_eq!(train.class_names(), ["lily", "rose"]);
    assert_eq!(
        (train.features(), train.name(), loaded.source.as_str()),
        (2, "flowers", "flowers.csv")
    );
    // The ranges are those of the training rows: their least and greatest are 0 and 255.
    for column in 0..2 {
        let values = || train.pixels().iter().skip(column).step_by(2);
        assert_eq!((values().min(), values().max()), (Some(&0), Some(&255)));
    }
    assert!(
        loaded.notes[0].contains("column 2 of 3 (\"kind\")"),
        "{:?}",
        loaded.notes
    );

    // Without scaling the first fraction is named.
    let config = LoadConfig {
        scale: Scale::None,
        ..config
    };
    let error = load(&folder, "flowers.csv", &config)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("flowers.csv: line 2, column 1: \"0.5\""),
        "{error}"
    );
}

#[test]
fn a_folder_of_two_tables_is_trained_on_one_and_judged_by_the_other() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        fs::create_dir_all(folder.path().join("set")).unwrap();
        fs::write(folder.path().join("set").join(name), text).unwrap();
    };
    write("mnist_train.csv", "5,0,255\n4,7,8\n");
    write("mnist_test.csv", "label,a,b\n0,1,2\n");
    let config = LoadConfig {
        label: LabelColumn::First,
        ..LoadConfig::default()
    };
    let Split { train, test } = load(&folder, "set", &config).unwrap().split;
    assert_eq!((train.labels(), test.labels()), (&[5, 4][..], &[0][..]));
    assert_eq!(
        (train.pixels(), test.pixels()),
        (&[0, 255, 7, 8][..], &[1, 2][..])
    );
    assert_eq!((train.layout().classes, train.name()), (6, "set"));

    write("mnist_test.csv", "6,1,2\n");
    let error = load(&folder, "set", &config).unwrap_err().to_string();
    assert!(
        error.contains("mnist_test.csv: row 1 has the label \"6\""),
        "{error}"
    );
    write("mnist_test.csv", "1,2\n");
    let error = load(&folder, "set", &config).unwrap_err();
    assert!(matches!(&error, DataError::CsvNoLabel { path } if path.ends_with("mnist_test.csv")));
}
