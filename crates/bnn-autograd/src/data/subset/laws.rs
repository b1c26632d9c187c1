//! Laws of parts of a data set.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::data::Layout;
use proptest::prelude::*;

/// Sample `i` has the pixels `i` and `i / 256`, so that every sample is told apart.
fn numbered(labels: Vec<u16>) -> Dataset {
    let layout = Layout {
        width: 1,
        height: 1,
        channels: 2,
        classes: 3,
        white: u8::MAX,
    };
    let pixels = (0..labels.len()).flat_map(|i| [i as u8, (i >> 8) as u8]);
    let names = ["a", "b", "c"].map(String::from).to_vec();
    let set = Dataset::new("numbered", layout, pixels.collect(), labels).unwrap();
    set.with_class_names(names).unwrap()
}

fn numbers(set: &Dataset) -> Vec<usize> {
    let pairs = set.pixels().chunks(2);
    pairs
        .map(|p| usize::from(p[0]) | usize::from(p[1]) << 8)
        .collect()
}

fn count(labels: &[u16], class: u16) -> usize {
    labels.iter().filter(|&&label| label == class).count()
}

#[test]
fn a_subset_is_its_samples_and_keeps_the_names() {
    let set = numbered(vec![0, 1, 2, 1]);
    let part = set.subset(&[3, 0, 3]).unwrap();
    assert_eq!(numbers(&part), [3, 0, 3]);
    assert_eq!(part.labels(), [1, 0, 1]);
    assert_eq!(part.class_names(), set.class_names());
    assert!(matches!(set.subset(&[]), Err(DataError::Zero { .. })));
    assert!(matches!(
        set.subset(&[4]),
        Err(DataError::SampleIndex {
            index: 4,
            samples: 4
        })
    ));
}

#[test]
fn a_share_that_leaves_a_part_empty_is_refused() {
    let set = numbered(vec![0; 10]);
    for share in [0.0, 0.04, 0.96, 1.0, -1.0, 2.0, f64::NAN, f64::INFINITY] {
        let error = set.split(share, 1);
        assert!(
            matches!(error, Err(DataError::TestShare { samples: 10, .. })),
            "{share}"
        );
    }
}

#[test]
fn another_seed_sets_other_samples_aside() {
    let set = numbered(vec![0; 100]);
    let test = |seed| numbers(&set.split(0.2, seed).unwrap().test);
    assert_eq!(test(1), test(1));
    assert_ne!(test(1), test(2));
}

proptest! {
    #[test]
    fn a_spread_has_each_class_by_its_share_and_every_start_of_it_too(
        labels in prop::collection::vec(0_u16..3, 1..200), count in 0_usize..220,
    ) {
        let set = numbered(labels);
        let indices = spread(set.labels(), count);
        let count = count.min(set.samples());
        prop_assert_eq!(indices.len(), count);
        let mut once = indices.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), count);
        let labels: Vec<u16> = indices.iter().map(|&index| set.labels()[index]).collect();
        for class in 0..3 {
            let expected = self::count(set.labels(), class) * count;
            let found = self::count(&labels, class) * set.samples();
            prop_assert!(found.abs_diff(expected) <= set.samples());
        }
        // No class comes again before each class that is left has had its turn.
        for start in 0..=labels.len() {
            let (before, after) = labels.split_at(start);
            let most = (0..3).map(|class| self::count(before, class)).max().unwrap_or(0);
            for class in 0..3 {
                let waits = self::count(before, class) + 1 < most;
                prop_assert!(!(waits && after.contains(&class)));
            }
        }
    }

    #[test]
    fn every_sample_is_in_one_part_and_every_class_has_its_share(
        labels in prop::collection::vec(0_u16..3, 2..300), share in 0.0..1.0, seed: u64,
    ) {
        let set = numbered(labels);
        let samples = set.samples();
        let Ok(split) = set.split(share, seed) else {
            let test = (share * samples as f64).round() as usize;
            prop_assert!(test == 0 || test == samples);
            return Ok(());
        };
        let test = split.test.samples();
        prop_assert_eq!(test, (share * samples as f64).round() as usize);
        let mut all = [numbers(&split.train), numbers(&split.test)].concat();
        all.sort_unstable();
        prop_assert!(all.into_iter().eq(0..samples));
        for class in 0..3 {
            let expected = count(set.labels(), class) * test;
            // |found - expected share| <= 1, with both sides multiplied by the samples.
            let found = count(split.test.labels(), class) * samples;
            prop_assert!(found.abs_diff(expected) <= samples);
        }
        for part in [&split.train, &split.test] {
            for (number, label) in numbers(part).into_iter().zip(part.labels()) {
                prop_assert_eq!(set.labels()[number], *label);
            }
        }
    }
}
