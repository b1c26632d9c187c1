//! Features of recordings, as arrays that `bnn train --data` takes.

use std::path::Path;

use bnn_autograd::Rng;
use bnn_autograd::data::{Dataset, Layout};
use bnn_autograd::files::write_atomic;
use tiny_audio::{FEATURES, FrontEnd, frames};

use crate::Failure;
use crate::augment::Variation;
use crate::recordings::{LENGTH, Recording, noises, part, words};

/// Frames of a recording.
pub(crate) const FRAMES: usize = frames(LENGTH);

/// The frames of a sound, one after the other.
#[must_use]
pub(crate) fn features(samples: &[i16]) -> Vec<u8> {
    let mut front_end = FrontEnd::new();
    samples
        .iter()
        .filter_map(|sample| front_end.push(*sample))
        .flatten()
        .collect()
}

/// Writes the features of all parts of a folder of recordings, `x_train.npy`, `y_train.npy` and so
/// on, into another. Training recordings come as they are, and `copies` times varied.
///
/// # Errors
/// Files that cannot be read or written.
pub(crate) fn write(folder: &Path, out: &Path, copies: usize, seed: u64) -> Result<(), Failure> {
    let words = words(folder)?;
    let noises = noises(folder)?;
    std::fs::create_dir_all(out)?;
    write_atomic(out.join("words.txt"), words.join("\n").as_bytes())?;
    write_atomic(out.join("copies.txt"), (copies + 1).to_string().as_bytes())?;
    for name in ["train", "val", "test"] {
        let recordings = part(folder, name, &words)?;
        let copies = if name == "train" { copies } else { 0 };
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for copy in 0..=copies {
            let mut rng = Rng::new(seed.wrapping_mul(1000).wrapping_add(copy as u64));
            for Recording { samples, label } in &recordings {
                x.extend(match copy {
                    0 => features(samples),
                    _ => features(&Variation::USUAL.of(samples, &noises, &mut rng)),
                });
                y.extend(label.to_le_bytes());
            }
        }
        let samples = recordings.len() * (copies + 1);
        npy(
            out,
            &format!("x_{name}"),
            "|u1",
            &format!("{samples}, {FRAMES}, {FEATURES}"),
            &x,
        )?;
        npy(out, &format!("y_{name}"), "<u2", &format!("{samples},"), &y)?;
        println!(
            "{name}: {samples} samples of {} recordings",
            recordings.len()
        );
    }
    Ok(())
}

/// Reads a part that [`write()`] has written.
///
/// # Errors
/// Files that cannot be read or are none that [`write()`] has written.
pub(crate) fn read(folder: &Path, part: &str) -> Result<Dataset, Failure> {
    let words = std::fs::read_to_string(folder.join("words.txt"))?;
    let words: Vec<String> = words.lines().map(str::to_owned).collect();
    let x = array(folder, &format!("x_{part}"))?;
    let y = array(folder, &format!("y_{part}"))?;
    let labels = y.as_chunks::<2>().0.iter();
    let labels = labels.map(|y| u16::from_le_bytes(*y)).collect();
    let layout = Layout {
        width: 1,
        height: FRAMES,
        channels: FEATURES,
        classes: words.len(),
        white: 255,
    };
    Ok(Dataset::new(part, layout, x, labels)?.with_class_names(words)?)
}

/// Reads the training samples that [`write()`] has written, apart: the recordings as they are, and
/// each time that they were varied.
///
/// # Errors
/// Files that cannot be read or are none that [`write()`] has written.
pub(crate) fn read_copies(folder: &Path) -> Result<Vec<Dataset>, Failure> {
    let all = read(folder, "train")?;
    let copies = std::fs::read_to_string(folder.join("copies.txt"))?;
    let size = all.samples() / copies.trim().parse::<usize>()?.max(1);
    let pixels = all.pixels().chunks(size.max(1) * all.features());
    let parts = pixels.zip(all.labels().chunks(size.max(1)));
    let parts =
        parts.map(|(x, y)| Ok(Dataset::new("train", all.layout(), x.to_vec(), y.to_vec())?));
    parts.collect()
}

/// Writes an array in NumPy's format, version 1.
fn npy(folder: &Path, name: &str, kind: &str, shape: &str, bytes: &[u8]) -> Result<(), Failure> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    // 128 bytes with the newline.
    file.extend(format!("{header:117}\n").bytes());
    file.extend(bytes);
    Ok(write_atomic(folder.join(format!("{name}.npy")), &file)?)
}

/// The elements of an array that [`npy`] has written.
fn array(folder: &Path, name: &str) -> Result<Vec<u8>, Failure> {
    let path = folder.join(format!("{name}.npy"));
    let mut file = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    if file.len() < 128 || !file.starts_with(b"\x93NUMPY\x01\x00\x76\x00") {
        return Err(format!(
            "{}: expected an array that `words features` has written",
            path.display()
        )
        .into());
    }
    Ok(file.split_off(128))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bnn_autograd::data::{LoadConfig, load};

    #[test]
    fn arrays_are_those_that_bnn_train_reads() -> Result<(), Failure> {
        let folder = tempfile::tempdir()?;
        let frames: Vec<u8> = (0..3 * FRAMES * FEATURES)
            .map(|i| (i % 251) as u8)
            .collect();
        let labels: Vec<u8> = [0_u16, 1, 1].iter().flat_map(|y| y.to_le_bytes()).collect();
        for part in ["train", "test"] {
            let shape = format!("3, {FRAMES}, {FEATURES}");
            npy(folder.path(), &format!("x_{part}"), "|u1", &shape, &frames)?;
            npy(folder.path(), &format!("y_{part}"), "<u2", "3,", &labels)?;
        }
        write_atomic(folder.path().join("words.txt"), b"no\nyes")?;
        let loaded = load(&folder.path().to_string_lossy(), &LoadConfig::default())?;
        assert_eq!(loaded.split.train.pixels(), frames);
        let own = read(folder.path(), "train")?;
        assert_eq!((own.pixels(), own.labels()), (&frames[..], &[0, 1, 1][..]));
        assert_eq!(own.class_names(), ["no", "yes"]);
        Ok(())
    }

    #[test]
    fn other_files_are_refused_by_name() -> Result<(), Failure> {
        let folder = tempfile::tempdir()?;
        write_atomic(folder.path().join("x_val.npy"), b"no array")?;
        let told = array(folder.path(), "x_val")
            .err()
            .map(|error| error.to_string());
        assert!(told.is_some_and(|told| told.contains("x_val.npy")));
        Ok(())
    }
}
