//! What `bnn train` does where the user says nothing: settings that suit the data, as measured in
//! docs/TRAINING.md.

use bnn_autograd::data::Dataset;

/// Settings for a data set.
pub(crate) struct Recipe {
    pub(crate) hidden: &'static [usize],
    pub(crate) epochs: u64,
    pub(crate) batch: u64,
    pub(crate) learning_rate: f64,
}

impl Recipe {
    /// For small images of few samples (the digits), or for sets of the size of MNIST.
    pub(crate) fn for_data(data: &Dataset) -> Self {
        if data.samples() < 10_000 {
            Self {
                hidden: &[512, 512],
                epochs: 60,
                batch: 64,
                learning_rate: 3e-3,
            }
        } else {
            Self {
                hidden: &[1024, 1024],
                epochs: 12,
                batch: 100,
                learning_rate: 5e-3,
            }
        }
    }
}
