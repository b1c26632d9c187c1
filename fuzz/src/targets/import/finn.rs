//! Networks as folders of BNN-PYNQ.

use crate::Numbers;
use arbitrary::{Arbitrary, Unstructured};
use bnn_import::Folder;

/// A chain of fully connected layers.
#[derive(Arbitrary, Debug)]
pub(super) struct Net {
    layers: Vec<Layer>,
    /// Words of a row of the first layer.
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(1..=5))]
    words: usize,
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(1..=9))]
    classes: usize,
}

#[derive(Arbitrary, Debug)]
struct Layer {
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(1..=4))]
    elements: usize,
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(1..=9))]
    rows: usize,
}

impl Net {
    pub(super) fn folder(&self, numbers: &mut Numbers<'_>) -> Folder {
        let mut folder = Folder::default();
        let mut inputs = None;
        for (l, layer) in self.layers.iter().take(4).enumerate() {
            // Inputs at a time, and words of a row.
            let (simd, words) = match inputs {
                None => (7, self.words),
                Some(inputs) => (1, inputs),
            };
            for element in 0..layer.elements {
                let mut weights = Vec::new();
                for _ in 0..layer.rows * words {
                    let word = u64::from(numbers.byte()) & ((1 << simd) - 1);
                    weights.extend(word.to_le_bytes());
                }
                let thresholds = (0..layer.rows).flat_map(|_| {
                    let threshold = i64::from(numbers.byte() % 40) - 4;
                    threshold.to_le_bytes()
                });
                let thresholds: Vec<u8> = thresholds.collect();
                let mut add = |kind: &str, bytes| {
                    folder
                        .files
                        .insert(format!("{l}-{element}-{kind}.bin"), bytes);
                };
                add("weights", weights);
                add("thres", thresholds);
            }
            inputs = Some(layer.elements * layer.rows);
        }
        let names: Vec<String> = (0..self.classes).map(|i| format!("class {i}\n")).collect();
        folder
            .files
            .insert("classes.txt".to_owned(), names.concat().into_bytes());
        folder
    }
}
