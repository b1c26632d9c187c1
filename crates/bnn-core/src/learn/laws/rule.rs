//! The rule, against the one of the module's text.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::error::Error as AnyError;

use proptest::prelude::*;

use super::{Banks, FEATURES, KNOWN, Small, WORDS, beginner, model, row};
use crate::bits::{BitMatrix, BitMatrixView};
use crate::error::Error;
use crate::learn::{LearnError, Learner};
use crate::model::{AlignedBytes, Epilogue, InputType, Model, ModelWriter};
use crate::noise::noise;

/// The rule, a number for each thing.
struct Plain {
    counters: Vec<Vec<i32>>,
    known: Vec<bool>,
}

impl Plain {
    fn new(model: &Model<'_>, classes: usize) -> Option<Self> {
        let head = model.layers().last()?.weights?;
        let counter = |c, j| match head.get(c, j) {
            Some(true) => 15,
            Some(false) => -16,
            None => 0,
        };
        let row = |c| (0..head.cols()).map(|j| counter(c, j)).collect();
        Some(Self {
            counters: (0..classes).map(row).collect(),
            known: (0..classes).map(|c| c < head.rows()).collect(),
        })
    }

    fn weight(counter: i32) -> i32 {
        if counter >= 0 { 1 } else { -1 }
    }

    fn scores(&self, x: &[i32]) -> Vec<i32> {
        let dot = |row: &Vec<i32>| row.iter().zip(x).map(|(c, x)| Self::weight(*c) * x).sum();
        let rows = self.counters.iter().zip(&self.known);
        rows.map(|(row, known)| if *known { dot(row) } else { i32::MIN })
            .collect()
    }

    /// Returns how many weights flipped.
    fn step(&mut self, class: usize, x: &[i32], direction: i32) -> u32 {
        let mut flips = 0;
        for (counter, x) in self.counters[class].iter_mut().zip(x) {
            let before = Self::weight(*counter);
            *counter = (*counter + direction * x).clamp(-128, 127);
            flips += u32::from(before != Self::weight(*counter));
        }
        flips
    }

    fn learn(&mut self, x: &[i32], class: usize) -> (usize, u32) {
        let (mut near, mut flips) = (0, 0);
        if !self.known[class] {
            // Weights of a class without a sample count as +1: their counters are 0.
            flips += self.step(class, x, 1);
            self.known[class] = true;
        }
        let scores = self.scores(x);
        let margin = x.len() as i32 / 4;
        for other in 0..scores.len() {
            if other != class && self.known[other] && scores[class] - scores[other] < margin {
                near += 1;
                flips += self.step(other, x, -1);
            }
        }
        if near > 0 {
            flips += self.step(class, x, near as i32);
        }
        (near, flips)
    }
}

fn numbers(row: &[u64], features: usize) -> Result<Vec<i32>, Error> {
    let view = BitMatrixView::new(row, 1, features)?;
    let sign = |j| if view.get(0, j) == Some(true) { 1 } else { -1 };
    Ok((0..features).map(sign).collect())
}

/// Lessons from a stream of samples near a few prototypes, so that classes are near and far.
fn check<const CLASSES: usize, const WORDS: usize>(
    features: usize,
    known: usize,
    seed: u64,
    lessons: usize,
) -> Result<[usize; 2], Box<dyn AnyError>> {
    let mut writer = ModelWriter::new(InputType::Bits);
    let body = BitMatrix::pack(&noise(seed, features), features, 1)?;
    let thresholds = vec![0_i32; features];
    let epilogue = Epilogue::Threshold(thresholds.as_slice().into());
    writer.dense(body.view(), epilogue)?;
    let head = BitMatrix::pack(&noise(seed + 1, known * features), known, features)?;
    writer.dense(head.view(), Epilogue::Sums)?;
    let file = AlignedBytes::from(writer.finish()?.as_slice());
    let model = Model::open(&file)?;
    let mut plain = Plain::new(&model, CLASSES).ok_or("no head")?;
    let mut learner = Learner::<CLASSES, WORDS>::EMPTY;
    let mut banks = Banks::erased(Learner::<CLASSES, WORDS>::BANK_BYTES);
    learner.begin(&model, &mut banks)?;
    let prototypes = noise(seed + 2, CLASSES * features);
    let dice = noise(seed + 3, lessons);
    let (mut changed, mut same) = (0, 0);
    for (i, dice) in dice.into_iter().enumerate() {
        let class = dice.unsigned_abs() as usize % CLASSES;
        let noisy = noise(seed + 4 + i as u64, features);
        let prototype = &prototypes[class * features..][..features];
        let mixed = prototype.iter().zip(&noisy).map(|(p, n)| p / 2 + n / 3);
        let packed = BitMatrix::pack(&mixed.collect::<Vec<_>>(), 1, features)?;
        let mut row = [0; WORDS];
        row.copy_from_slice(packed.view().words());
        let x = numbers(&row, features)?;
        assert_eq!(learner.scores(&row)?.to_vec(), plain.scores(&x));
        let before = learner.clone();
        let was_known = plain.known[class];
        let lesson = learner.learn(&row, class)?;
        assert_eq!((lesson.near, lesson.flips), plain.learn(&x, class));
        if lesson.near == 0 && was_known {
            assert_eq!(learner, before, "a class that leads by the margin");
            same += 1;
        } else {
            changed += 1;
        }
    }
    Ok([changed, same])
}

#[test]
fn a_learner_is_the_plain_rule() -> Result<(), Box<dyn AnyError>> {
    let mut seen = [0, 0];
    for seed in 0..4 {
        for [changed, same] in [
            check::<2, 1>(1, 1, seed, 50)?,
            check::<3, 1>(63, 2, seed, 300)?,
            check::<5, 1>(64, 5, seed, 300)?,
            check::<40, 2>(65, 33, seed, 300)?,
            check::<11, 4>(256, 9, seed, 300)?,
        ] {
            seen = [seen[0] + changed, seen[1] + same];
        }
    }
    assert!(seen.iter().all(|&n| n > 300), "{seen:?}");
    Ok(())
}

#[test]
fn counters_that_are_at_their_ends_stay_there() -> Result<(), Box<dyn AnyError>> {
    let file = model(1)?;
    let mut learner = beginner(&file)?;
    let mut plain = Plain::new(&Model::open(&file)?, 5).ok_or("no head")?;
    // Of two classes by turns, so that they never part.
    let x = row(5)?;
    for i in 0..1000 {
        let lesson = learner.learn(&x, i % 2)?;
        let expected = plain.learn(&numbers(&x, FEATURES)?, i % 2);
        assert_eq!((lesson.near, lesson.flips), expected);
    }
    for i in 0..200 {
        learner.learn(&x, i % 4)?;
        plain.learn(&numbers(&x, FEATURES)?, i % 4);
        assert_eq!(
            learner.scores(&x)?.to_vec(),
            plain.scores(&numbers(&x, FEATURES)?)
        );
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() -> Result<(), Box<dyn AnyError>> {
    let file = model(3)?;
    let mut learner = beginner(&file)?;
    let before = learner.clone();
    let x = row(1)?;
    assert_eq!(
        learner.learn(&x, 5),
        Err(LearnError::Core(Error::OutOfRange {
            what: "class",
            max: 4,
            found: 5
        }))
    );
    let dirty = [x[0], x[1] | 1 << 63];
    let refused = LearnError::Core(Error::TailBits { row: 0 });
    assert_eq!(learner.scores(&dirty), Err(refused));
    assert_eq!(learner.learn(&dirty, 0), Err(refused));
    assert_eq!(learner, before);
    let mut empty = Small::EMPTY;
    assert_eq!(empty.scores(&x), Err(LearnError::NotBegun));
    assert_eq!(empty.learn(&x, 0), Err(LearnError::NotBegun));
    let mut banks = Banks::erased(Small::BANK_BYTES);
    assert_eq!(empty.save(&mut banks), Err(LearnError::NotBegun));
    assert_eq!(empty, Small::EMPTY);
    Ok(())
}

#[test]
fn models_that_cannot_learn_are_refused_by_what_they_lack() -> Result<(), Box<dyn AnyError>> {
    let file = model(3)?;
    let known = Model::open(&file)?;
    let mut banks = Banks::erased(4096);
    let mut of_two = Learner::<2, WORDS>::EMPTY;
    let refusal = of_two.begin(&known, &mut banks);
    let too_many = Error::OutOfRange {
        what: "classes of the model",
        max: 2,
        found: KNOWN,
    };
    assert_eq!(refusal, Err(LearnError::Core(too_many)));
    let mut of_one_word = Learner::<5, 1>::EMPTY;
    let refusal = of_one_word.begin(&known, &mut banks);
    let other_words = Error::Mismatch {
        what: "words of features",
        expected: 1,
        found: 2,
    };
    assert_eq!(refusal, Err(LearnError::Core(other_words)));
    // Scores that are real.
    let mut writer = ModelWriter::new(InputType::Bits);
    let square = BitMatrix::pack(&[1_i8, -1, -1, 1], 2, 2)?;
    let thresholds = [0_i32; 2];
    let epilogue = Epilogue::Threshold(thresholds.as_slice().into());
    writer.dense(square.view(), epilogue)?;
    let (scale, bias) = (&[1.0; 2], &[0.0; 2]);
    writer.dense(square.view(), Epilogue::Affine { scale, bias })?;
    let file = AlignedBytes::from(writer.finish()?.as_slice());
    let mut learner = beginner(&super::model(3)?)?;
    let real = Model::open(&file)?;
    let refused = of_one_word.begin(&real, &mut banks);
    assert!(matches!(refused, Err(LearnError::Model { .. })));
    // A learner that is refused another model has to begin again.
    assert!(learner.begin(&real, &mut banks).is_err());
    assert_eq!(learner.scores(&row(1)?), Err(LearnError::NotBegun));
    Ok(())
}

#[test]
fn the_memory_is_nine_bits_for_each_weight_and_little_besides() {
    assert_eq!(Learner::<10, 4>::LEARN_BYTES, 2560 + 320 + 32);
    assert_eq!(Learner::<11, 4>::LEARN_BYTES.div_ceil(1024), 4);
    assert_eq!(
        Learner::<10, 4>::LEARN_BYTES,
        size_of::<Learner<10, 4>>(),
        "in a constant"
    );
    assert_eq!(Learner::<10, 4>::BANK_BYTES, 24 + 2560 + 8 + 8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_lessons_are_those_of_the_plain_rule(
        seed in any::<u32>(),
        known in 1_usize..=6,
        features in 65_usize..=128,
    ) {
        let checked = check::<6, 2>(features, known, seed.into(), 60);
        prop_assert!(checked.is_ok(), "{checked:?}");
    }
}
