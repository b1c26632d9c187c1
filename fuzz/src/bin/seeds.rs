//! Writes the kept inputs of every target to `seeds/`: some that describe a case, of different
//! lengths. To be run from this folder; it gives the same files each time.
//!
//! ```console
//! $ cargo run --release --bin seeds
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;

use bnn_core::BitMatrix;
use bnn_core::conv::{Conv2d, ConvOptions, Padding, Pool2d};
use bnn_core::model::{Epilogue, InputType, ModelWriter};
use bnn_fuzz::Numbers;
use bnn_fuzz::targets::TARGETS;

/// Inputs of a target that are drawn.
const COUNT: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    for (name, run) in TARGETS {
        let folder = Path::new("seeds").join(name);
        fs::create_dir_all(&folder)?;
        let mut numbers = Numbers::new(name.as_bytes());
        let mut kept = 0;
        while kept < COUNT {
            let len = 16 + usize::from(numbers.byte()) / 2;
            // A node takes some fifteen bytes.
            let len = if name == "graph" { 2 * len } else { len };
            let input: Vec<u8> = (0..len).map(|_| numbers.byte()).collect();
            if run(&input) {
                fs::write(folder.join(format!("{kept:02}")), input)?;
                kept += 1;
            }
        }
    }
    for (name, file) in [("dense", dense()?), ("images", images()?)] {
        // A file that is taken as it is: the first case of the target's.
        let input = [&[0; 4], file.as_slice()].concat();
        fs::write(Path::new("seeds/model").join(name), input)?;
    }
    Ok(())
}

fn signs(rows: usize, cols: usize) -> Result<BitMatrix, bnn_core::Error> {
    Numbers::new(b"weights").bits(rows, cols)
}

fn dense() -> Result<Vec<u8>, Box<dyn Error>> {
    let mut writer = ModelWriter::new(InputType::Unsigned { depth: 5 });
    let thresholds = Epilogue::Threshold([-3_i32, 0, 2, 5].as_slice().into());
    writer.dense(signs(4, 70)?.view(), thresholds)?;
    let (scale, bias) = (&[0.5, -1.5], &[1.0, 0.25]);
    writer.dense(signs(2, 4)?.view(), Epilogue::Affine { scale, bias })?;
    Ok(writer.meta("name=dense\n").finish()?)
}

fn images() -> Result<Vec<u8>, Box<dyn Error>> {
    let options = ConvOptions {
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    let conv = Conv2d::new([4, 6, 1], 3, [3, 3], options)?;
    let pool = Pool2d::new([4, 6, 3], [2, 2], [2, 2], Padding::Valid)?;
    let all = Conv2d::new([2, 3, 3], 2, [2, 3], ConvOptions::default())?;
    let mut writer = ModelWriter::with_thresholds(&[9]);
    let thresholds = Epilogue::Threshold([-1_i32, 0, 1].as_slice().into());
    writer.conv2d(&conv, signs(3, 9)?.view(), thresholds)?;
    writer.max_pool2d(&pool)?;
    writer.conv2d(&all, signs(2, 18)?.view(), Epilogue::Sums)?;
    Ok(writer.finish()?)
}
