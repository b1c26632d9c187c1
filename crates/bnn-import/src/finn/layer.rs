//! The layers in the files of processing elements.

use crate::budget::Budget;
use crate::{Folder, ImportError};

/// A layer: a row of weights for each neuron.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// Rows of as many inputs, true for +1.
    pub(super) rows: Vec<Vec<bool>>,
    /// A neuron fires where more inputs than this match its weights; none in the last layer.
    pub(super) thresholds: Vec<i64>,
}

impl Layer {
    pub(super) fn inputs(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }
}

/// What the files of a layer hold: words of weights and thresholds of each processing element.
struct Elements {
    weights: Vec<Vec<u64>>,
    thresholds: Vec<Vec<i64>>,
}

/// Inputs of a window for each channel, in the networks that there are.
pub(super) const WINDOW: usize = 9;

/// Reads all layers.
pub(super) fn read(folder: &Folder, budget: &mut Budget) -> Result<Vec<Layer>, ImportError> {
    let mut layers: Vec<Layer> = Vec::new();
    loop {
        let index = layers.len();
        let elements = Elements::read(folder, index)?;
        if elements.weights.is_empty() {
            break;
        }
        let before = layers.last().map(|layer| layer.rows.len());
        layers.push(elements.layer(index, before, budget)?);
    }
    match layers.is_empty() {
        false => Ok(layers),
        true => Err(ImportError::format(
            "folder",
            "weights of BNN-PYNQ (0-0-weights.bin and so on)",
            "none",
        )),
    }
}

impl Elements {
    fn read(folder: &Folder, layer: usize) -> Result<Self, ImportError> {
        let (mut weights, mut thresholds) = (Vec::new(), Vec::new());
        while let Some(bytes) = folder
            .files
            .get(&format!("{layer}-{}-weights.bin", weights.len()))
        {
            let name = format!("{layer}-{}-thres.bin", weights.len());
            weights.push(words(bytes, layer, u64::from_le_bytes)?);
            if let Some(bytes) = folder.files.get(&name) {
                thresholds.push(words(bytes, layer, i64::from_le_bytes)?);
            }
        }
        let sizes = |lists: &[usize]| lists.windows(2).all(|pair| pair[0] == pair[1]);
        let of_weights: Vec<usize> = weights.iter().map(Vec::len).collect();
        let of_thresholds: Vec<usize> = thresholds.iter().map(Vec::len).collect();
        let is_even = sizes(&of_weights) && sizes(&of_thresholds);
        if !is_even || !(thresholds.is_empty() || thresholds.len() == weights.len()) {
            return Err(wrong(
                layer,
                "as much of each processing element",
                "different files",
            ));
        }
        Ok(Self {
            weights,
            thresholds,
        })
    }

    /// Finds the shape: a row has as many inputs as the layer before has neurons, or nine times as
    /// many, under a window; of the first layer, as many as its words use bits.
    fn layer(
        self,
        index: usize,
        before: Option<usize>,
        budget: &mut Budget,
    ) -> Result<Layer, ImportError> {
        let elements = self.weights.len();
        let words = self.weights.first().map_or(0, Vec::len);
        let rows = self.thresholds.first().map(Vec::len);
        let all = self
            .weights
            .iter()
            .flatten()
            .fold(0, |all, word| all | word);
        // Inputs that a processing element takes at a time.
        let used = 64 - all.leading_zeros() as usize;
        let shape = match (rows, before) {
            (Some(rows), None) if rows > 0 && words.is_multiple_of(rows) => {
                Some((rows, words / rows * used))
            }
            (Some(rows), Some(before)) if rows > 0 && words.is_multiple_of(rows) => {
                let row = words / rows;
                let fits = |inputs: &usize| {
                    row > 0 && inputs.is_multiple_of(row) && (used..=64).contains(&(inputs / row))
                };
                let inputs = [before, before.saturating_mul(WINDOW)];
                inputs.into_iter().find(fits).map(|inputs| (rows, inputs))
            }
            (None, Some(before)) if used > 0 && before.is_multiple_of(used) => {
                let row = before / used;
                words.is_multiple_of(row).then(|| (words / row, before))
            }
            _ => None,
        };
        let shape = shape.filter(|&(rows, inputs)| rows > 0 && inputs > 0);
        let Some((rows, inputs)) = shape else {
            return Err(wrong(
                index,
                "words of weights that fit its thresholds and the layer before",
                format!("{words} words of {used} bits in each of {elements} processing elements"),
            ));
        };
        budget.elements(&[rows, elements, inputs])?;
        let row = words / rows;
        let simd = inputs / row;
        // Neurons take turns among the processing elements.
        let neurons = (0..rows * elements).map(|neuron| {
            let words = &self.weights[neuron % elements][neuron / elements * row..][..row];
            let bits = words
                .iter()
                .flat_map(|word| (0..simd).map(move |bit| word >> bit & 1 == 1));
            bits.collect()
        });
        let thresholds = match self.thresholds.is_empty() {
            true => Vec::new(),
            false => (0..rows * elements)
                .map(|neuron| self.thresholds[neuron % elements][neuron / elements])
                .collect(),
        };
        Ok(Layer {
            rows: neurons.collect(),
            thresholds,
        })
    }
}

fn words<T>(bytes: &[u8], layer: usize, number: fn([u8; 8]) -> T) -> Result<Vec<T>, ImportError> {
    let (words, rest) = bytes.as_chunks();
    match rest.is_empty() {
        true => Ok(words.iter().map(|&word| number(word)).collect()),
        false => Err(wrong(
            layer,
            "files of whole words of 8 bytes",
            format!("{} bytes", bytes.len()),
        )),
    }
}

pub(super) fn wrong(
    layer: usize,
    expected: impl Into<String>,
    found: impl Into<String>,
) -> ImportError {
    ImportError::format(format!("layer {layer} of the folder"), expected, found)
}
