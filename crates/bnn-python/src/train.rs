//! Training by the recipe of `bnn train`: a fully connected network on labelled bytes.

use bnn_autograd::Rng;
use bnn_autograd::data::{Dataset, Layout};
use bnn_autograd::export::{ExportConfig, export};
use bnn_autograd::internal::Recipe;
use bnn_autograd::internal::data::split_by_share;
use bnn_autograd::models::{Mlp, MlpConfig};
use bnn_autograd::train::{TrainConfig, TrainError, Trainer};
use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arrays::bytes;
use crate::error::{Error, Refusal};
use crate::threads::{MANY, run};

/// The bytes of a model file, and loss, training accuracy and test accuracy of each epoch.
type Trained<'py> = (Bound<'py, PyBytes>, Vec<(f64, f64, f64)>);

/// The settings of a training; Python code has filled in those that suit the data.
#[derive(FromPyObject)]
pub(crate) struct Settings {
    /// `[height, width, channels]` of a sample.
    image: [usize; 3],
    classes: usize,
    /// The largest byte.
    white: u8,
    hidden: Vec<usize>,
    /// The first layer takes bits, by the means of the training samples.
    is_of_bits: bool,
    /// Scores are the sums of the last layer.
    has_integer_scores: bool,
    epochs: u64,
    batch: usize,
    learning_rate: f64,
    seed: u64,
    meta: String,
}

/// The settings that suit a number of training samples.
#[pyclass(frozen, get_all)]
pub(crate) struct Suits {
    hidden: Vec<usize>,
    epochs: u64,
    batch: u64,
    learning_rate: f64,
}

/// The settings with which `bnn train` trains an MLP on `samples` samples.
#[pyfunction]
pub(crate) fn recipe(samples: usize) -> Suits {
    let recipe = Recipe::of(samples, true);
    Suits {
        hidden: Recipe::hidden(samples).to_vec(),
        epochs: recipe.epochs,
        batch: recipe.batch.min(samples as u64),
        learning_rate: recipe.learning_rate,
    }
}

/// The indices of the samples to train on, and of the fifth to test by. Every class has its share
/// of both to within one sample.
#[pyfunction]
pub(crate) fn split(labels: PyReadonlyArray1<'_, u16>, seed: u64) -> PyResult<Indices> {
    let parts = split_by_share(labels.as_slice()?, TEST_SHARE, seed);
    parts.map_err(|error| Error::new_err(error.to_string()))
}

/// Indices of samples, of two parts.
type Indices = (Vec<usize>, Vec<usize>);

/// What is set aside where there are no test samples.
const TEST_SHARE: f64 = 0.2;

/// Samples and their labels, one after the other.
type Part<'py> = (PyReadonlyArray1<'py, u8>, PyReadonlyArray1<'py, u16>);

/// Trains on samples of bytes. After each epoch `progress`, if there is one, is called with its
/// number, loss and accuracies.
#[pyfunction]
pub(crate) fn train<'py>(
    py: Python<'py>,
    train: Part<'py>,
    test: Part<'py>,
    settings: Settings,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Trained<'py>> {
    let [height, width, channels] = settings.image;
    let layout = Layout {
        width,
        height,
        channels,
        classes: settings.classes,
        white: settings.white,
    };
    let set = |name: &str, (pixels, labels): &Part<'_>| {
        let (pixels, labels) = (copied(pixels.as_slice()?)?, copied(labels.as_slice()?)?);
        let set = Dataset::new(name, layout, pixels, labels);
        set.map_err(|error| Error::new_err(format!("{name} samples: {error}")))
    };
    let (train, test) = (set("training", &train)?, set("test", &test)?);
    let mut trainer = trainer(&settings, &train).map_err(Refusal::from)?;
    let mut history = Vec::new();
    while !trainer.is_done() {
        let epoch = run(py, MANY, || Ok(trainer.epoch(&train, &test)?))?;
        let epoch = (epoch.loss, epoch.train_accuracy, epoch.test_accuracy);
        history.push(epoch);
        if let Some(progress) = &progress {
            let (loss, train, test) = epoch;
            progress.call1((history.len(), loss, train, test))?;
        }
        // Ctrl-C.
        py.check_signals()?;
    }
    let file = run(py, MANY, || {
        let config = ExportConfig {
            meta: &settings.meta,
            ..trainer.model.input().into()
        };
        let file = export(&mut trainer.model, config);
        file.map_err(|error| Error::new_err(error.to_string()).into())
    })?;
    Ok((bytes(py, &file)?, history))
}

/// A copy of elements.
///
/// # Errors
/// `MemoryError` without the memory for them.
fn copied<T: Copy>(elements: &[T]) -> PyResult<Vec<T>> {
    let mut copy = Vec::new();
    let room = copy.try_reserve_exact(elements.len());
    room.map_err(|error| PyMemoryError::new_err(error.to_string()))?;
    copy.extend_from_slice(elements);
    Ok(copy)
}

fn trainer(settings: &Settings, train: &Dataset) -> Result<Trainer<Mlp>, TrainError> {
    let layout = train.layout();
    let sizes = MlpConfig {
        inputs: train.features(),
        depth: layout.depth(),
        hidden: settings.hidden.clone(),
        classes: layout.classes,
        thresholds: settings.is_of_bits.then(|| train.mean_thresholds()),
        integer_scores: settings.has_integer_scores,
    };
    let summands = settings.hidden.last().copied().unwrap_or(1);
    let config = TrainConfig {
        epochs: settings.epochs,
        batch: settings.batch,
        learning_rate: settings.learning_rate,
        seed: settings.seed,
        temperature: match settings.has_integer_scores {
            true => (summands as f64).sqrt(),
            false => 1.0,
        },
        ..TrainConfig::default()
    };
    Trainer::new(Mlp::new(sizes, &mut Rng::new(settings.seed))?, config)
}

impl From<TrainError> for Refusal {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Network(error) => error.into(),
            TrainError::Memory { .. } => PyMemoryError::new_err(error.to_string()).into(),
            _ => Error::new_err(error.to_string()).into(),
        }
    }
}
