//! Layers as a network, and as a model file.

use bnn_core::BitMatrix;
use bnn_core::conv::{Conv2d, ConvOptions, Padding, Pool2d};
use bnn_core::model::{Epilogue, InputType, ModelWriter};

use super::layer::{Layer, WINDOW, wrong};
use crate::ImportError;

/// The network of a folder.
#[derive(Debug)]
pub(super) struct FinnNetwork {
    pub(super) layers: Vec<Layer>,
    pub(super) kind: FinnKind,
    /// Inputs of the first layer whose weight is +1 in all rows, and whose bit is -1: padding.
    pub(super) padding: usize,
    classes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FinnKind {
    /// Fully connected layers, whose inputs are the bits `byte >= 128`.
    Dense,
    /// Convolutions, then fully connected layers, on images of 32x32x3 bytes.
    Cnv,
}

/// The image and the convolutions of CNV.
pub(super) const IMAGE: [usize; 3] = [32, 32, 3];
pub(super) const CONVOLUTIONS: usize = 6;
/// A byte that is +1, at least.
pub(super) const BRIGHT: u8 = 128;

/// Whether a pool of 2x2 follows this layer of CNV.
pub(super) fn is_pooled(layer: usize) -> bool {
    layer == 1 || layer == 3
}

impl FinnNetwork {
    pub(super) fn new(mut layers: Vec<Layer>, classes: Vec<String>) -> Result<Self, ImportError> {
        let last = layers.len() - 1;
        let is_window: Vec<bool> = layers
            .windows(2)
            .map(|pair| pair[1].inputs() != pair[0].rows.len())
            .collect();
        let kind = match layers[0].inputs() == WINDOW * IMAGE[2] {
            true => FinnKind::Cnv,
            false => FinnKind::Dense,
        };
        let expected = |layer: usize| kind == FinnKind::Cnv && layer < CONVOLUTIONS;
        if let Some(at) = (1..=last).find(|&layer| is_window[layer - 1] != expected(layer)) {
            return Err(wrong(
                at,
                "a network of fully connected layers, or CNV: six convolutions of 3x3, and fully \
                 connected layers",
                format!("{} inputs", layers[at].inputs()),
            ));
        }
        if kind == FinnKind::Cnv && last < CONVOLUTIONS {
            return Err(wrong(last, "fully connected layers at the end", "none"));
        }
        let hidden = layers[..last].iter().position(|l| l.thresholds.is_empty());
        if let Some(at) = hidden {
            return Err(wrong(at, "thresholds", "none"));
        }
        // The sums of the last layer are the scores.
        let outputs = layers[last].rows.len();
        if classes.len() > outputs {
            let found = classes.len().to_string();
            return Err(wrong(last, format!("at most {outputs} classes"), found));
        }
        if !classes.is_empty() {
            layers[last].rows.truncate(classes.len());
        }
        let padding = match kind {
            FinnKind::Cnv => 0,
            FinnKind::Dense => padding(&layers[0]),
        };
        if padding == layers[0].inputs() {
            return Err(wrong(0, "weights of -1 and of +1", "+1 alone"));
        }
        Ok(Self {
            layers,
            kind,
            padding,
            classes,
        })
    }

    /// Bytes of a sample.
    pub(super) fn inputs(&self) -> usize {
        match self.kind {
            FinnKind::Cnv => IMAGE.iter().product(),
            FinnKind::Dense => self.layers[0].inputs() - self.padding,
        }
    }

    /// Products of a sample.
    pub(super) fn operations(&self) -> usize {
        let mut side = IMAGE[0];
        let mut operations = 0_usize;
        for (index, layer) in self.layers.iter().enumerate() {
            let mut windows = 1;
            if self.kind == FinnKind::Cnv && index < CONVOLUTIONS {
                side = side.saturating_sub(2);
                windows = side * side;
                if is_pooled(index) {
                    side /= 2;
                }
            }
            let weights = layer.rows.len().saturating_mul(layer.inputs());
            operations = operations.saturating_add(weights.saturating_mul(windows));
        }
        operations
    }

    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.kind == FinnKind::Dense {
            notes.push(format!(
                "{} inputs, {} more being padding; a byte counts as +1 from {BRIGHT} on",
                self.inputs(),
                self.padding
            ));
        }
        if self.classes.is_empty() {
            notes.push("no classes.txt: all neurons of the last layer are outputs".to_owned());
        }
        notes
    }

    pub(super) fn write(&self) -> Result<Vec<u8>, ImportError> {
        let mut writer = match self.kind {
            FinnKind::Cnv => ModelWriter::new(InputType::Unsigned { depth: 8 }),
            FinnKind::Dense => ModelWriter::with_thresholds(&vec![BRIGHT; self.inputs()]),
        };
        let mut image = IMAGE;
        for (index, layer) in self.layers.iter().enumerate() {
            let weights = self.weights(index)?;
            let thresholds = self.thresholds(index);
            let epilogue = match index + 1 == self.layers.len() {
                true => Epilogue::Sums,
                false => Epilogue::Threshold(thresholds.as_slice().into()),
            };
            if self.kind == FinnKind::Dense || index >= CONVOLUTIONS {
                writer.dense(weights.view(), epilogue)?;
                continue;
            }
            let n = layer.rows.len();
            let conv = Conv2d::new(image, n, [3, 3], ConvOptions::default())?;
            writer.conv2d(&conv, weights.view(), epilogue)?;
            let [height, width] = conv.windows().output_size();
            image = [height, width, n];
            if is_pooled(index) {
                let pool = Pool2d::new(image, [2, 2], [2, 2], Padding::Valid)?;
                writer.max_pool2d(&pool)?;
                let [height, width] = pool.windows().output_size();
                image = [height, width, n];
            }
        }
        Ok(writer.meta(&self.meta()).finish()?)
    }

    fn meta(&self) -> String {
        let [height, width, channels] = IMAGE;
        let mut meta = match self.kind {
            FinnKind::Cnv => {
                format!("width={width}\nheight={height}\nmax=255\nchannels={channels}\n")
            }
            FinnKind::Dense => String::new(),
        };
        meta.push_str("name=imported from BNN-PYNQ\n");
        for (i, name) in self.classes.iter().enumerate() {
            meta.push_str(&format!("class.{i}={}\n", name.escape_default()));
        }
        meta
    }

    /// The weights of a layer, without padding.
    fn weights(&self, index: usize) -> Result<BitMatrix, bnn_core::Error> {
        let rows = &self.layers[index].rows;
        let k = self.layers[index].inputs() - self.padding_of(index);
        let mut bits = BitMatrix::zeros(rows.len(), k)?;
        let mut view = bits.view_mut();
        for (o, row) in rows.iter().enumerate() {
            for (i, &plus) in row[..k].iter().enumerate() {
                view.set(o, i, plus);
            }
        }
        Ok(bits)
    }

    fn padding_of(&self, index: usize) -> usize {
        if index == 0 { self.padding } else { 0 }
    }

    /// Thresholds of the sums of -1 and +1, or of bytes.
    fn thresholds(&self, index: usize) -> Vec<i32> {
        let layer = &self.layers[index];
        let k = (layer.inputs() - self.padding_of(index)) as i128;
        let neurons = layer.rows.iter().zip(&layer.thresholds);
        let least = neurons.map(|(row, &threshold)| {
            let threshold = i128::from(threshold);
            match (self.kind, index) {
                (FinnKind::Cnv, 0) => {
                    // sum(w (2p / 255 - 1)) > t / 256, in whole numbers:
                    // 512 sum(w p) > 255 (t + 256 sum(w)).
                    let plus = row.iter().filter(|&&plus| plus).count() as i128;
                    (255 * (threshold + 256 * (2 * plus - k))).div_euclid(512) + 1
                }
                // The sum of m matches is 2m - k; padding never matches.
                _ => 2 * threshold - k + 1,
            }
        });
        let clamp = |x: i128| x.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        least.map(clamp).collect()
    }
}

/// Inputs at the end of all rows whose weights are +1 in each.
fn padding(layer: &Layer) -> usize {
    let is_padding = |&i: &usize| layer.rows.iter().all(|row| row[i]);
    (0..layer.inputs()).rev().take_while(is_padding).count()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::Limits;

    /// The command compares eight samples within its limits.
    #[test]
    fn operations_of_cnv_are_those_of_its_windows() {
        let sizes = [
            (64, 27),
            (64, 576),
            (128, 576),
            (128, 1152),
            (256, 1152),
            (256, 2304),
            (512, 256),
            (512, 512),
            (10, 512),
        ];
        let layers = sizes.map(|(outputs, inputs)| Layer {
            rows: vec![vec![false; inputs]; outputs],
            thresholds: vec![0; outputs],
        });
        let network = FinnNetwork::new(layers.to_vec(), Vec::new()).unwrap();
        let windows = [900, 784, 144, 100, 9, 1, 1, 1, 1];
        let products = sizes.iter().zip(windows).map(|((n, k), m)| n * k * m);
        assert_eq!(network.operations(), products.sum::<usize>());
        assert!(8 * network.operations() as u64 <= Limits::default().operations);
    }
}
