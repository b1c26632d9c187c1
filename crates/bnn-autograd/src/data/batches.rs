//! The batches of an epoch, prepared on a separate thread while training uses the previous ones.

use super::ahead::{Ahead, Panicked};
use super::{Augment, DataError, Dataset, shuffled};

/// The samples of one training step.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Whole numbers from `0.0` to `white`, `[samples, height, width, channels]`.
    pub pixels: Vec<f32>,
    /// `[samples]`
    pub labels: Vec<u16>,
}

/// The division of an epoch into batches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchConfig {
    /// Samples in a batch, at least 1.
    pub size: usize,
    /// Leave out the last batch if it is smaller than the others.
    pub drop_last: bool,
    /// Augmentation of the images.
    pub augment: Augment,
    /// Seed of order and augmentation.
    pub seed: u64,
    /// Number of the epoch; order and augmentation depend on it.
    pub epoch: u64,
    /// Number of batches prepared in advance. With 0 there is no thread: each batch is made when
    /// the iterator is asked for it.
    pub queue: usize,
}

impl Default for BatchConfig {
    /// All samples in batches of 64, not varied; two batches ahead; seed and epoch 0.
    fn default() -> Self {
        Self {
            size: 64,
            drop_last: false,
            augment: Augment::default(),
            seed: 0,
            epoch: 0,
            queue: 2,
        }
    }
}

/// The batches of one epoch, shuffled: an iterator, which may be dropped at any time.
///
/// Batches are the same bytes for any [`queue`](BatchConfig::queue), with the thread and without.
/// If no thread can be started, they are made without one.
///
/// ```
/// use bnn_autograd::data::{self, BatchConfig, Batches};
///
/// let train = data::digits()?.train;
/// for epoch in 0..2 {
///     let config = BatchConfig { size: 100, seed: 7, epoch, ..BatchConfig::default() };
///     let batches = Batches::new(&train, config)?;
///     assert_eq!(batches.len(), 15); // the last of 37
///     for batch in batches {
///         let batch = batch?;
///         assert_eq!(batch.pixels.len(), batch.labels.len() * train.features());
///     }
/// }
/// # Ok::<(), data::DataError>(())
/// ```
#[derive(Debug)]
pub struct Batches {
    source: BatchSource,
    left: usize,
}

#[derive(Debug)]
enum BatchSource {
    Here(Dealer),
    Ahead(Ahead<Result<Batch, DataError>>),
}

impl Batches {
    /// Shuffles, and starts the thread, which shares the pixels with `data`.
    ///
    /// # Errors
    ///
    /// [`DataError::Zero`] for batches without samples; [`DataError::Shift`], [`DataError::Cutout`]
    /// and [`DataError::Strength`] for an augmentation that does not suit the images. The batches
    /// themselves are errors only if making one panics: then it is [`DataError::Worker`], and the
    /// last item.
    pub fn new(data: &Dataset, config: BatchConfig) -> Result<Self, DataError> {
        let dealer = Dealer::new(data, config)?;
        let batches = dealer.order.len().div_ceil(config.size);
        let started = match config.queue.min(batches) {
            0 => None,
            // A clone of the dealer, which is small, because a thread that does not start drops it.
            queue => Ahead::spawn(dealer.clone(), queue).ok(),
        };
        Ok(Self {
            source: started.map_or(BatchSource::Here(dealer), BatchSource::Ahead),
            left: batches,
        })
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let batch = match &mut self.source {
            BatchSource::Here(dealer) => dealer.next()?,
            BatchSource::Ahead(ahead) => ahead
                .next()?
                .unwrap_or_else(|Panicked(reason)| Err(DataError::Worker { reason })),
        };
        if batch.is_err() {
            self.left = 0;
        }
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Batches {}

/// Makes the batches one by one.
#[derive(Debug, Clone)]
struct Dealer {
    data: Dataset,
    config: BatchConfig,
    order: Vec<usize>,
    /// Number of samples already put into batches.
    done: usize,
}

impl Dealer {
    fn new(data: &Dataset, config: BatchConfig) -> Result<Self, DataError> {
        if config.size == 0 {
            let what = "samples in a batch";
            return Err(DataError::Zero { what });
        }
        config.augment.check(data.layout())?;
        let mut order = shuffled(data.samples(), config.seed, config.epoch);
        if config.drop_last {
            order.truncate(order.len() / config.size * config.size);
        }
        Ok(Self {
            data: data.clone(),
            config,
            order,
            done: 0,
        })
    }
}

impl Iterator for Dealer {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let BatchConfig {
            augment,
            seed,
            epoch,
            ..
        } = self.config;
        let indices = self.order[self.done..].chunks(self.config.size).next()?;
        self.done += indices.len();
        let batch = self.data.augmented_batch(indices, augment, seed, epoch);
        Some(batch.map(|(pixels, labels)| Batch { pixels, labels }))
    }
}

#[cfg(test)]
mod laws;
