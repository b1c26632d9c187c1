//! A product of the network: signs, one magnitude for each output, and what its integer sums are
//! worth.

use bnn_core::BitMatrix;
use bnn_core::conv::Conv2d;

use super::levels::Why;

/// The kind of a product.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A product with all inputs.
    Dense,
    /// A product with the inputs under each window.
    Conv(Conv2d),
}

/// Weights `[outputs, k]` in the order of the model's elements, `+-magnitude` in each row.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    pub(crate) rows: Vec<Vec<bool>>,
    pub(crate) magnitudes: Vec<f32>,
}

impl Weights {
    /// Splits real weights, rows of `k`. The reason if a row has more than one magnitude.
    pub(crate) fn split(weights: &[f32], k: usize) -> Result<Self, Why> {
        let (mut rows, mut magnitudes) = (Vec::new(), Vec::new());
        for (o, row) in weights.chunks_exact(k).enumerate() {
            let magnitude = row.first().map_or(0.0, |w| w.abs());
            let odd = row.iter().find(|w| w.abs() != magnitude);
            if let Some(odd) = odd {
                return Err(format!(
                    "weights of output {o} have the magnitudes {magnitude} and {}, expected one: \
                     binary weights times a factor",
                    odd.abs()
                ));
            }
            if magnitude == 0.0 || !magnitude.is_finite() {
                return Err(format!(
                    "weights of output {o} are {magnitude}, expected binary ones"
                ));
            }
            rows.push(row.iter().map(|&w| w > 0.0).collect());
            magnitudes.push(magnitude);
        }
        Ok(Self { rows, magnitudes })
    }
}

/// A product that has not been written yet, for its thresholds are not known.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    /// For errors: name and type.
    pub(crate) node: (String, String),
    pub(crate) kind: Kind,
    pub(crate) weights: Weights,
    /// Inputs that are stored negated, by the channel of a weight's element.
    pub(crate) flipped: Vec<bool>,
    /// Elements of a channel follow each other at this distance.
    pub(crate) channels: usize,
    /// The sum of output `o` is worth `magnitude * (unit * sum + offsets[o])`.
    pub(crate) unit: f64,
    pub(crate) offsets: Vec<f64>,
    /// The largest input: 1 for bits.
    pub(crate) most: i32,
    pub(crate) is_signed: bool,
    /// Whether all sums have the parity of `k`.
    pub(crate) has_parity: bool,
}

impl Product {
    pub(crate) fn outputs(&self) -> usize {
        self.weights.rows.len()
    }

    /// What a sum of output `o` is worth, rounded once.
    pub(crate) fn value(&self, o: usize, sum: i32) -> f32 {
        let magnitude = f64::from(self.weights.magnitudes[o]);
        (magnitude * (self.unit * f64::from(sum) + self.offsets[o])) as f32
    }

    /// The least and the largest sum of output `o`.
    pub(crate) fn range(&self, o: usize) -> (i32, i32) {
        let row = &self.weights.rows[o];
        let (all, plus) = (row.len(), row.iter().filter(|&&plus| plus).count());
        // The writer refuses sums that leave `i32`; until then they must not overflow here.
        let sum = |count: usize| {
            i32::try_from(count)
                .unwrap_or(i32::MAX)
                .saturating_mul(self.most)
        };
        match self.is_signed {
            true => (-sum(all), sum(all)),
            false => (-sum(all - plus), sum(plus)),
        }
    }

    /// The signs to write; rows that `negated` names are negated.
    pub(crate) fn signs(&self, negated: &[bool]) -> Result<BitMatrix, bnn_core::Error> {
        let rows = &self.weights.rows;
        let k = rows.first().map_or(0, Vec::len);
        let mut bits = BitMatrix::zeros(rows.len(), k)?;
        let mut view = bits.view_mut();
        for (o, row) in rows.iter().enumerate() {
            let negated = negated.get(o).copied().unwrap_or(false);
            for (i, &plus) in row.iter().enumerate() {
                let flipped = self.flipped.get(i % self.channels).copied();
                let flipped = flipped.unwrap_or(false);
                view.set(o, i, plus ^ flipped ^ negated);
            }
        }
        Ok(bits)
    }
}
