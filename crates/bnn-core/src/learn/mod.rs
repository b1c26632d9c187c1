//! Learning on a device: the last layer of a trained model learns further samples and further
//! classes, in integers, without an allocator, in memory whose size is a constant.
//!
//! [`Model::body`] is the model without its last layer. It stays as it is, in flash, and makes
//! *features* of an input: bits. A [`Learner`] has the last layer's weights, bits too, and for each
//! of them a counter of 8 bits whose sign the weight is.
//!
//! The rule is the perceptron's, with a margin. For a sample whose class is known, the score of each
//! class is the product of the features with its weights. Every other class whose score is not at
//! least a quarter of the features (rounded down) below that of the right one is *near*. The counters of each near
//! class take a step away from the features, those of the right one as many steps towards them as
//! classes are near; a weight flips where its counter changes its sign. Where no class is near,
//! nothing changes. No number is random, so that a host that learns the same samples in the same
//! order has the same bits.
//!
//! Counters begin at 16 steps from a flip where the model has a weight, and at zero for a class that
//! it does not know; such a class has no score before its first sample, towards which it takes a
//! step in any case.
//!
//! What was learned is kept in two banks of [`Flash`], which [`Learner::save`] writes in turns, with
//! the number of the save and a checksum over all. Power may fail at any time: [`Learner::begin`]
//! finds the weights before the save or those after it.
//!
//! ```
//! use bnn_core::include_model;
//! use bnn_core::learn::{Flash, Learner};
//! use bnn_core::model::{Input, Model, Output, Sizes, argmax};
//!
//! static MODEL: Model = include_model!("../../../../firmware/models/digits-int.bnn");
//! static BODY: Model = match MODEL.body() {
//!     Some(body) => body,
//!     None => panic!("the model has no last layer that can learn"),
//! };
//! const SIZES: Sizes = BODY.sizes();
//! /// For ten digits and one more class.
//! type Digits = Learner<11, { SIZES.output_len }>;
//! const _: () = assert!(Digits::LEARN_BYTES == 824);
//!
//! fn features(pixels: &[u8]) -> Result<[u64; SIZES.output_len], bnn_core::model::ModelError> {
//!     let mut scratch = [0; SIZES.scratch_words];
//!     let mut features = [0; SIZES.output_len];
//!     BODY.run(1, Input::Bytes(pixels), Output::Bits(&mut features), &mut scratch)?;
//!     Ok(features)
//! }
//!
//! fn learn_a_circle(flash: &mut impl Flash) -> Option<usize> {
//!     let mut learner = Digits::EMPTY;
//!     learner.begin(&MODEL, flash).ok()?;
//!     let circle = features(&[0, 0, 9, 9, 9, 9, 0, 0].repeat(8)).ok()?;
//!     learner.learn(&circle, 10).ok()?;
//!     learner.save(flash).ok()?;
//!     argmax(&learner.scores(&circle).ok()?)
//! }
//! # struct Ram([Vec<u8>; 2]);
//! # impl Flash for Ram {
//! #     type Error = core::convert::Infallible;
//! #     fn read(&mut self, bank: usize, at: usize, bytes: &mut [u8]) -> Result<(), Self::Error> {
//! #         bytes.copy_from_slice(&self.0[bank][at..][..bytes.len()]);
//! #         Ok(())
//! #     }
//! #     fn erase(&mut self, bank: usize) -> Result<(), Self::Error> {
//! #         self.0[bank].fill(0xFF);
//! #         Ok(())
//! #     }
//! #     fn write(&mut self, bank: usize, at: usize, bytes: &[u8]) -> Result<(), Self::Error> {
//! #         self.0[bank][at..][..bytes.len()].copy_from_slice(bytes);
//! #         Ok(())
//! #     }
//! # }
//! # let bank = || vec![0xFF; Digits::BANK_BYTES];
//! # assert_eq!(learn_a_circle(&mut Ram([bank(), bank()])), Some(10));
//! ```

mod bank;
mod counters;
mod error;
mod flash;
mod learner;

#[cfg(all(test, feature = "alloc"))]
mod laws;

pub use bank::Bank;
pub use error::LearnError;
pub use flash::Flash;
pub use learner::{Learner, Lesson};

#[cfg(doc)]
use crate::model::Model;
