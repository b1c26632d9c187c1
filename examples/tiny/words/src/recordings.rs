//! Recordings of words: a folder of WAV files, and tables that say which part they belong to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::Failure;

/// Samples of a recording, a second.
pub(crate) const LENGTH: usize = tiny_audio::RATE;

/// A recording of one word.
#[derive(Debug)]
pub(crate) struct Recording {
    /// [`LENGTH`] samples.
    pub(crate) samples: Vec<i16>,
    /// The word's place among the sorted words.
    pub(crate) label: u16,
}

/// The words of a folder, sorted: those of its `train.csv`.
///
/// # Errors
/// A table that cannot be read.
pub(crate) fn words(folder: &Path) -> Result<Vec<String>, Failure> {
    let words: BTreeSet<String> = table(folder, "train")?
        .into_iter()
        .map(|(_, word)| word)
        .collect();
    Ok(words.into_iter().collect())
}

/// The recordings of a part, `train`, `val` or `test`, in the order of its table.
///
/// # Errors
/// Files that cannot be read, words that training does not have.
pub(crate) fn part(folder: &Path, part: &str, words: &[String]) -> Result<Vec<Recording>, Failure> {
    let rows = table(folder, part)?.into_iter();
    let recordings = rows.map(|(file, word)| {
        let label = words.binary_search(&word);
        let label =
            label.map_err(|_| format!("{part}.csv: the word {word} is not in train.csv"))?;
        let mut samples = wav(&folder.join(file))?;
        samples.resize(LENGTH, 0);
        Ok(Recording {
            samples,
            label: label as u16,
        })
    });
    recordings.collect()
}

/// The sounds of a folder that are no words.
///
/// # Errors
/// Files that cannot be read.
pub(crate) fn noises(folder: &Path) -> Result<Vec<Vec<i16>>, Failure> {
    let folder = folder.join("background_noise");
    let entries =
        std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, std::io::Error>>()?;
    paths.sort();
    paths.iter().map(|path| wav(path)).collect()
}

/// Files and words of `PART.csv`, whose first line is `file,class`.
fn table(folder: &Path, part: &str) -> Result<Vec<(String, String)>, Failure> {
    let path = folder.join(format!("{part}.csv"));
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let rows = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    let rows = rows.map(|line| match line.trim().split_once(',') {
        Some((file, word)) => Ok((file.to_owned(), word.to_owned())),
        None => Err(format!("{}: expected `file,class`, found `{line}`", path.display()).into()),
    });
    rows.collect()
}

/// The samples of a file at 16 kHz, 16 bits, one channel.
///
/// # Errors
/// A file that cannot be read, or with samples of another kind.
pub(crate) fn wav(path: &Path) -> Result<Vec<i16>, Failure> {
    let failure = |error: hound::Error| format!("{}: {error}", path.display());
    let reader = hound::WavReader::open(path).map_err(failure)?;
    let spec = reader.spec();
    let found = (spec.sample_rate, spec.bits_per_sample, spec.channels);
    if found != (tiny_audio::RATE as u32, 16, 1) {
        let (rate, bits, channels) = found;
        let path = path.display();
        return Err(format!(
            "{path}: expected 16000 Hz, 16 bits and 1 channel, found {rate} Hz, {bits} bits and {channels} channels"
        )
        .into());
    }
    Ok(reader
        .into_samples()
        .collect::<Result<_, _>>()
        .map_err(failure)?)
}
