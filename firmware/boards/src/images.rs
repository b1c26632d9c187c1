//! Runs a model of images row by row, as a camera reads them out, and compares every score with the
//! host's, bit for bit. Prints what an image costs: memory, instructions, stack.

use bnn_core::model::{Input, Model, Stream};

use crate::counter::Counter;
use crate::digits::Score;
use crate::stack;
use crate::told::tell;

/// How many images have the host's scores, `scores` in bytes. `OUTPUTS` and `WORDS` are those of the
/// model's [`Sizes`](bnn_core::model::Sizes), of a result and of a stream.
pub fn check<S: Score, const OUTPUTS: usize, const WORDS: usize>(
    model: Model<'_>,
    pixels: &[u8],
    scores: &[u8],
) -> Option<usize> {
    let mut memory = [0; WORDS];
    tell(
        "memory of the stream: ",
        size_of_val(&memory) as u32,
        " bytes",
    );
    let [_, width, channels] = model.input_shape();
    let mut stream = Stream::new(model, &mut memory).ok()?;
    let mut counter = Counter::start_long();
    let (mut same, mut instructions, mut most_instructions, mut most_stack) = (0, 0, 0, 0);
    let mut expected = scores.as_chunks::<4>().0.chunks_exact(OUTPUTS);
    for row in pixels.chunks_exact(width * channels) {
        let mut scores = [S::default(); OUTPUTS];
        let painted = stack::paint();
        // Row by row, because no timer counts as far as a large image takes.
        let (is_whole, of_row) =
            counter.count(|| stream.push(Input::Bytes(row), S::output(&mut scores)));
        most_stack = most_stack.max(painted.used());
        instructions += of_row;
        if !is_whole.ok()? {
            continue;
        }
        most_instructions = most_instructions.max(instructions);
        instructions = 0;
        stream.reset(); // also of models that slide, so that each image is one of its own
        let found = scores.iter().map(|&score| score.to_le_bytes());
        same += usize::from(found.eq(expected.next()?.iter().copied()));
    }
    tell("an image: at most ", most_instructions, " instructions");
    tell("stack: ", most_stack as u32, " bytes");
    Some(same)
}
