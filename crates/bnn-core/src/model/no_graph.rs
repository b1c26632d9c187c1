//! In the place of `graph` where the feature is off: files that are graphs are refused, so that no
//! model is one.

use super::checked::Checked;
use super::container::Sections;
use super::fault::Fault;
use super::io::{Input, Output};
use super::reader::Model;
use crate::kernel::Kernel;

impl<'a> Checked<'a> {
    /// Refuses a graph. (The check of the header has done so.)
    pub(super) const fn of_graph(_: &Sections<'a>, _: &mut usize) -> Result<Self, Fault> {
        Err(Fault::Version)
    }
}

impl Model<'_> {
    pub(super) fn run_graph(
        &self,
        _: Input<'_>,
        _: &mut Output<'_>,
        _: &'static Kernel,
        _: &mut [u64],
    ) {
    }

    pub(super) const fn graph_step(&self) -> usize {
        0
    }

    pub(super) const fn graph_first_rows(&self) -> usize {
        0
    }

    pub(super) fn graph_operations(&self) -> u64 {
        0
    }
}
