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
    source: Source,
    left: usize,
}

#[derive(Debug)]
enum Source {
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
            source: started.map_or(Source::Here(dealer), Source::Ahead),
            left: batches,
        })
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let batch = match &mut self.source {
            Source::Here(dealer) => dealer.next()?,
            Source::Ahead(ahead) => ahead
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
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::data::Layout;
    use proptest::prelude::*;

    fn numbered(samples: usize) -> Dataset {
        let layout = Layout {
            width: 4,
            height: 3,
            channels: 3,
            classes: 256,
            white: u8::MAX,
        };
        let pixels = (0..samples * 36).map(|value| (value % 251) as u8).collect();
        let labels = (0..samples).map(|label| label as u16).collect();
        Dataset::new("numbered", layout, pixels, labels).unwrap()
    }

    const AUGMENT: Augment = Augment {
        shift: 1,
        flip: true,
        rotate: 30.0,
        zoom: 0.2,
        cutout: 1,
    };

    fn all(data: &Dataset, config: BatchConfig) -> Vec<Batch> {
        let batches = Batches::new(data, config).unwrap();
        let promised = batches.len();
        let batches: Vec<Batch> = batches.map(Result::unwrap).collect();
        assert_eq!(batches.len(), promised);
        batches
    }

    #[test]
    fn what_cannot_be_dealt_out_is_refused_before_a_thread_starts() {
        let config = BatchConfig {
            size: 0,
            ..BatchConfig::default()
        };
        let error = Batches::new(&numbered(3), config);
        assert!(matches!(error, Err(DataError::Zero { .. })));
        let config = BatchConfig {
            augment: Augment {
                shift: 3,
                ..AUGMENT
            },
            ..BatchConfig::default()
        };
        let error = Batches::new(&numbered(3), config);
        assert!(matches!(error, Err(DataError::Shift { shift: 3, .. })));
    }

    #[test]
    fn batches_larger_than_the_set_are_all_of_it_or_nothing() {
        for size in [10, usize::MAX] {
            let config = BatchConfig {
                size,
                ..BatchConfig::default()
            };
            let batches = all(&numbered(9), config);
            assert_eq!(batches.len(), 1);
            assert_eq!(batches[0].labels.len(), 9);
            let drop_last = true;
            assert_eq!(
                all(
                    &numbered(9),
                    BatchConfig {
                        drop_last,
                        ..config
                    }
                ),
                []
            );
        }
    }

    #[test]
    fn a_panic_is_the_last_item_and_an_error() {
        let panicking = Ahead::spawn(std::iter::from_fn(|| panic!("as a test")), 1).unwrap();
        let mut batches = Batches {
            source: Source::Ahead(panicking),
            left: 5,
        };
        let error = batches.next().unwrap().unwrap_err();
        assert!(error.to_string().contains("as a test"), "{error}");
        assert!(batches.next().is_none());
        assert_eq!(batches.len(), 0);
    }

    #[test]
    fn dropped_early_nothing_hangs() {
        let data = numbered(50);
        for (queue, taken) in [(0, 1), (1, 0), (2, 3), (usize::MAX, 1)] {
            let config = BatchConfig {
                size: 3,
                queue,
                ..BatchConfig::default()
            };
            let mut batches = Batches::new(&data, config).unwrap();
            assert_eq!(batches.by_ref().take(taken).count(), taken);
            assert_eq!(batches.len(), 17 - taken);
        }
    }

    proptest! {
        #[test]
        fn batches_are_the_same_bytes_for_any_queue(
            samples in 1_usize..60, size in 1_usize..20, queue in 0_usize..6, drop_last: bool,
            seed: u64, epoch: u64,
        ) {
            let data = numbered(samples);
            let config =
                BatchConfig { size, drop_last, augment: AUGMENT, seed, epoch, queue };
            let batches = all(&data, config);
            prop_assert_eq!(&batches, &all(&data, BatchConfig { queue: 0, ..config }));
            let order = shuffled(samples, seed, epoch);
            let kept = if drop_last { samples / size * size } else { samples };
            let expected = order[..kept].chunks(size).map(|indices| {
                let (pixels, labels) = data.augmented_batch(indices, AUGMENT, seed, epoch).unwrap();
                Batch { pixels, labels }
            });
            prop_assert!(batches.into_iter().eq(expected));
        }
    }
}
