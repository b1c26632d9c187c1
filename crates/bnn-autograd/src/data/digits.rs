//! The optical digits that are part of this crate: real data for examples and tests, without a
//! download.

use flate2::read::GzDecoder;

use super::csv::{self, LabelColumn, Values};
use super::{DataError, Dataset, Layout, Split};

/// Origin, licence and checksum are in the README next to the file.
const FILE: &[u8] = include_bytes!("../../data/digits/digits.csv.gz");

const TEST_SAMPLES: usize = 360;

const LAYOUT: Layout = Layout {
    width: 8,
    height: 8,
    channels: 1,
    classes: 10,
    // Pixels count the dots in a block of 4 x 4.
    white: 16,
};

/// The UCI "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998): 1797 images
/// of 8 x 8 pixels from 0 to 16, ten classes; split into 1437 to train on and 360 to test.
///
/// The split is fixed: samples are ordered by class (within a class as in the file), and the one at
/// position `p` is for testing iff `floor((p + 1) * 360 / 1797) > floor(p * 360 / 1797)`. So the
/// test samples are spread evenly, and every class has its share of them to within one.
///
/// # Errors
///
/// None in practice: the data are part of the program. A damaged build is a [`DataError`].
pub fn digits() -> Result<Split, DataError> {
    let values = Values::Whole { max: LAYOUT.white };
    let features = LAYOUT.width * LAYOUT.height;
    let table = csv::read_table(GzDecoder::new(FILE), features, &LabelColumn::Last, &values)?;
    let names: Vec<String> = (0..LAYOUT.classes).map(|class| class.to_string()).collect();
    let labels = table.labels.unwrap_or_default().classes(&names)?;
    let all = Dataset::new("digits", LAYOUT, table.pixels, labels)?;
    all.split_in_order(TEST_SAMPLES)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A failed unwrap is a failed test.

    use super::*;

    /// FNV-1a over each sample's pixels and label.
    fn checksum(set: &Dataset) -> u64 {
        let samples =
            (0..set.samples()).map(|index| (set.image(index).unwrap(), set.labels()[index]));
        samples
            .flat_map(|(image, label)| image.iter().copied().chain([label as u8]))
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
    }

    fn per_class(set: &Dataset) -> [usize; 10] {
        let mut counts = [0; 10];
        set.labels()
            .iter()
            .for_each(|&label| counts[usize::from(label)] += 1);
        counts
    }

    #[test]
    fn the_split_never_changes() {
        let Split { train, test } = digits().unwrap();
        assert_eq!((train.samples(), test.samples()), (1437, 360));
        // Computed from the CSV file by a separate program, not by this one.
        assert_eq!(checksum(&train), 0x211e_617a_5045_a697);
        assert_eq!(checksum(&test), 0x5e92_e4c5_7012_41a5);
    }

    #[test]
    fn every_class_has_its_share_of_test_samples_to_within_one() {
        const SAMPLES: usize = 1797;
        let Split { train, test } = digits().unwrap();
        for (train, test) in per_class(&train).into_iter().zip(per_class(&test)) {
            // |test - share| <= 1, with both sides multiplied by SAMPLES.
            assert!((test * SAMPLES).abs_diff((train + test) * TEST_SAMPLES) <= SAMPLES);
        }
    }

    #[test]
    fn pixels_reach_but_do_not_pass_sixteen() {
        let Split { train, test } = digits().unwrap();
        assert_eq!(train.pixels().iter().max(), Some(&16));
        assert_eq!((train.layout(), test.layout()), (LAYOUT, LAYOUT));
        // 0 to 16 is one value more than 4 bits hold.
        assert_eq!(LAYOUT.depth(), 5);
    }
}
