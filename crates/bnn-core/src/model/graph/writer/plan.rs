//! Where the rows of tensors lie while a graph runs, in as little memory as the rules of
//! `docs/MODEL_FORMAT.md` allow.

use alloc::vec::Vec;

use crate::error::Error;
use crate::memory;
use crate::model::error::ModelError;
use crate::model::fault::Fault;
use crate::model::format::RECORD_BYTES;
use crate::model::graph::check::{MAX_WORK, passed_words, patch_words, work};
use crate::model::graph::record::{NodeRecord, kind, state_words};
use crate::model::graph::schedule::{
    NodeState, Nodes, count, is_free, kept_from, last_ready, look_from, replaced,
};
use crate::model::graph::slide::{most_steps, rows_to_show, slides};

/// Decides for every node whether its rows replace those of an input, are passed on to the next
/// step, or lie in a buffer of its own; finds the rows that every buffer must hold, and places the
/// buffers. `encoded` are the records in bytes.
pub(super) fn plan(
    records: &mut [NodeRecord],
    encoded: &mut [[u8; RECORD_BYTES]],
) -> Result<(), ModelError> {
    let heights = records.iter().map(NodeRecord::height).sum();
    let last = records.iter().map(|record| usize::from(record.last));
    let distances = last.enumerate().map(|(at, last)| last.saturating_sub(at));
    if work(heights, records.len(), distances.sum()) > MAX_WORK {
        return Err(ModelError::Section {
            expected: Fault::Rows.expected(),
        });
    }
    let unplanned = copied(records)?;
    plan_for_an_image(records, encoded)?;
    let Some(rows) = rows_to_show(encoded) else {
        return Ok(());
    };
    if !slides(encoded, &mut memory::zeros(records.len())?) {
        // What one window needs is not enough for the rows after it.
        let planned = copied(records)?;
        records.copy_from_slice(&unplanned);
        share_memory(records, encoded, &[Rows::OfAnImage, Rows::Endless(rows)])?;
        if !slides(encoded, &mut memory::zeros(records.len())?) {
            records.copy_from_slice(&planned);
            encode(records, encoded);
        }
    }
    Ok(())
}

/// Plans memory for the rows of one image.
pub(in crate::model::graph) fn plan_for_an_image(
    records: &mut [NodeRecord],
    encoded: &mut [[u8; RECORD_BYTES]],
) -> Result<(), ModelError> {
    share_memory(records, encoded, &[Rows::OfAnImage])
}

fn copied(records: &[NodeRecord]) -> Result<Vec<NodeRecord>, Error> {
    let mut copy = memory::with_capacity(records.len())?;
    copy.extend_from_slice(records);
    Ok(copy)
}

fn encode(records: &[NodeRecord], encoded: &mut [[u8; RECORD_BYTES]]) {
    for (record, encoded) in records.iter().zip(encoded) {
        *encoded = record.encode();
    }
}

/// The rows of a run.
#[derive(Clone, Copy)]
enum Rows {
    OfAnImage,
    /// So many rows of an input without an end.
    Endless(usize),
}

impl Rows {
    fn of(self, encoded: &[[u8; RECORD_BYTES]]) -> Nodes<'_> {
        Nodes {
            records: encoded,
            endless: matches!(self, Self::Endless(_)),
        }
    }
}

/// How often a plan is mended at most.
const MOST_PASSES: usize = 8;

/// Plans memory that suffices for each of these runs.
fn share_memory(
    records: &mut [NodeRecord],
    encoded: &mut [[u8; RECORD_BYTES]],
    runs: &[Rows],
) -> Result<(), ModelError> {
    // Buffers of all rows of each node, to see which rows are in use at the same time.
    let separate = |record: &NodeRecord| NodeRecord {
        rows: record.sides[0],
        at: 0,
        ..*record
    };
    for record in &mut *records {
        *record = separate(record);
    }
    encode(records, encoded);
    let mut used = memory::with_capacity(records.len())?;
    used.resize(records.len(), Use::default());
    for _ in 0..MOST_PASSES {
        let before = copied(records)?;
        for rows in runs {
            uses(records, encoded, *rows, &mut used)?;
        }
        for record in &mut *records {
            *record = separate(record);
        }
        share(records, &used);
        encode(records, encoded);
        // Rows of an image never wait for room, so that what shares memory changes nothing. Others
        // may: nodes that wait in another order use rows at other times.
        if before == records || matches!(runs, [Rows::OfAnImage]) {
            break;
        }
    }
    let mut most = memory::zeros(records.len())?;
    for rows in runs {
        most_rows(records, encoded, *rows, &mut most)?;
    }
    place(records, &most, passed_words(encoded))?;
    encode(records, encoded);
    Ok(())
}

/// Calls `each` with the node of every step of a run, after the step.
fn run(
    records: &[NodeRecord],
    encoded: &[[u8; RECORD_BYTES]],
    rows: Rows,
    mut each: impl FnMut(usize, &[u32]),
) -> Result<(), Error> {
    let mut states = memory::zeros::<u32>(records.len())?;
    let mut from = records.len() - 1;
    let nodes = rows.of(encoded);
    let most = match rows {
        Rows::OfAnImage => usize::MAX,
        Rows::Endless(rows) => rows,
    };
    let mut steps = most_steps(encoded);
    while let Some(index) = last_ready(nodes, &states, from) {
        let of_input = usize::from(NodeState::load(&states, 0).next);
        if nodes.endless && (index == 0 && of_input >= most || steps == 0) {
            break;
        }
        steps = steps.saturating_sub(1);
        count(&mut states, index);
        each(index, &states);
        from = look_from(&records[index], index);
    }
    Ok(())
}

/// How a node's rows are used in a run.
#[derive(Clone, Copy, Default)]
struct Use {
    /// A row was still needed after the step that followed it.
    stays: bool,
    /// When it made a row, somebody still needed the row of its first or second input.
    collides: [bool; 2],
}

/// Notes how rows are used in a run.
fn uses(
    records: &[NodeRecord],
    encoded: &[[u8; RECORD_BYTES]],
    rows: Rows,
    uses: &mut [Use],
) -> Result<(), Error> {
    let nodes = rows.of(encoded);
    let mut before = 0;
    run(records, encoded, rows, |index, states| {
        uses[before].stays |= !is_free(nodes, states, before, before);
        before = index;
        if records[index].may_replace() {
            for (input, collides) in records[index].inputs.iter().zip(&mut uses[index].collides) {
                *collides |= !is_free(nodes, states, (*input).into(), index);
            }
        }
    })
}

/// Decides which nodes share memory. `at` tells nodes with different buffers apart.
fn share(records: &mut [NodeRecord], uses: &[Use]) {
    let last = records.len() - 1;
    for (index, used) in uses.iter().enumerate().take(last).skip(1) {
        let record = records[index];
        let [a, b] = record.inputs.map(|input| records[usize::from(input)]);
        let may_replace = |input: &NodeRecord, collides: bool| {
            let is_last = usize::from(input.last) == index;
            record.may_replace() && is_last && !collides && input.at > 0
        };
        let other = record.arity() < 2 || a.at != b.at;
        let [first, second] = used.collides;
        records[index].at = if other && may_replace(&a, first) {
            a.at
        } else if record.arity() > 1 && other && may_replace(&b, second) {
            b.at
        } else if !used.stays && !record.reads_passed([&a, &b]) {
            records[index].rows = 0;
            0
        } else {
            index as u32
        };
    }
    records[last].rows = 0;
}

/// Notes the most rows that a buffer held in a run.
fn most_rows(
    records: &[NodeRecord],
    encoded: &[[u8; RECORD_BYTES]],
    rows: Rows,
    most: &mut [u16],
) -> Result<(), Error> {
    let nodes = rows.of(encoded);
    run(records, encoded, rows, |index, states| {
        if replaced(encoded, &records[index]).is_none() {
            let next = usize::from(NodeState::load(states, index).next);
            let held = next.saturating_sub(kept_from(nodes, states, index, &records[index]));
            most[index] = most[index].max(held as u16); // no more than a height
        }
    })
}

/// Places the buffers, of as many rows as they hold at most, one after the other; before them lies
/// a row that is passed on, of `passed` words.
fn place(records: &mut [NodeRecord], most: &[u16], passed: usize) -> Result<(), Error> {
    let words = |n: usize| {
        u32::try_from(n).map_err(|_| Error::Overflow {
            what: "words of scratch memory",
        })
    };
    let work = patches(records).saturating_add(passed);
    let mut end = state_words(records.len()).saturating_add(work);
    records[0].rows = most[0].max(1);
    for index in 1..records.len() - 1 {
        let record = records[index];
        if record.rows == 0 {
            continue;
        }
        let owner = record.at as usize;
        if owner == index {
            records[index].rows = most[index].max(1);
            records[index].at = words(end)?;
            let rows = usize::from(records[index].rows);
            end = end.saturating_add(rows.saturating_mul(record.row_words()));
        } else {
            records[index].rows = records[owner].rows;
            records[index].at = records[owner].at;
        }
    }
    Ok(())
}

/// Words of patches of the product that needs most.
fn patches(records: &[NodeRecord]) -> usize {
    let of = |record: &NodeRecord| match record.kind {
        kind::PRODUCT => records
            .get(usize::from(record.inputs[0]))
            .map_or(0, |input| patch_words(record, input)),
        _ => 0,
    };
    records.iter().map(of).max().unwrap_or(0)
}
