//! What firmware needs so that the last layer of a model learns: its body runs, the learner begins
//! with what the flash keeps, learns a sample, gives a class and saves. Not to be run:
//! `ci/footprint.sh` links it, measures it, and looks for panics in it.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the linker needs the name of the entry")]

use bnn_core::learn::{Flash, LearnError, Learner};
use bnn_core::model::{Input, Model, ModelError, Output, argmax};

/// For 11 classes and 256 features.
const WORDS: usize = 4;
type Eleven = Learner<11, WORDS>;

// 4 KB beside the model are the most.
const _: () = assert!(Eleven::LEARN_BYTES <= 4096);

/// A bank of the flash that this is linked without: the least that a driver can be.
struct Mapped<'a>([&'a mut [u8]; 2]);

struct Outside;

impl Mapped<'_> {
    fn part(&mut self, bank: usize, at: usize, len: usize) -> Result<&mut [u8], Outside> {
        let bank = self.0.get_mut(bank).and_then(|bank| bank.get_mut(at..));
        bank.and_then(|from| from.get_mut(..len)).ok_or(Outside)
    }
}

impl Flash for Mapped<'_> {
    type Error = Outside;

    fn read(&mut self, bank: usize, at: usize, bytes: &mut [u8]) -> Result<(), Outside> {
        let part = self.part(bank, at, bytes.len())?;
        bytes
            .iter_mut()
            .zip(part)
            .for_each(|(to, from)| *to = *from);
        Ok(())
    }

    fn erase(&mut self, bank: usize) -> Result<(), Outside> {
        self.part(bank, 0, Eleven::BANK_BYTES)?.fill(0xFF);
        Ok(())
    }

    fn write(&mut self, bank: usize, at: usize, bytes: &[u8]) -> Result<(), Outside> {
        let part = self.part(bank, at, bytes.len())?;
        part.iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

enum Refused {
    Model,
    Learning,
}

impl From<ModelError> for Refused {
    fn from(_: ModelError) -> Self {
        Refused::Model
    }
}

impl<E> From<LearnError<E>> for Refused {
    fn from(_: LearnError<E>) -> Self {
        Refused::Learning
    }
}

/// What firmware does with a learner, once for each part of it.
///
/// # Errors
/// Those of the library.
#[inline(never)]
fn learn(
    [model, body]: [&Model<'_>; 2],
    learner: &mut Eleven,
    flash: &mut Mapped<'_>,
    pixels: &[u8],
    class: usize,
    scratch: &mut [u64],
) -> Result<Option<usize>, Refused> {
    learner.begin(model, flash)?;
    let mut features = [0; WORDS];
    let (input, output) = (Input::Bytes(pixels), Output::Bits(&mut features));
    body.run(1, input, output, scratch)?;
    learner.learn(&features, class)?;
    learner.save(flash)?;
    Ok(argmax(&learner.scores(&features)?))
}

/// The entry of the link. Arguments come from outside, so that nothing of them is known when
/// compiling.
#[unsafe(no_mangle)]
extern "Rust" fn entry(
    models: [&Model<'_>; 2],
    learner: &mut Eleven,
    flash: [&mut [u8]; 2],
    pixels: &[u8],
    class: usize,
    scratch: &mut [u64],
) -> Option<usize> {
    let mut flash = Mapped(flash);
    let learned = learn(models, learner, &mut flash, pixels, class, scratch);
    learned.ok().flatten()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
