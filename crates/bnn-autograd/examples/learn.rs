//! A network that was trained on nine of the ten digits learns the tenth as a device would: its
//! last layer alone, in integers, each training image once. Compares that with training on this
//! host with the same images.
//!
//! ```sh
//! cargo run --release --example learn                           # each digit left out by turns
//! cargo run --release --example learn -- train NINE.bnn         # a network that lacks the 9
//! cargo run --release --example learn -- vectors NINE.bnn NAME  # what that network then learns
//! ```
//!
//! The last one writes for a device that does the same: NAME.images, the training and test images,
//! each with its class in front, and NAME.bank, what this host kept after the lessons.

use std::convert::Infallible;
use std::error::Error;

use bnn_autograd::Rng;
use bnn_autograd::data::{Dataset, Layout, Split, digits};
use bnn_autograd::export::export;
use bnn_autograd::files::write_atomic;
use bnn_autograd::models::{Mlp, MlpConfig};
use bnn_autograd::train::{TrainConfig, Trainer};
use bnn_core::learn::{Flash, Learner};
use bnn_core::model::{AlignedBytes, Input, Model, Output, argmax};

/// Features, the width of the hidden layer, and words of them.
const FEATURES: usize = 256;
const WORDS: usize = FEATURES / 64;
const CLASSES: usize = 10;
type Digits = Learner<CLASSES, WORDS>;

/// The new class, after those that the network knows.
const NEW: u16 = 9;

/// Steps through the training images, which are sorted: it has no factor with their number, so that
/// each comes once, and all classes by turns.
const STRIDE: usize = 997;

/// Of the trainings that are compared. Those of seed 1 were looked at when the numbers of the
/// learner's rule were chosen.
const SEEDS: [u64; 2] = [2, 3];

/// Images of each other class beside those of the new one.
const FEW: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [] => compare(),
        ["train", path] => Ok(write_atomic(path, &train(&known(&split(9)?)?, 1)?)?),
        ["vectors", path, name] => vectors(&std::fs::read(path)?, name),
        _ => Err("expected nothing, `train NINE.bnn` or `vectors NINE.bnn NAME`".into()),
    }
}

/// The digits, of which `left_out` is class 9.
fn split(left_out: u16) -> Result<Split, Box<dyn Error>> {
    let class = |label: u16| match label {
        label if label == left_out => NEW,
        label if label > left_out => label - 1,
        label => label,
    };
    let renamed = |set: &Dataset| {
        let labels = set.labels().iter().map(|&label| class(label)).collect();
        Dataset::new(set.name(), set.layout(), set.pixels().to_vec(), labels)
    };
    let digits = digits()?;
    Ok(Split {
        train: renamed(&digits.train)?,
        test: renamed(&digits.test)?,
    })
}

/// The images of all classes but the new one.
fn known(split: &Split) -> Result<Split, Box<dyn Error>> {
    let layout = Layout {
        classes: CLASSES - 1,
        ..split.train.layout()
    };
    let without = |set: &Dataset| {
        let images = set.pixels().chunks(set.features()).zip(set.labels());
        let images = images.filter(|(_, label)| **label != NEW);
        let (pixels, labels): (Vec<_>, Vec<_>) = images.unzip();
        Dataset::new(set.name(), layout, pixels.concat(), labels)
    };
    Ok(Split {
        train: without(&split.train)?,
        test: without(&split.test)?,
    })
}

/// Trains the network as `bnn train --arch mlp:256 --epochs 100 --scores integer` does; the file.
fn train(split: &Split, seed: u64) -> Result<Vec<u8>, Box<dyn Error>> {
    let layout = split.train.layout();
    let config = MlpConfig {
        inputs: split.train.features(),
        depth: layout.depth(),
        hidden: vec![FEATURES],
        classes: layout.classes,
        integer_scores: true,
        ..MlpConfig::default()
    };
    let settings = TrainConfig {
        epochs: 100,
        batch: 64,
        learning_rate: 3e-3,
        temperature: (FEATURES as f64).sqrt(),
        seed,
        ..TrainConfig::default()
    };
    let net = Mlp::new(config, &mut Rng::new(seed))?;
    let input = net.input();
    let mut trainer = Trainer::new(net, settings)?;
    while !trainer.is_done() {
        trainer.epoch(&split.train, &split.test)?;
    }
    Ok(export(&mut trainer.model, input)?)
}

/// Two banks in memory.
struct Banks([Vec<u8>; 2]);

impl Flash for Banks {
    type Error = Infallible;

    fn read(&mut self, bank: usize, at: usize, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0[bank][at..at + bytes.len()]);
        Ok(())
    }

    fn erase(&mut self, bank: usize) -> Result<(), Infallible> {
        self.0[bank].fill(0xFF);
        Ok(())
    }

    fn write(&mut self, bank: usize, at: usize, bytes: &[u8]) -> Result<(), Infallible> {
        self.0[bank][at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

impl Banks {
    fn erased() -> Self {
        let bank = vec![0xFF; Digits::BANK_BYTES];
        Self([bank.clone(), bank])
    }
}

/// The features of each image.
fn features(body: &Model<'_>, set: &Dataset) -> Result<Vec<[u64; WORDS]>, Box<dyn Error>> {
    let mut scratch = vec![0; body.scratch_words(1)?];
    let images = set.pixels().chunks(set.features());
    let features = images.map(|image| {
        let mut features = [0; WORDS];
        let output = Output::Bits(&mut features);
        body.run(1, Input::Bytes(image), output, &mut scratch)?;
        Ok(features)
    });
    features.collect()
}

/// Right answers in percent: of all images, and of those of the new class.
struct Accuracy {
    all: f64,
    new: f64,
}

impl Accuracy {
    fn of(learner: &Digits, set: &Dataset, x: &[[u64; WORDS]]) -> Result<Self, Box<dyn Error>> {
        let (mut right, mut of) = ([0, 0], [0, 0]);
        for (x, label) in x.iter().zip(set.labels()) {
            let is_right = argmax(&learner.scores(x)?) == Some((*label).into());
            for (i, counts) in [true, *label == NEW].into_iter().enumerate() {
                of[i] += u32::from(counts);
                right[i] += u32::from(counts && is_right);
            }
        }
        let [all, new] = [0, 1].map(|i| 100.0 * f64::from(right[i]) / f64::from(of[i]));
        Ok(Self { all, new })
    }
}

/// What a device learns from.
#[derive(Clone, Copy)]
enum Lessons {
    /// The training images of all classes, so many times.
    All(usize),
    /// Those of the new class once, and between two of them one of each other class, of which there
    /// are so many.
    Few(usize),
    /// Those of the new class alone, once.
    Alone,
}

impl Lessons {
    /// The images, one after the other.
    fn images(self, set: &Dataset) -> Vec<usize> {
        let n = set.samples();
        let all = (0..n).map(|i| i * STRIDE % n);
        let of = |class: u16| all.clone().filter(move |&i| set.labels()[i] == class);
        match self {
            Lessons::All(times) => all.collect::<Vec<_>>().repeat(times),
            Lessons::Alone => of(NEW).collect(),
            Lessons::Few(few) => {
                let mut others: Vec<_> =
                    (0..NEW).map(|class| of(class).take(few).cycle()).collect();
                let one_of_each = |new| {
                    let others = others.iter_mut().filter_map(Iterator::next);
                    std::iter::once(new).chain(others).collect::<Vec<_>>()
                };
                of(NEW).flat_map(one_of_each).collect()
            }
        }
    }
}

/// What a network of nine classes knows of ten, before it learns and after, and what is kept then.
fn learn(
    nine: &[u8],
    split: &Split,
    lessons: Lessons,
) -> Result<([Accuracy; 2], Banks), Box<dyn Error>> {
    let file = AlignedBytes::from(nine);
    let model = Model::open(&file)?;
    let body = model.body().ok_or("expected a dense layer after others")?;
    let [train, test] = [
        features(&body, &split.train)?,
        features(&body, &split.test)?,
    ];
    let (mut learner, mut banks) = (Digits::EMPTY, Banks::erased());
    learner.begin(&model, &mut banks)?;
    let before = Accuracy::of(&learner, &split.test, &test)?;
    for i in lessons.images(&split.train) {
        learner.learn(&train[i], split.train.labels()[i].into())?;
    }
    let after = Accuracy::of(&learner, &split.test, &test)?;
    learner.save(&mut banks)?;
    Ok(([before, after], banks))
}

/// Each digit left out by turns, and the network trained on all ten beside it.
fn compare() -> Result<(), Box<dyn Error>> {
    println!(
        "right of all test images (of those of the new digit), in percent, of the network that"
    );
    println!(
        "was trained on all ten digits; on nine; after lessons with all images once, and twice;"
    );
    println!("with those of the new digit and {FEW} of each other one; with those of the new one");
    println!(
        "new  seed         all ten            nine            once           twice             few           alone"
    );
    let (mut sums, mut worst) = ([0.0; 6], [f64::INFINITY; 2]);
    for seed in SEEDS {
        for digit in 0..=9 {
            let split = split(digit)?;
            let trained = trained_here(&train(&split, seed)?, &split)?;
            let nine = train(&known(&split)?, seed)?;
            let after = |lessons| Ok::<_, Box<dyn Error>>(learn(&nine, &split, lessons)?.0);
            let [before, once] = after(Lessons::All(1))?;
            let [_, twice] = after(Lessons::All(2))?;
            let [_, few] = after(Lessons::Few(FEW))?;
            let [_, alone] = after(Lessons::Alone)?;
            for (worst, of) in worst.iter_mut().zip([&once, &twice]) {
                *worst = worst.min(of.all - trained.all);
            }
            print!("{digit:>3}  {seed:>4}");
            let all = [trained, before, once, twice, few, alone];
            for (sum, of) in sums.iter_mut().zip(all) {
                print!("  {:>6.2} ({:>5.1})", of.all, of.new);
                *sum += of.all / (10 * SEEDS.len()) as f64;
            }
            println!();
        }
    }
    print!("     mean");
    for mean in sums {
        print!("  {mean:>6.2}        ");
    }
    let [once, twice] = worst;
    println!("\nless than when trained on all ten, at worst: {once:+.2} once, {twice:+.2} twice");
    Ok(())
}

/// What a network of all classes knows.
fn trained_here(file: &[u8], split: &Split) -> Result<Accuracy, Box<dyn Error>> {
    let file = AlignedBytes::from(file);
    let model = Model::open(&file)?;
    let body = model.body().ok_or("expected a dense layer after others")?;
    let mut learner = Digits::EMPTY;
    learner.begin(&model, &mut Banks::erased())?;
    let x = features(&body, &split.test)?;
    Accuracy::of(&learner, &split.test, &x)
}

/// Writes images and what they teach.
fn vectors(nine: &[u8], name: &str) -> Result<(), Box<dyn Error>> {
    let split = split(9)?;
    let ([before, after], banks) = learn(nine, &split, Lessons::All(1))?;
    let mut images = Vec::new();
    for set in [&split.train, &split.test] {
        for (image, label) in set.pixels().chunks(set.features()).zip(set.labels()) {
            images.push(*label as u8);
            images.extend_from_slice(image);
        }
    }
    // The first save is in the first bank.
    let [bank, _] = banks.0;
    for (ending, bytes) in [("images", images), ("bank", bank)] {
        write_atomic(format!("{name}.{ending}"), &bytes)?;
    }
    println!(
        "{:.2} % of the test images before, {:.2} % after",
        before.all, after.all
    );
    Ok(())
}
