//! What the coefficients of recordings span: the constants of `tiny_audio::cepstrum`.

use std::path::Path;

use tiny_audio::{HOP, WINDOW, bands, cepstrum, log_bands};

use crate::Failure;
use crate::recordings::{part, words};

/// Prints the mean and the deviation of each coefficient over every fifth training recording.
///
/// # Errors
/// Files that cannot be read.
pub(crate) fn print(folder: &Path) -> Result<(), Failure> {
    let recordings = part(folder, "train", &words(folder)?)?;
    let mut sums = [[0.0; 2]; cepstrum::FEATURES];
    let (mut count, mut at_floor) = (0.0, 0.0);
    for recording in recordings.iter().step_by(5) {
        let windows = recording.samples.windows(WINDOW).step_by(HOP);
        for window in windows.filter_map(|window| window.first_chunk()) {
            let logarithms = log_bands(window);
            let floors = logarithms.iter().filter(|log| **log == bands::FLOOR);
            at_floor += floors.count() as f64 / bands::BANDS as f64;
            for ([sum, squares], x) in sums.iter_mut().zip(cepstrum::coefficients(&logarithms)) {
                *sum += f64::from(x);
                *squares += f64::from(x).powi(2);
            }
            count += 1.0;
        }
    }
    for [sum, squares] in &sums {
        let mean = sum / count;
        println!(
            "mean {mean:.0}, deviation {:.0}",
            (squares / count - mean * mean).sqrt()
        );
    }
    println!(
        "{:.1} % of the logarithms are at the floor",
        100.0 * at_floor / count
    );
    Ok(())
}
