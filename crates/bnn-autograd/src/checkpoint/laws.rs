//! Bytes with a correct checksum that are no state that a program has written.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;

use super::checksum::{ZEROS, seal};
use super::*;
use crate::nn::{BatchNorm, BinaryLinear, Sequential};
use crate::optim::Adam;
use crate::rng::Rng;

fn network() -> (Sequential, Optimizer) {
    let layer = BinaryLinear::new(5, 3, &mut Rng::new(1)).unwrap();
    let net = Sequential::new()
        .then(layer)
        .then(BatchNorm::new(3).unwrap());
    (net, Optimizer::new(Adam::new(0.1).unwrap()))
}

fn file() -> Vec<u8> {
    let (mut net, mut optimizer) = network();
    net.params_mut(&mut |_, param| param.add_grad(param.value().clone()).unwrap());
    optimizer.step(&mut net).unwrap();
    let strings = BTreeMap::from([("checksum".to_owned(), ZEROS.to_owned())]);
    let checkpoint = Checkpoint::capture(&net, Some(&optimizer), strings).unwrap();
    checkpoint.to_bytes().unwrap()
}

/// Replaces `from` in the file by `to`, of the same length, and makes the checksum correct again.
fn forged(from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut file = file();
    let at = file.windows(from.len()).position(|bytes| bytes == from);
    let at = at.unwrap();
    file[at..at + to.len()].copy_from_slice(to);
    seal(&mut file).unwrap();
    file
}

#[test]
fn a_string_of_the_caller_is_not_taken_for_the_checksum() {
    let file = file();
    let checkpoint = Checkpoint::<f32>::try_from(&file[..]).unwrap();
    assert_eq!(checkpoint.metadata["checksum"], ZEROS);
    assert_eq!(checkpoint.to_bytes().unwrap(), file);
}

#[test]
fn correct_checksums_do_not_make_impossible_states_possible() {
    let one = 1.0_f32.to_le_bytes();
    for wrong in [f32::NAN, f32::INFINITY] {
        let refused = Checkpoint::<f32>::try_from(&forged(&one, &wrong.to_le_bytes())[..]);
        assert!(matches!(refused, Err(CheckpointError::NotFinite { .. })));
    }
    for (from, to, expected) in [
        (
            &b"buffer.1.running_var"[..],
            &b"nobody.1.running_var"[..],
            "is neither a parameter",
        ),
        (b"steps\\\":1", b"steps\\\":-", "not a checkpoint"),
        (
            b"\"F32\",\"shape\":[3]",
            b"\"F32\",\"shape\":[4]",
            "not a checkpoint",
        ),
    ] {
        let refused = Checkpoint::<f32>::try_from(&forged(from, to)[..]).unwrap_err();
        assert!(refused.to_string().contains(expected), "{refused}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_with_a_correct_checksum_give_a_checkpoint_or_an_error(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = file();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if seal(&mut bytes).is_ok()
            && let Ok(checkpoint) = Checkpoint::<f32>::try_from(&bytes[..])
        {
            // Whatever it says, it can be written and tried.
            checkpoint.to_bytes().unwrap();
            let (mut net, mut optimizer) = network();
            let _ = checkpoint.restore(&mut net, None);
            let _ = checkpoint.restore(&mut net, Some(&mut optimizer));
        }
    }
}
