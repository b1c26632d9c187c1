//! In the place of `spatial` where the feature `conv` is off: there are dense layers alone, and
//! files with convolutions and pools are refused.

use super::fault::Fault;
use super::format::{Record, Shape};
use super::io::{Input, Output, RunConfig};
use super::layer::{InputType, LayerKind};
use super::plan::Regions;
use super::reader::Model;

/// Refuses a convolution or a pool.
pub(super) const fn check(_: &Record, _: InputType) -> Result<usize, Fault> {
    Err(Fault::NeedsConv)
}

/// The operation of a layer that has been checked, and the elements of a row of its weights.
pub(super) fn operation(record: &Record) -> (LayerKind, Option<usize>) {
    (LayerKind::Dense, Some(record.inputs as usize))
}

/// No layer has rows.
pub(super) struct RowsPlace;

impl RowsPlace {
    pub(super) const NONE: Self = Self;

    pub(super) const fn add(&mut self, _: &Regions, _: bool) -> Result<(), Fault> {
        Ok(())
    }
}

impl Record {
    /// The shape of the output.
    pub(super) const fn output_shape(&self) -> Shape {
        Shape {
            sides: [1, 1],
            channels: self.outputs,
        }
    }
}

impl Model<'_> {
    /// No layer has strides.
    pub(super) const fn chain_step(&self) -> Option<usize> {
        Some(1)
    }

    /// No layer runs row by row.
    pub(super) fn run_rows(&self, _: Input<'_>, _: &mut Output<'_>, _: RunConfig, _: &mut [u64]) {}
}
