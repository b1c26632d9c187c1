//! A board learns a digit that its model does not know: the model stays in flash, its last layer
//! learns each training image once. Everything that it keeps is the host's, bit for bit, and power
//! fails in the middle of a save. Prints accuracy, and what learning costs. The exit code is 1 on
//! any difference.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::learn::{Bank, Flash, LearnError, Learner, Lesson};
use bnn_core::model::{Input, Model, ModelError, Output, Sizes, argmax};
use boards::counter::Counter;
use boards::outcome::exit_code;
use boards::stack;
use semihosting::{println, process};

// By `cargo run --release --example learn -- train nine.bnn`: digits, of which it has seen no 9.
static MODEL: Model = bnn_core::include_model!("../../../models/nine.bnn");
static BODY: Model = match MODEL.body() {
    Some(body) => body,
    None => panic!("the model has no last layer that can learn"),
};
// By the same example, `-- vectors nine.bnn learn`, in the folder that the build names.
static IMAGES: &[u8] = include_bytes!(concat!(env!("BNN_VECTORS"), "/learn.images"));
static KEPT: &[u8] = include_bytes!(concat!(env!("BNN_VECTORS"), "/learn.bank"));

const SIZES: Sizes = BODY.sizes();
type Features = [u64; SIZES.output_len];
type Digits = Learner<10, { SIZES.output_len }>;

// 4 KB beside the model's memory are the most.
const _: () = assert!(Digits::LEARN_BYTES <= 4096);

/// An image, its class in front.
const IMAGE: usize = 1 + SIZES.input_len;
const TRAINING: usize = 1437;
/// A step through the training images, which are sorted, as the host makes it.
const STRIDE: usize = 997;
const NEW: usize = 9;

/// Right answers to the test images of this network where a host trains it, all layers of it, with
/// the training images of all ten digits: what `bnn train --arch mlp:256 --epochs 100 --scores
/// integer` tells.
const TRAINED_ON_THE_HOST: usize = 353;

/// What a lesson must not need more of.
const MOST_STACK: usize = 1024;

/// Power has failed.
struct Cut;

/// Two banks of flash, and how many bytes are written before power fails.
struct Banks {
    bytes: [[u8; Digits::BANK_BYTES]; 2],
    left: usize,
}

impl Flash for Banks {
    type Error = Cut;

    fn read(&mut self, bank: usize, at: usize, bytes: &mut [u8]) -> Result<(), Cut> {
        let held = self.bytes.get(bank).and_then(|bank| bank.get(at..));
        let held = held.and_then(|held| held.get(..bytes.len())).ok_or(Cut)?;
        bytes.copy_from_slice(held);
        Ok(())
    }

    fn erase(&mut self, bank: usize) -> Result<(), Cut> {
        self.bytes.get_mut(bank).ok_or(Cut)?.fill(0xFF);
        Ok(())
    }

    fn write(&mut self, bank: usize, at: usize, bytes: &[u8]) -> Result<(), Cut> {
        let written = bytes.len().min(self.left);
        self.left -= written;
        let held = self.bytes.get_mut(bank).and_then(|bank| bank.get_mut(at..));
        let held = held.and_then(|held| held.get_mut(..written)).ok_or(Cut)?;
        held.copy_from_slice(bytes.get(..written).unwrap_or_default());
        if written == bytes.len() {
            Ok(())
        } else {
            Err(Cut)
        }
    }
}

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    process::exit(exit_code("learn", check()))
}

const RUN_REFUSED: fn(ModelError) -> &'static str = |_| "the library refused a run";

fn refused<E>(_: LearnError<E>) -> &'static str {
    "the library refused to learn"
}

/// The images from `from` on, each with its class.
fn images(from: usize) -> impl Iterator<Item = (usize, &'static [u8])> {
    let images = IMAGES.get(from * IMAGE..).unwrap_or_default();
    let split = |image: &'static [u8]| image.split_first();
    let images = images.chunks_exact(IMAGE).filter_map(split);
    images.map(|(class, pixels)| (usize::from(*class), pixels))
}

fn features(pixels: &[u8]) -> Result<Features, &'static str> {
    let mut scratch = [0; SIZES.scratch_words];
    let mut features = [0; SIZES.output_len];
    let (input, output) = (Input::Bytes(pixels), Output::Bits(&mut features));
    BODY.run(1, input, output, &mut scratch)
        .map_err(RUN_REFUSED)?;
    Ok(features)
}

/// Right answers to the test images, and to those of the new digit.
#[derive(Clone, Copy, PartialEq)]
struct Right {
    all: usize,
    new: usize,
}

impl Right {
    fn of(learner: &Digits) -> Result<Self, &'static str> {
        let mut right = Self { all: 0, new: 0 };
        for (class, pixels) in images(TRAINING) {
            let scores = learner.scores(&features(pixels)?).map_err(refused)?;
            if argmax(&scores) == Some(class) {
                right.all += 1;
                right.new += usize::from(class == NEW);
            }
        }
        Ok(right)
    }
}

/// What lessons took.
#[derive(Default)]
struct Costs {
    lessons: u32,
    /// Instructions at most of the run that gives an image's features.
    run: u32,
    /// Instructions of lessons.
    sum: u32,
    most: u32,
    stack: usize,
    /// Lessons that changed anything, and weights that flipped.
    changes: u32,
    flips: u32,
}

impl Costs {
    fn add(&mut self, lesson: Lesson, instructions: u32, stack: usize) {
        self.lessons += 1;
        self.sum += instructions;
        self.most = self.most.max(instructions);
        self.stack = self.stack.max(stack);
        self.changes += u32::from(lesson.near > 0);
        self.flips += lesson.flips;
    }
}

/// Lessons: each training image once.
fn teach(learner: &mut Digits, counter: &mut Counter) -> Result<Costs, &'static str> {
    let mut costs = Costs::default();
    for i in 0..TRAINING {
        let image = images(i * STRIDE % TRAINING).next();
        let (class, pixels) = image.ok_or("too few images")?;
        let (features, run) = counter.count(|| features(pixels));
        let features = features?;
        costs.run = costs.run.max(run);
        let painted = stack::paint();
        let (lesson, instructions) = counter.count(|| learner.learn(&features, class));
        costs.add(lesson.map_err(refused)?, instructions, painted.used());
    }
    Ok(costs)
}

/// # Errors
/// What differs from the host, or takes more than it may.
fn check() -> Result<(), &'static str> {
    let mut counter = Counter::start();
    let mut banks = Banks {
        bytes: [[0xFF; Digits::BANK_BYTES]; 2],
        left: usize::MAX,
    };
    let mut learner = Digits::EMPTY;
    let found = learner.begin(&MODEL, &mut banks).map_err(refused)?;
    if found != [Bank::Empty; 2] {
        return Err("found something in erased flash");
    }
    let of = images(TRAINING).count();
    let of_new = images(TRAINING).filter(|(class, _)| *class == NEW).count();
    let before = Right::of(&learner)?;
    let costs = teach(&mut learner, &mut counter)?;
    let after = Right::of(&learner)?;
    println!(
        "right before: {} of {of} test images, {} of {of_new} of the new digit",
        before.all, before.new
    );
    println!(
        "right after: {} of {of} test images, {} of {of_new} of the new digit",
        after.all, after.new
    );
    println!("features of an image: at most {} instructions", costs.run);
    println!(
        "a lesson: {} instructions on average, at most {}, and {} bytes of stack; {} of {} changed {} weights",
        costs.sum / costs.lessons.max(1),
        costs.most,
        costs.stack,
        costs.changes,
        costs.lessons,
        costs.flips
    );
    if (after.all + of * 3 / 100) < TRAINED_ON_THE_HOST {
        return Err("more than 3 points less than training on the host makes of the same images");
    }
    if costs.stack > MOST_STACK {
        return Err("more stack than the budget");
    }

    let (number, instructions) = counter.count(|| learner.save(&mut banks));
    if number.map_err(refused)? != 1 {
        return Err("the first save has another number");
    }
    println!("a save: {instructions} instructions");
    println!(
        "memory of the learner: {} bytes; a bank: {} bytes",
        Digits::LEARN_BYTES,
        Digits::BANK_BYTES
    );
    if banks.bytes[0] != KEPT {
        return Err("what was kept differs from the host's");
    }

    // Power fails in the middle of the next save, after a further lesson.
    let (class, pixels) = images(0).next().ok_or("no image")?;
    learner
        .learn(&features(pixels)?, (class + 1) % 10)
        .map_err(refused)?;
    banks.left = Digits::BANK_BYTES / 2;
    if learner.save(&mut banks).is_ok() {
        return Err("a save that was cut off succeeded");
    }
    banks.left = usize::MAX;
    let (found, instructions) = counter.count(|| learner.begin(&MODEL, &mut banks));
    if found.map_err(refused)? != [Bank::Whole { number: 1 }, Bank::Damaged] {
        return Err("the banks are not as a save leaves them that was cut off");
    }
    println!("a start: {instructions} instructions");
    if Right::of(&learner)? != after {
        return Err("not the weights before the save that was cut off");
    }
    println!("what is kept is the host's, bit for bit, and outlasts a save that was cut off");
    Ok(())
}
