//! How the command and the Python package train where the user says nothing: settings that suit
//! the data, as measured in docs/TRAINING.md. Those of networks of convolutions on large sets are
//! yet to be measured.

/// Settings for a data set.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// Passes over the training samples.
    pub epochs: u64,
    /// Samples of a step.
    pub batch: u64,
    /// The learning rate of Adam.
    pub learning_rate: f64,
}

/// Sets with fewer samples, such as the digits, need more epochs, and smaller networks do.
const LARGE: usize = 10_000;

impl Recipe {
    /// The widths of the hidden layers of an MLP for `samples` training samples.
    #[must_use]
    pub fn hidden(samples: usize) -> &'static [usize] {
        match samples < LARGE {
            true => &[512, 512],
            false => &[1024, 1024],
        }
    }

    /// The recipe for `samples` training samples, of an MLP or else of a network of convolutions.
    #[must_use]
    pub fn of(samples: usize, is_mlp: bool) -> Self {
        match (samples < LARGE, is_mlp) {
            (true, _) => Self {
                epochs: 60,
                batch: small_batch(samples),
                learning_rate: 3e-3,
            },
            (false, true) => Self {
                epochs: 12,
                batch: 100,
                learning_rate: 5e-3,
            },
            (false, false) => Self {
                epochs: 20,
                batch: 100,
                learning_rate: 3e-3,
            },
        }
    }
}

/// 64 samples, or fewer of a set so small that an epoch would have less than eight steps; at least
/// 16, of which batch normalisation can tell a mean, or all that there are.
fn small_batch(samples: usize) -> u64 {
    let batch = (samples / 8).clamp(16, 64);
    batch.min(samples) as u64
}

#[cfg(test)]
mod tests {
    use super::small_batch;

    #[test]
    fn batches_suit_sets_of_any_size() {
        for (samples, batch) in [(2, 2), (15, 15), (63, 16), (200, 25), (512, 64), (1437, 64)] {
            assert_eq!(small_batch(samples), batch, "{samples}");
        }
    }
}
