//! What a board checks itself with: sound, and what this host makes of it.

use std::path::{Path, PathBuf};

use bnn_autograd::files::write_atomic;
use bnn_core::model::{AlignedBytes, Input, Model, Output};
use tiny_audio::FEATURES;

use crate::Failure;
use crate::features::features;
use crate::recordings::wav;
use crate::sounds;

/// Writes NAME.samples, 16 bits each, little-endian; NAME.features, the frames; and NAME.scores,
/// the scores of every window of frames, of 32 bits. The sound is that of `recordings`, a second
/// each, one after the other, or without any that of [`sounds::synthetic`].
///
/// # Errors
/// Files that cannot be read or written, a model whose scores are no integers.
pub(crate) fn write(model: &Path, name: &str, recordings: &[PathBuf]) -> Result<(), Failure> {
    let sound = match recordings {
        [] => sounds::synthetic(1),
        _ => {
            let recordings = recordings.iter().map(|path| wav(path));
            recordings.collect::<Result<Vec<_>, _>>()?.concat()
        }
    };
    let frames = features(&sound);
    let file = std::fs::read(model).map_err(|error| format!("{}: {error}", model.display()))?;
    let file = AlignedBytes::from(file.as_slice());
    let model = Model::open(&file)?;
    let scores = scores(&model, windows(&model, &frames))?;
    let samples: Vec<u8> = sound.iter().flat_map(|x| x.to_le_bytes()).collect();
    let of_scores: Vec<u8> = scores
        .iter()
        .flatten()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    for (ending, bytes) in [
        ("samples", &samples),
        ("features", &frames),
        ("scores", &of_scores),
    ] {
        write_atomic(format!("{name}.{ending}"), bytes)?;
    }
    println!(
        "{} samples, {} frames, {} results",
        sound.len(),
        frames.len() / FEATURES,
        scores.len()
    );
    Ok(())
}

/// All windows of frames, as a stream through a model sees them.
fn windows<'f>(model: &Model<'_>, frames: &'f [u8]) -> impl Iterator<Item = &'f [u8]> {
    let window = model.input_shape()[0] * FEATURES;
    frames.windows(window).step_by(FEATURES)
}

/// The integer scores of windows.
///
/// # Errors
/// A model for other windows, or whose scores are no integers.
pub(crate) fn scores<'w>(
    model: &Model<'_>,
    windows: impl Iterator<Item = &'w [u8]>,
) -> Result<Vec<Vec<i32>>, Failure> {
    let mut scratch = vec![0; model.scratch_words(1)?];
    let scores = windows.map(|window| {
        let mut scores = vec![0; model.output_shape()[2]];
        model.run(
            1,
            Input::Bytes(window),
            Output::I32(&mut scores),
            &mut scratch,
        )?;
        Ok(scores)
    });
    scores.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::network;
    use bnn_autograd::Rng;
    use bnn_autograd::export::{ExportConfig, export};
    use bnn_core::model::{InputType, Stream};

    #[test]
    fn a_stream_gives_the_scores_of_every_window() -> Result<(), Failure> {
        let config = ExportConfig {
            image: Some([crate::features::FRAMES, 1, FEATURES]),
            ..InputType::Unsigned { depth: 8 }.into()
        };
        let file = export(&mut network(40, &mut Rng::new(1))?, config)?;
        let frames = features(&sounds::synthetic(1));
        let aligned = AlignedBytes::from(file.as_slice());
        let model = Model::open(&aligned)?;
        let mut expected = scores(&model, windows(&model, &frames))?.into_iter();
        let mut memory = vec![0; Stream::words(&model)?];
        let mut stream = Stream::new(model, &mut memory)?;
        for frame in frames.chunks(FEATURES) {
            let mut scores = vec![0; 40];
            if stream.push(Input::Bytes(frame), Output::I32(&mut scores))? {
                assert_eq!(Some(scores), expected.next());
            }
        }
        assert_eq!(expected.next(), None);
        Ok(())
    }
}
