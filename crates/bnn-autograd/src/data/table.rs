//! Data sets of tables: one file, or one to train on and one to test by.

use std::path::{Path, PathBuf};

use super::config::{Columns, LoadConfig, Scale};
use super::csv::{self, LabelColumn, Labels, Ranges, Raw, Values};
use super::part::{SetPart, SetParts};
use super::{DataError, Dataset, Layout, Split, source, subset};

/// A data set of a table.
#[derive(Debug)]
pub(super) struct LoadedTable {
    pub(super) split: Split,
    pub(super) columns: Columns,
    /// How the table was understood.
    pub(super) note: String,
    /// A part that is present but not used.
    pub(super) unused: Option<&'static str>,
}

/// The files of a folder that are tables called after parts of a data set.
pub(super) fn files(folder: &Path) -> Result<Vec<(SetPart, PathBuf)>, DataError> {
    let files = source::named_files(folder)?.into_iter();
    let parts = files.filter_map(|(name, path)| {
        let (stem, ending) = name.rsplit_once('.')?;
        if !["csv", "tsv"]
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
        {
            return None;
        }
        let mut words = stem.split(['_', '-', '.', ' ']);
        let part = words.next().and_then(SetPart::of);
        let part = part.or_else(|| SetPart::of(words.next_back()?))?;
        Some((part, path))
    });
    Ok(parts.collect())
}

/// Whether the folder holds a table called after the training part.
pub(super) fn is_one(folder: &Path) -> bool {
    let is_train = |(part, _): &(SetPart, PathBuf)| *part == SetPart::Train;
    files(folder).is_ok_and(|files| files.iter().any(is_train))
}

/// Reads the tables of a folder.
pub(super) fn read_folder(folder: &Path, config: &LoadConfig) -> Result<LoadedTable, DataError> {
    let (train, test, unused) = SetParts::of(files(folder)?).chosen();
    let train = train.ok_or_else(|| DataError::Missing {
        path: folder.join("train.csv"),
    })?;
    let mut loaded = read(&train, test.as_deref(), &source::name_of(folder), config)?;
    loaded.unused = unused.map(|_| "validation");
    Ok(loaded)
}

/// Reads one table, a share of whose rows is set aside for testing.
pub(super) fn read_file(path: &Path, config: &LoadConfig) -> Result<LoadedTable, DataError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = source::without_gz(&name);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    read(
        path,
        None,
        if stem.is_empty() { "table" } else { stem },
        config,
    )
}

fn read(
    train_path: &Path,
    test_path: Option<&Path>,
    name: &str,
    config: &LoadConfig,
) -> Result<LoadedTable, DataError> {
    let train = part(train_path, None, &config.label, &config.scale)?;
    let names = train.raw.labels.class_names();
    let train_labels = classes(&train.raw.labels, &names, train_path)?;
    let features = train.raw.features();
    let plan = &train.raw.plan;
    let index = plan.label.unwrap_or_default();
    let noted = LabelColumn::Noted {
        index,
        name: plan.name(index).map(str::to_owned),
    };
    let header = match plan.header {
        Some(_) => "a header and ",
        None => "",
    };
    let called = plan
        .name(index)
        .map_or(String::new(), |name| format!(" ({name:?})"));
    let note = format!(
        "{}: {header}{} rows, {features} features, the label in column {} of {}{called}",
        train_path.display(),
        train_labels.len(),
        index + 1,
        plan.columns
    );

    let (split, ranges) = match test_path {
        None => {
            let (fit, judge) = subset::split_by_share(
                &train_labels,
                config.images.test_share,
                config.images.test_seed,
            )?;
            let (pixels, ranges) = train.bytes(&config.scale, &fit)?;
            let all = dataset(name, features, &names, pixels, train_labels)?;
            let split = Split {
                train: all.subset(&fit)?,
                test: all.subset(&judge)?,
            };
            (split, ranges)
        }
        Some(test_path) => {
            let test = part(test_path, Some(features), &noted, &config.scale)?;
            if test.raw.plan.label.is_none() {
                return Err(DataError::CsvNoLabel {
                    path: test_path.to_owned(),
                });
            }
            let test_labels = classes(&test.raw.labels, &names, test_path)?;
            let rows: Vec<usize> = (0..train_labels.len()).collect();
            let (pixels, ranges) = train.bytes(&config.scale, &rows)?;
            let test_pixels = test.bytes_by(ranges.as_ref());
            let split = Split {
                train: dataset(name, features, &names, pixels, train_labels)?,
                test: dataset(name, features, &names, test_pixels, test_labels)?,
            };
            (split, ranges)
        }
    };
    Ok(LoadedTable {
        split,
        columns: Columns {
            label: Some(noted),
            values: ranges.map_or(Values::Whole { max: u8::MAX }, Values::Real),
        },
        note,
        unused: None,
    })
}

/// A table with its values as they are in the file.
struct PartTable {
    values: Numbers,
    raw: Raw,
}

enum Numbers {
    Whole(Vec<u8>),
    Real(Vec<f32>),
}

impl PartTable {
    /// The values as bytes, and the ranges of real numbers: those given, or those of the rows
    /// named.
    fn bytes(self, scale: &Scale, rows: &[usize]) -> Result<(Vec<u8>, Option<Ranges>), DataError> {
        let features = self.raw.features();
        let ranges = match (&self.values, scale) {
            (Numbers::Whole(_), _) => None,
            (Numbers::Real(_), Scale::By(ranges)) => {
                ranges.check(features)?;
                Some(ranges.clone())
            }
            (Numbers::Real(values), _) => {
                let row = |&row: &usize| &values[row * features..][..features];
                Some(Ranges::of(rows.iter().map(row), features))
            }
        };
        Ok((self.bytes_by(ranges.as_ref()), ranges))
    }

    fn bytes_by(self, ranges: Option<&Ranges>) -> Vec<u8> {
        let features = self.raw.features();
        match (self.values, ranges) {
            (Numbers::Whole(bytes), _) => bytes,
            (Numbers::Real(values), Some(ranges)) => {
                let numbers = values.iter().enumerate();
                numbers
                    .map(|(at, &x)| ranges.byte(at % features, x))
                    .collect()
            }
            (Numbers::Real(_), None) => Vec::new(),
        }
    }
}

fn part(
    path: &Path,
    features: Option<usize>,
    label: &LabelColumn,
    scale: &Scale,
) -> Result<PartTable, DataError> {
    let reader = source::open(path)?;
    let table = match scale {
        Scale::None => csv::parse(reader, features, label, &csv::whole(u8::MAX))
            .map(|(values, raw)| (Numbers::Whole(values), raw)),
        Scale::Fit | Scale::By(_) => csv::parse(reader, features, label, &csv::reals())
            .map(|(values, raw)| (Numbers::Real(values), raw)),
    };
    let (values, raw) = table.map_err(in_file(path))?;
    Ok(PartTable { values, raw })
}

fn classes(labels: &Labels, names: &[String], path: &Path) -> Result<Vec<u16>, DataError> {
    labels.classes(names).map_err(in_file(path))
}

fn in_file(path: &Path) -> impl FnOnce(DataError) -> DataError {
    let path = path.to_owned();
    |source| DataError::InFile {
        path,
        source: Box::new(source),
    }
}

fn dataset(
    name: &str,
    features: usize,
    class_names: &[String],
    pixels: Vec<u8>,
    labels: Vec<u16>,
) -> Result<Dataset, DataError> {
    let layout = Layout {
        width: features,
        height: 1,
        channels: 1,
        classes: class_names.len(),
        white: u8::MAX,
    };
    Dataset::new(name, layout, pixels, labels)?.with_class_names(class_names.to_vec())
}

#[cfg(test)]
mod laws;
