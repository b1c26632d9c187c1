//! Keyword spotting for microcontrollers, from recordings to a model and to what a board checks
//! itself with; see `docs/TINY.md`.

mod augment;
mod features;
mod network;
mod recordings;
mod sounds;
mod spans;
mod train;
mod vectors;

use std::path::PathBuf;

use clap::Parser;

/// What went wrong, as text for the terminal.
type Failure = Box<dyn std::error::Error>;

/// Keyword spotting for microcontrollers.
#[derive(Debug, Parser)]
enum Command {
    /// Print what the coefficients of recordings span: the constants of `tiny_audio::cepstrum`
    Spans {
        /// Recordings, with train.csv
        folder: PathBuf,
    },
    /// Write the features of recordings as arrays that `bnn train --data` takes
    Features {
        /// Recordings, with train.csv, val.csv and test.csv
        folder: PathBuf,
        /// Where the arrays go
        out: PathBuf,
        /// Varied copies of each training recording
        #[arg(long, default_value_t = 7)]
        copies: usize,
        /// Seed of the copies
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Train the network on features, and write it as a model file
    Train {
        /// What `features` has written
        features: PathBuf,
        /// The model file
        out: PathBuf,
        /// Passes over as many samples as there are training recordings
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..))]
        epochs: u64,
        /// Seed of weights and order
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Print what a model file is right about
    Evaluate {
        /// The model file
        model: PathBuf,
        /// What `features` has written
        features: PathBuf,
    },
    /// Write sound, and the features and scores that this host makes of it: NAME.samples,
    /// NAME.features, NAME.scores
    Vectors {
        /// The model file
        model: PathBuf,
        /// The files' name without its ending
        name: String,
        /// WAV files, one after the other; without any, three seconds of synthetic sound
        recordings: Vec<PathBuf>,
    },
}

fn main() -> Result<(), Failure> {
    match Command::parse() {
        Command::Spans { folder } => spans::print(&folder),
        Command::Features {
            folder,
            out,
            copies,
            seed,
        } => features::write(&folder, &out, copies, seed),
        Command::Train {
            features,
            out,
            epochs,
            seed,
        } => train::train(&features, &out, epochs, seed),
        Command::Evaluate { model, features } => train::evaluate(&model, &features),
        Command::Vectors {
            model,
            name,
            recordings,
        } => vectors::write(&model, &name, &recordings),
    }
}
