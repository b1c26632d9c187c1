//! The scratch memory of layers: how much, and where. Reader and writer share this plan.
//!
//! A spatial layer keeps the rows that one row of its output needs in a buffer of its own, because
//! rows arrive one by one. All other memory is shared, because it is in use only while a row is
//! made. The buffers lie after everything else, in the order of the layers. See
//! `docs/MODEL_FORMAT.md`.

use core::ops::Range;

use super::format::{Record, input, kind, pad};
use crate::shape::{positive, row_words};

/// Words in front of the rows of a spatial layer: which rows they are (see `rows::State`).
pub(super) const STATE_WORDS: usize = 1;

/// Words that a layer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    /// Words for the input: a row of bits of a dense layer; the rows of the image under a row of
    /// windows of a spatial one.
    pub(super) input: usize,
    /// Words to work in.
    pub(super) work: usize,
    /// Words for the output, of the last spatial layer and of dense ones.
    pub(super) output: usize,
}

/// The words that a layer takes, apart from what lies elsewhere; in constants too. The image, the
/// filters and the outputs of the record have been found to fit memory, so nothing here overflows.
pub(super) const fn needs(record: &Record) -> Needs {
    if record.is_spatial() {
        return spatial_needs(record);
    }
    let words = row_words(record.inputs as usize);
    Needs {
        input: words,
        work: work_rows(record.input, 0) * words,
        output: row_words(record.outputs as usize),
    }
}

const fn spatial_needs(record: &Record) -> Needs {
    let window = &record.window;
    let [height, width] = [window.image[0] as usize, window.image[1] as usize];
    let [kernel_height, kernel_width] = [window.kernel[0] as usize, window.kernel[1] as usize];
    let channels = record.inputs as usize;
    let extent = kernel_height.saturating_sub(1) * window.dilation[0] as usize + 1;
    let rows = if extent < height { extent } else { height };
    let patch = kernel_height * kernel_width * (channels / positive(window.groups as usize));
    // The patch under a window; where zeros lie around an image of bits, that twice (see `patch`).
    let padded = u32::from_le_bytes(window.padding) != 0;
    let patches = match record.kind {
        kind::MAX_POOL2D => 0,
        _ if padded && record.pad == pad::ZERO => 2,
        _ => 1,
    };
    Needs {
        input: match record.input {
            input::BITS => rows * width * row_words(channels),
            _ => (rows * width * channels).div_ceil(size_of::<u64>()),
        },
        work: work_rows(record.input, patches) * row_words(patch),
        output: row_words(record.outputs as usize),
    }
}

/// Rows of bits to work in, where it takes `patches` of them for inputs that are bits.
const fn work_rows(input: u8, patches: usize) -> usize {
    match input {
        input::BITS => patches,
        // Bits where there are none yet.
        input::THRESHOLDS if patches == 0 => 1,
        input::THRESHOLDS => patches,
        // A row of zeros, and bit planes.
        depth => depth as usize + 1,
    }
}

/// The ranges in which a layer reads, works and writes; empty if that is the caller's memory, or
/// another layer's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Regions {
    /// The state and the rows of a spatial layer.
    pub(super) input: Range<usize>,
    pub(super) work: Range<usize>,
    pub(super) output: Range<usize>,
}

/// The neighbours of a layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Whether no layer comes before it.
    pub(super) first: bool,
    /// Whether no layer comes after it.
    pub(super) last: bool,
    /// Whether a spatial layer comes after it.
    pub(super) before_spatial: bool,
}

impl Place {
    /// The place of layer `index` among `layers`, of which the first `spatial` are spatial.
    pub(super) const fn new(index: usize, layers: usize, spatial: usize) -> Self {
        Self {
            first: index == 0,
            last: index + 1 == layers,
            before_spatial: index + 1 < spatial,
        }
    }
}

impl Regions {
    /// Regions that would end after the last address end at it, which is too large a plan
    /// as well.
    pub(super) const fn new(record: &Record, place: Place) -> Self {
        const fn region(at: u32, words: usize) -> Range<usize> {
            match (at as usize, words) {
                (_, 0) => 0..0,
                (start, words) => start..start.saturating_add(words),
            }
        }
        let needs = regional(record, place);
        Self {
            input: region(record.input_at, needs.input),
            work: region(record.work_at, needs.work),
            output: region(record.output_at, needs.output),
        }
    }
}

/// The words that a layer takes of the scratch memory.
pub(super) const fn regional(record: &Record, place: Place) -> Needs {
    let needs = needs(record);
    Needs {
        input: match (record.is_spatial(), place.first) {
            (true, true) => STATE_WORDS,
            (true, false) => needs.input + STATE_WORDS,
            (false, true) => 0,
            (false, false) => needs.input,
        },
        output: if place.last || place.before_spatial {
            0
        } else {
            needs.output
        },
        ..needs
    }
}
