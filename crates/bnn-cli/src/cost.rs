//! What a run of a model takes, so that a small file with a large claim is refused before anything
//! is allocated: a file of 96 bytes can ask for an image of 2^32 pixels.

use bnn_core::internal::nodes;
use bnn_core::model::graph::Values;
use bnn_core::model::{InputType, Layer, LayerKind, Model, OutputType};

use crate::error::CliError;
use crate::mcu::Work;

/// Bytes and operations; the numbers saturate at `u64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Bytes of a sample's input and output.
    pub(crate) vector_bytes: u64,
    /// Bytes of memory that one sample needs: scratch memory and the widest layer's input and
    /// output.
    sample_bytes: u64,
    /// Bytes of the weights, laid out for this CPU.
    packed_bytes: u64,
    /// Words of 64 bits that are compared or pooled for one sample.
    pub(crate) word_operations: u64,
}

/// Bytes that a run may take.
const MOST_BYTES: u64 = 1 << 30;
/// Operations that a sample may take, which is about a minute. A binary ResNet-50 takes 2^26 per
/// image of 224 x 224.
pub(crate) const MOST_OPERATIONS: u64 = 1 << 36;
/// Samples that run together, if memory allows.
const CHUNK: u64 = 256;

impl Cost {
    /// The cost of a model that can be run.
    ///
    /// # Errors
    /// [`CliError::Input`] for a model of which one sample takes too much memory or time.
    pub(crate) fn of(model: &Model<'_>) -> Result<Self, CliError> {
        let cost = Self::counted(model);
        let bytes = cost.sample_bytes.saturating_add(cost.packed_bytes);
        for (what, found, most) in [
            ("bytes of memory", bytes, MOST_BYTES),
            ("operations on words", cost.word_operations, MOST_OPERATIONS),
        ] {
            if found > most {
                return Err(CliError::Input(format!(
                    "the model takes {found} {what} for one sample, expected at most {most}"
                )));
            }
        }
        Ok(cost)
    }

    fn counted(model: &Model<'_>) -> Self {
        let (input, output) = (model.input().1, model.output().1);
        let vectors = [
            bytes(model.input_shape(), element(input)),
            bytes(model.output_shape(), result(output)),
        ];
        let scratch = model
            .scratch_words(1)
            .map_or(u64::MAX, |words| words as u64);
        let mut cost = Self {
            vector_bytes: vectors[0].saturating_add(vectors[1]),
            sample_bytes: scratch.saturating_mul(8),
            packed_bytes: 0,
            word_operations: 0,
        };
        let mut widest = 0;
        for layer in model.layers() {
            let from = bytes(layer.input_shape, element(layer.input));
            // Bits that are made of bytes exist beside them.
            let bits = bytes(layer.input_shape, InputElement::Bit);
            let to = bytes(layer.output_shape, result(layer.output));
            widest = from.saturating_add(bits).saturating_add(to).max(widest);
            cost.word_operations = cost.word_operations.saturating_add(operations(&layer));
            cost.packed_bytes = cost.packed_bytes.saturating_add(packed(&layer));
        }
        for node in nodes(model) {
            // All tensors, of which a run holds some at a time.
            let tensor = bytes(node.shape, of_values(node.values));
            widest = widest.saturating_add(tensor);
            let per_word = if node.weight_bits == 1 { 64 } else { 1 };
            let words = node.operations.div_ceil(per_word);
            cost.word_operations = cost.word_operations.saturating_add(words);
            // Laid out, weights of 8 bits take up to four times as much.
            let weights = (node.bytes as u64).saturating_mul(4);
            cost.packed_bytes = cost.packed_bytes.saturating_add(weights);
        }
        cost.sample_bytes = cost.sample_bytes.saturating_add(widest);
        cost
    }

    /// Samples to run together.
    pub(crate) fn chunk(&self) -> usize {
        let room = MOST_BYTES - self.packed_bytes.min(MOST_BYTES);
        (room / self.sample_bytes.max(1)).clamp(1, CHUNK) as usize
    }
}

/// Bytes that a float network of a chain's shapes takes beside it, with its samples: `batch`
/// samples, weights plain and packed, and for each thread the largest input, output and matrix of
/// patches of a layer.
pub(crate) fn float_bytes(model: &Model<'_>, batch: usize, threads: usize) -> u64 {
    let count = |shape| bytes(shape, InputElement::Bytes(4));
    let samples = count(model.input_shape()).saturating_add(count(model.output_shape()));
    let (mut weights, mut widest) = (0_u64, 0_u64);
    for layer in model.layers() {
        let mut room = count(layer.input_shape).saturating_add(count(layer.output_shape));
        if let Some(rows) = layer.weights {
            let [height, width, _] = layer.output_shape;
            room = room.saturating_add(count([height, width, rows.cols()]));
            let of_layer = count([1, rows.rows(), rows.cols()]);
            weights = weights.saturating_add(of_layer.saturating_mul(2));
        }
        widest = widest.max(room);
    }
    let samples = samples.saturating_mul(batch as u64);
    let rooms = widest.saturating_mul(threads as u64);
    samples.saturating_add(weights).saturating_add(rooms)
}

#[derive(Clone, Copy)]
enum InputElement {
    Bit,
    Bytes(u64),
}

fn element(input: InputType) -> InputElement {
    match input {
        InputType::Bits => InputElement::Bit,
        _ => InputElement::Bytes(1),
    }
}

fn of_values(values: Values) -> InputElement {
    match values {
        Values::Bits => InputElement::Bit,
        Values::Unsigned { .. } => InputElement::Bytes(1),
        Values::Fixed { .. } => InputElement::Bytes(2),
        _ => InputElement::Bytes(4),
    }
}

fn result(output: OutputType) -> InputElement {
    match output {
        OutputType::Bits => InputElement::Bit,
        _ => InputElement::Bytes(4),
    }
}

/// Bytes of an image.
fn bytes([height, width, channels]: [usize; 3], element: InputElement) -> u64 {
    let pixel = match element {
        InputElement::Bit => channels.div_ceil(64) as u64 * 8,
        InputElement::Bytes(bytes) => bytes.saturating_mul(channels as u64),
    };
    (height as u64)
        .saturating_mul(width as u64)
        .saturating_mul(pixel)
}

/// Words that are compared with weights, or that a pool looks at.
fn operations(layer: &Layer<'_>) -> u64 {
    match layer.kind {
        LayerKind::MaxPool2d(pool) => {
            let [height, width, channels] = layer.output_shape;
            let [rows, columns] = pool.windows().kernel();
            let words = channels.div_ceil(64);
            let factors = [height, width, rows, columns, words];
            factors.into_iter().fold(1, |product: u64, factor| {
                product.saturating_mul(factor as u64)
            })
        }
        _ => Work::of(layer).word_operations(),
    }
}

/// Bytes of the weights in panels, whose outputs are rounded up, and what any layer has beside
/// them.
fn packed(layer: &Layer<'_>) -> u64 {
    const PANEL: usize = 32;
    const LAYER: u64 = 512;
    layer.weights.map_or(LAYER, |weights| {
        let rows = weights.rows().next_multiple_of(PANEL) as u64;
        let row = weights.cols().div_ceil(64) as u64 * 8;
        rows.saturating_mul(row).saturating_add(LAYER)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use bnn_core::BitMatrix;
    use bnn_core::conv::{Padding, Pool2d};
    use bnn_core::model::{AlignedBytes, Epilogue, ModelWriter};

    fn pool(image: [usize; 3], side: usize) -> AlignedBytes {
        let mut writer = ModelWriter::new(InputType::Bits);
        let pool = Pool2d::new(image, [side; 2], [1; 2], Padding::Valid).unwrap();
        writer.max_pool2d(&pool).unwrap();
        AlignedBytes::from(writer.finish().unwrap().as_slice())
    }

    #[test]
    fn costs_are_those_of_the_layers() {
        let weights = BitMatrix::zeros(3, 130).unwrap();
        let mut writer = ModelWriter::new(InputType::Unsigned { depth: 8 });
        writer.dense(weights.view(), Epilogue::Sums).unwrap();
        let file = AlignedBytes::from(writer.finish().unwrap().as_slice());
        let model = Model::open(&file).unwrap();
        let cost = Cost::of(&model).unwrap();
        assert_eq!(cost.vector_bytes, 130 + 3 * 4);
        assert_eq!(cost.word_operations, 3 * 3 * 8);
        assert_eq!(cost.packed_bytes, 32 * 3 * 8 + 512);
        assert_eq!(cost.chunk(), 256);
    }

    #[test]
    fn a_float_network_takes_memory_for_each_sample_and_thread() {
        let file = pool([4000, 4000, 64], 1);
        let model = Model::open(&file).unwrap();
        let image = 4000 * 4000 * 64 * 4;
        assert_eq!(float_bytes(&model, 1, 1), 4 * image);
        assert_eq!(float_bytes(&model, 3, 2), 10 * image);
    }

    #[test]
    fn a_small_file_that_promises_much_is_refused() {
        for (image, side) in [([65535, 65535, 1], 1), ([2000, 2000, 64], 255)] {
            let file = pool(image, side);
            assert!(file.len() < 200);
            let error = Cost::of(&Model::open(&file).unwrap()).unwrap_err();
            assert!(matches!(&error, CliError::Input(_)), "{error}");
        }
        let file = pool([2000, 2000, 64], 3);
        let cost = Cost::of(&Model::open(&file).unwrap()).unwrap();
        assert_eq!(cost.word_operations, 1998 * 1998 * 9);
        assert_eq!(cost.chunk(), 11); // three images of 32 MB for each
    }
}
