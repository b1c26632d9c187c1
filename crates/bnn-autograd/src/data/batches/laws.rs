//! Laws of batches.

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
        source: BatchSource::Ahead(panicking),
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
