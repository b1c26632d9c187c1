//! What banks may hold, and when power may fail.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::error::Error as AnyError;

use proptest::prelude::*;

use super::{Banks, Cut, Small, WORDS, beginner, model, row};
use crate::learn::{Bank, Flash, LearnError, Learner};
use crate::model::{AlignedBytes, Model, crc};

/// Teaches a learner a little of each class.
fn teach(learner: &mut Small, seed: u64) -> Result<(), Box<dyn AnyError>> {
    for i in 0..40 {
        let class = (i % 5) as usize;
        learner.learn(&row(seed * 1000 + i % 10)?, class)?;
    }
    Ok(())
}

/// What a learner knows, and not where it was kept.
fn knowledge(learner: &Small) -> Small {
    Small {
        saves: 0,
        bank: 0,
        ..learner.clone()
    }
}

/// What begins with a model in these banks.
fn begun(file: &AlignedBytes, banks: &mut Banks) -> Result<(Small, [Bank; 2]), Box<dyn AnyError>> {
    let mut learner = Small::EMPTY;
    // What it has learned before does not matter.
    teach(&mut beginner(file)?, 9)?;
    let found = learner.begin(&Model::open(file)?, banks)?;
    Ok((learner, found))
}

#[test]
fn what_was_saved_begins_again() -> Result<(), Box<dyn AnyError>> {
    let file = model(1)?;
    let mut banks = Banks::erased(Small::BANK_BYTES);
    let (mut learner, found) = begun(&file, &mut banks)?;
    assert_eq!(found, [Bank::Empty; 2]);
    assert_eq!(knowledge(&learner), beginner(&file).map(|l| knowledge(&l))?);
    for number in 1..=5 {
        teach(&mut learner, number.into())?;
        assert_eq!(learner.save(&mut banks)?, number);
        let (again, found) = begun(&file, &mut banks)?;
        assert_eq!(again, learner);
        let newest = Bank::Whole { number };
        let before = match number {
            1 => Bank::Empty,
            _ => Bank::Whole { number: number - 1 },
        };
        let expected = [[before, newest], [newest, before]];
        assert_eq!(found, expected[usize::from(number % 2 == 1)]);
    }
    Ok(())
}

#[test]
fn power_that_fails_at_any_byte_leaves_the_old_weights_or_the_new() -> Result<(), Box<dyn AnyError>>
{
    let file = model(2)?;
    let mut banks = Banks::erased(Small::BANK_BYTES);
    let mut learner = begun(&file, &mut banks)?.0;
    // Saves into erased banks, and over older ones.
    for save in 1..=4 {
        let old = begun(&file, &mut banks)?.0;
        teach(&mut learner, save)?;
        assert_ne!(knowledge(&old), knowledge(&learner));
        let (mut olds, mut news) = (0, 0);
        for left in 0..=2 * Small::BANK_BYTES {
            let mut cut = Banks {
                left,
                ..banks.clone()
            };
            let saved = learner.clone().save(&mut cut);
            assert_eq!(saved.is_ok(), left == 2 * Small::BANK_BYTES, "{left}");
            cut.left = usize::MAX;
            let (mut found, _) = begun(&file, &mut cut)?;
            if knowledge(&found) == knowledge(&learner) {
                news += 1;
            } else {
                assert_eq!(found, old, "cut after {left} bytes");
                olds += 1;
            }
            // Life goes on.
            let number = found.saves;
            assert_eq!(found.save(&mut cut)?, number + 1);
            assert_eq!(begun(&file, &mut cut)?.0, found);
        }
        // The last zeros of a bank are no part of what makes it whole only if they are written.
        assert!(olds > Small::BANK_BYTES && news >= 1, "{olds} {news}");
        learner.save(&mut banks)?;
    }
    Ok(())
}

#[test]
fn a_failing_save_can_be_tried_again() -> Result<(), Box<dyn AnyError>> {
    let file = model(2)?;
    let mut banks = Banks::erased(Small::BANK_BYTES);
    let mut learner = begun(&file, &mut banks)?.0;
    learner.save(&mut banks)?;
    teach(&mut learner, 1)?;
    banks.left = 700;
    let before = learner.clone();
    assert_eq!(learner.save(&mut banks), Err(LearnError::Flash(Cut)));
    assert_eq!(learner, before);
    banks.left = usize::MAX;
    assert_eq!(learner.save(&mut banks)?, 2);
    assert_eq!(begun(&file, &mut banks)?.0, learner);
    Ok(())
}

#[test]
fn no_changed_byte_is_overlooked() -> Result<(), Box<dyn AnyError>> {
    let file = model(3)?;
    let mut banks = Banks::erased(Small::BANK_BYTES);
    let mut learner = begun(&file, &mut banks)?.0;
    learner.save(&mut banks)?;
    let old = learner.clone();
    teach(&mut learner, 1)?;
    learner.save(&mut banks)?;
    let new = learner.bank;
    for at in 0..Small::BANK_BYTES {
        for change in [0x01, 0x80, 0xFF] {
            let mut damaged = banks.clone();
            damaged.bytes[new][at] ^= change;
            let (found, holds) = begun(&file, &mut damaged)?;
            assert_eq!(found, old, "byte {at}");
            assert!(!matches!(holds[new], Bank::Whole { .. }), "byte {at}");
            // Both: the model's own weights.
            damaged.bytes[1 - new][at] ^= change;
            let found = begun(&file, &mut damaged)?.0;
            assert_eq!(knowledge(&found), beginner(&file).map(|l| knowledge(&l))?);
        }
    }
    Ok(())
}

#[test]
fn banks_of_others_are_refused() -> Result<(), Box<dyn AnyError>> {
    let (file, other) = (model(4)?, model(5)?);
    let mut banks = Banks::erased(4096);
    let mut stranger = Small::EMPTY;
    stranger.begin(&Model::open(&other)?, &mut banks)?;
    stranger.save(&mut banks)?;
    let (learner, found) = begun(&file, &mut banks)?;
    assert_eq!(found, [Bank::Foreign, Bank::Empty]);
    assert_eq!(knowledge(&learner), beginner(&file).map(|l| knowledge(&l))?);
    // Of other sizes.
    let mut larger = Learner::<6, WORDS>::EMPTY;
    larger.begin(&Model::open(&file)?, &mut banks)?;
    larger.save(&mut banks)?;
    larger.save(&mut banks)?;
    let (mut learner, found) = begun(&file, &mut banks)?;
    assert_eq!(found, [Bank::Foreign; 2]);
    assert_eq!(knowledge(&learner), beginner(&file).map(|l| knowledge(&l))?);
    // They do not stand in the way.
    assert_eq!(learner.save(&mut banks)?, 1);
    assert_eq!(begun(&file, &mut banks)?.0, learner);
    Ok(())
}

/// Makes a bank whole, whatever it says.
fn seal(bank: &mut [u8]) {
    let end = bank.len() - 8;
    let sum = !crc::further(crc::START, &bank[..end]);
    bank[end..].copy_from_slice(&u64::from(sum).to_le_bytes());
}

#[test]
fn numbers_of_saves_go_round() -> Result<(), Box<dyn AnyError>> {
    let file = model(6)?;
    let mut banks = Banks::erased(Small::BANK_BYTES);
    let mut learner = begun(&file, &mut banks)?.0;
    learner.save(&mut banks)?;
    let bank = learner.bank;
    banks.bytes[bank][12..16].fill(0xFF);
    seal(&mut banks.bytes[bank]);
    let (mut learner, found) = begun(&file, &mut banks)?;
    assert_eq!(found[bank], Bank::Whole { number: u32::MAX });
    teach(&mut learner, 1)?;
    assert_eq!(learner.save(&mut banks)?, 1);
    assert_eq!(begun(&file, &mut banks)?.0, learner);
    // No save has the number 0.
    banks.bytes[learner.bank][12..16].fill(0);
    seal(&mut banks.bytes[learner.bank]);
    let (found, holds) = begun(&file, &mut banks)?;
    assert_eq!(holds[learner.bank], Bank::Damaged);
    assert_eq!(found.saves, u32::MAX);
    Ok(())
}

/// Flash of which some accesses fail.
struct Failing {
    banks: Banks,
    reads_left: usize,
}

impl Flash for Failing {
    type Error = Cut;

    fn read(&mut self, bank: usize, at: usize, bytes: &mut [u8]) -> Result<(), Cut> {
        self.reads_left = self.reads_left.checked_sub(1).ok_or(Cut)?;
        self.banks.read(bank, at, bytes)
    }

    fn erase(&mut self, bank: usize) -> Result<(), Cut> {
        self.banks.erase(bank)
    }

    /// Worn out: nothing stays.
    fn write(&mut self, _bank: usize, _at: usize, _bytes: &[u8]) -> Result<(), Cut> {
        Ok(())
    }
}

#[test]
fn a_read_that_fails_leaves_no_half_of_the_weights() -> Result<(), Box<dyn AnyError>> {
    let file = model(7)?;
    let mut banks = Banks::erased(Small::BANK_BYTES);
    let mut learner = begun(&file, &mut banks)?.0;
    teach(&mut learner, 1)?;
    learner.save(&mut banks)?;
    let mut reads = 0;
    loop {
        let mut flash = Failing {
            banks: banks.clone(),
            reads_left: reads,
        };
        let mut found = beginner(&file)?;
        match found.begin(&Model::open(&file)?, &mut flash) {
            // The bank with the weights cannot be read: the other one counts.
            Ok(banks) if banks.contains(&Bank::Damaged) => {
                assert_eq!(knowledge(&found), beginner(&file).map(|l| knowledge(&l))?);
            }
            Ok(_) => break assert_eq!(found, learner),
            Err(error) => {
                assert_eq!(error, LearnError::Flash(Cut));
                assert_eq!(found.scores(&row(1)?), Err(LearnError::NotBegun));
            }
        }
        reads += 1;
    }
    assert!(reads > 20, "{reads}");
    Ok(())
}

/// Some flash answers the read of a word that power cut off with an error, until it is erased.
#[test]
fn a_bank_that_cannot_be_read_is_written_next() -> Result<(), Box<dyn AnyError>> {
    struct Torn(Banks, Option<usize>);
    impl Flash for Torn {
        type Error = Cut;

        fn read(&mut self, bank: usize, at: usize, bytes: &mut [u8]) -> Result<(), Cut> {
            match self.1 {
                Some(torn) if torn == bank => Err(Cut),
                _ => self.0.read(bank, at, bytes),
            }
        }

        fn erase(&mut self, bank: usize) -> Result<(), Cut> {
            self.1 = self.1.filter(|torn| *torn != bank);
            self.0.erase(bank)
        }

        fn write(&mut self, bank: usize, at: usize, bytes: &[u8]) -> Result<(), Cut> {
            self.0.write(bank, at, bytes)
        }
    }
    let file = model(8)?;
    let mut banks = Banks::erased(Small::BANK_BYTES);
    let mut learner = begun(&file, &mut banks)?.0;
    for number in 1..=3 {
        // What is to be written next.
        let mut flash = Torn(banks, Some(1 - learner.bank));
        let holds = learner.begin(&Model::open(&file)?, &mut flash)?;
        assert_eq!(holds[1 - learner.bank], Bank::Damaged);
        teach(&mut learner, number.into())?;
        assert_eq!(learner.save(&mut flash)?, number);
        banks = flash.0;
        assert_eq!(begun(&file, &mut banks)?.0, learner);
    }
    Ok(())
}

#[test]
fn a_bank_that_does_not_keep_is_told() -> Result<(), Box<dyn AnyError>> {
    let file = model(7)?;
    let mut banks = Banks::erased(Small::BANK_BYTES);
    let mut learner = begun(&file, &mut banks)?.0;
    learner.save(&mut banks)?;
    let kept = learner.clone();
    let mut flash = Failing {
        banks,
        reads_left: usize::MAX,
    };
    let bank = 1 - learner.bank;
    assert_eq!(learner.save(&mut flash), Err(LearnError::NotKept { bank }));
    assert_eq!(learner, kept);
    assert_eq!(begun(&file, &mut flash.banks)?.0, kept);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn banks_of_any_bytes_are_refused_or_learn_on(
        bytes in prop::collection::vec(any::<u8>(), Small::BANK_BYTES),
        is_sealed in any::<bool>(),
    ) {
        let hostile = |bytes: Vec<u8>| -> Result<(), Box<dyn AnyError>> {
            let file = model(8)?;
            let mut banks = Banks::erased(Small::BANK_BYTES);
            begun(&file, &mut banks)?.0.save(&mut banks)?;
            let bank = begun(&file, &mut banks)?.0.bank;
            if is_sealed {
                // Its header is right, and so is its checksum.
                banks.bytes[bank][24..].copy_from_slice(&bytes[24..]);
                seal(&mut banks.bytes[bank]);
            } else {
                banks.bytes[bank].copy_from_slice(&bytes);
            }
            let (mut learner, found) = begun(&file, &mut banks)?;
            assert_eq!(matches!(found[bank], Bank::Whole { .. }), is_sealed);
            assert!(learner.weights.iter().all(|[_, last]| last >> 6 == 0));
            teach(&mut learner, 1)?;
            let saved = learner.save(&mut banks)?;
            assert_eq!(saved, learner.saves);
            assert_eq!(begun(&file, &mut banks)?.0.weights, learner.weights);
            Ok(())
        };
        let checked = hostile(bytes);
        prop_assert!(checked.is_ok(), "{checked:?}");
    }
}
