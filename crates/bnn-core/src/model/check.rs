//! The checks of a model file, on which the runner relies.
//!
//! Whatever the bytes are, a file that passes has: layers whose shapes fit each other, weights and
//! parameters inside the file that no other layer shares, with zero tail bits, sums that fit `i32`,
//! and a plan for the scratch memory in which no layer writes over what it or another reads.
//!
//! All functions are constant, because the compiler checks models that are embedded in a program.
//! This is why there are loops and matches instead of iterators and `?`.

use core::ops::Range;

use super::bytes::part;
use super::checked::{Checked, tails_are_zero};
use super::container::Sections;
use super::fault::{Fault, ok};
use super::format::{self, RECORD_BYTES, Record, Shape, input, kind};
use super::layer::{InputType, OutputType};
use super::plan::{Place, Regions};
use super::spatial;
use crate::shape::row_words;

/// Checks the whole file. Where a layer is at fault, `layer` is its number.
pub(super) const fn check<'a>(bytes: &'a [u8], layer: &mut usize) -> Result<Checked<'a>, Fault> {
    let sections = ok!(Sections::find(bytes));
    if format::GRAPH && super::container::major(bytes) == format::MAJOR_OF_GRAPHS {
        if !sections.weights.len().is_multiple_of(size_of::<u64>()) {
            return Err(Fault::WeightWords);
        }
        return Checked::of_graph(&sections, layer);
    }
    let (records, rest) = sections.layers.as_chunks::<RECORD_BYTES>();
    if records.is_empty() || !rest.is_empty() {
        return Err(Fault::Records);
    }
    if !sections.weights.len().is_multiple_of(size_of::<u64>()) {
        return Err(Fault::WeightWords);
    }
    let (mut first, mut rest) = (0, records);
    while let [record, after @ ..] = rest
        && Record::decode(record).is_spatial()
    {
        first += 1;
        rest = after;
    }
    let mut checked = Checked {
        records,
        weights: sections.weights,
        params: sections.params,
        spatial: first,
        is_graph: false,
        slides: false,
        input_code: input::BITS,
        input_shape: Shape::NONE,
        output_type: OutputType::Bits,
        output_shape: Shape::NONE,
        scratch_words: 0,
    };
    ok!(checked.check_layers(layer));
    Ok(checked)
}

/// The facts about the layers so far.
struct LayersBefore {
    /// The ends of weights and parameters.
    weights: usize,
    params: usize,
    /// The place to which the last layer writes.
    output_at: u32,
}

impl Checked<'_> {
    /// Checks every layer, and that each fits the one before. `index` becomes the number of the
    /// last layer checked.
    const fn check_layers(&mut self, index: &mut usize) -> Result<(), Fault> {
        let mut before = LayersBefore {
            weights: 0,
            params: 0,
            output_at: 0,
        };
        let mut scratch = Scratch::NONE;
        let mut records = self.records;
        while let [record, after @ ..] = records {
            let record = Record::decode(record);
            ok!(self.check_layer(&record, *index, &mut before));
            let place = Place::new(*index, self.records.len(), self.spatial as usize);
            let regions = Regions::new(&record, place);
            ok!(scratch.add(&regions, record.is_spatial()));
            if after.is_empty() {
                break;
            }
            *index += 1;
            records = after;
        }
        // Otherwise a small file could ask for any amount of memory.
        if scratch.end > scratch.sum || scratch.end > isize::MAX as usize / size_of::<u64>() {
            return Err(Fault::Waste);
        }
        self.scratch_words = scratch.end;
        Ok(())
    }

    const fn check_layer(
        &mut self,
        record: &Record,
        index: usize,
        before: &mut LayersBefore,
    ) -> Result<(), Fault> {
        let Some(input) = record.input_type() else {
            return Err(Fault::Input);
        };
        if record.is_spatial() != (index < self.spatial as usize) {
            return Err(Fault::Order);
        }
        let k = match record.kind {
            kind::DENSE => {
                if !record.window.is_zero() || record.pad != 0 {
                    return Err(Fault::Reserved);
                }
                record.inputs as usize
            }
            kind::CONV2D | kind::MAX_POOL2D => ok!(spatial::check(record, input)),
            _ => return Err(Fault::Kind),
        };
        if record.kind != kind::MAX_POOL2D {
            ok!(self.check_weights(record, k, input, before));
        }
        let shape = record.input_shape();
        if index == 0 {
            self.input_code = record.input;
            self.input_shape = shape;
        } else {
            if !matches!(input, InputType::Bits) || !matches!(self.output_type, OutputType::Bits) {
                return Err(Fault::NotBits);
            }
            if !shape.is(self.output_shape) {
                return Err(Fault::Shape);
            }
            if record.input_at != before.output_at {
                return Err(Fault::ReadsElsewhere);
            }
        }
        before.output_at = record.output_at;
        self.output_type = record.output_type();
        self.output_shape = record.output_shape();
        Ok(())
    }

    /// Checks the weights, rows of `k` bits for elements of `input`, and the parameters.
    const fn check_weights(
        &self,
        record: &Record,
        k: usize,
        input: InputType,
        before: &mut LayersBefore,
    ) -> Result<(), Fault> {
        let (n, at) = (record.outputs as usize, record.weights_at as usize);
        if k as u64 * input.most() as u64 > i32::MAX as u64 {
            return Err(Fault::Sums);
        }
        // No overflow: k fits `i32`.
        let row_bytes = row_words(k) * size_of::<u64>();
        let weights = match n.checked_mul(row_bytes) {
            None | Some(0) => None,
            Some(len) => part(self.weights, at, len),
        };
        let weights = match weights {
            Some(weights) if at.is_multiple_of(format::ALIGN) => weights,
            _ => return Err(Fault::Weights),
        };
        if !tails_are_zero(weights, row_bytes, k) {
            return Err(Fault::Tails);
        }
        // Otherwise many layers could share one part of the file, and a run could cost more than
        // its size suggests.
        let params_at = record.params_at as usize;
        if at < before.weights || params_at < before.params {
            return Err(Fault::Shared);
        }
        before.weights = at + weights.len();
        let Some((each, size)) = record.params() else {
            return Err(Fault::Epilogue);
        };
        let thresholds = record.input_params();
        let len = match n.checked_mul(each) {
            Some(len) => len.checked_add(thresholds),
            None => None,
        };
        let params = match len {
            // No parameters: any offset will do.
            Some(0) => Some([].as_slice()),
            Some(len) => part(self.params, params_at, len),
            None => None,
        };
        match params {
            Some(params) if params_at.is_multiple_of(size) => {
                before.params = params_at + params.len();
                Ok(())
            }
            _ => Err(Fault::Params),
        }
    }
}

/// The scratch memory that the layers so far take.
struct Scratch {
    /// The largest end of a region, and the sum of all regions.
    end: usize,
    sum: usize,
    rows: spatial::RowsPlace,
}

impl Scratch {
    const NONE: Self = Self {
        end: 0,
        sum: 0,
        rows: spatial::RowsPlace::NONE,
    };

    const fn add(&mut self, regions: &Regions, spatial: bool) -> Result<(), Fault> {
        let Regions {
            input,
            work,
            output,
        } = regions;
        if !(apart(input, work) && apart(input, output) && apart(work, output)) {
            return Err(Fault::Overlap);
        }
        ok!(self.rows.add(regions, spatial));
        if spatial {
            self.count(input);
        }
        self.count(work);
        self.count(output);
        Ok(())
    }

    const fn count(&mut self, region: &Range<usize>) {
        // Regions do not end before they begin.
        self.sum = self.sum.saturating_add(region.end - region.start);
        if region.end > self.end {
            self.end = region.end;
        }
    }
}

const fn apart(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start == a.end || b.start == b.end || a.end <= b.start || b.end <= a.start
}
