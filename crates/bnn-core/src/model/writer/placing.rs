//! The places of layers in the scratch memory.

use alloc::vec::Vec;

use crate::error::Error;
use crate::model::format::Record;
use crate::model::plan::{Needs, Place, regional};

/// Places each layer's regions so that the whole is as small as a chain of layers allows. Of the
/// shared memory the layer that takes most sets the size: outputs lie in turn at its low and at its
/// high end.
pub(in crate::model) fn place(records: &mut [Record]) -> Result<(), Error> {
    let spatial = records.iter().take_while(|r| r.is_spatial()).count();
    let needs: Vec<Needs> = records
        .iter()
        .enumerate()
        .map(|(i, record)| regional(record, Place::new(i, records.len(), spatial)))
        .collect();
    let shared = needs.iter().zip(&*records).map(|(needs, record)| {
        let input = if record.is_spatial() { 0 } else { needs.input };
        let both = input.saturating_add(needs.work);
        both.saturating_add(needs.output)
    });
    let shared = shared.max().unwrap_or(0);
    let words = |at: usize| {
        u32::try_from(at).map_err(|_| Error::Overflow {
            what: "words of scratch memory",
        })
    };
    let mut rows_at = shared;
    let mut low = true;
    let mut output_at = 0;
    for (record, needs) in records.iter_mut().zip(&needs) {
        record.input_at = words(output_at)?;
        if record.is_spatial() {
            record.input_at = words(rows_at)?;
            rows_at = rows_at.saturating_add(needs.input);
        }
        output_at = if low { 0 } else { shared - needs.output };
        // Only layers that read elsewhere work: the first one, and spatial ones.
        let work_at = match needs.work {
            0 => 0,
            _ if low => needs.output,
            _ => 0,
        };
        record.work_at = words(work_at)?;
        if needs.output > 0 {
            low = !low;
        }
        record.output_at = words(output_at)?;
    }
    // A spatial layer writes where the next one has its rows.
    let rows: Vec<u32> = records.iter().map(|record| record.input_at).collect();
    for (record, next) in records
        .iter_mut()
        .zip(rows.iter().skip(1))
        .take(spatial.saturating_sub(1))
    {
        record.output_at = *next;
    }
    Ok(())
}
