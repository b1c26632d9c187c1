//! Streams through graphs.

use super::Stream;
use crate::model::graph::run::{Given, GraphRun};
use crate::model::io::{Input, Output};

impl Stream<'_> {
    /// Takes a row, and says whether the output is complete.
    pub(super) fn push_to_graph(&mut self, row: Input<'_>, output: &mut Output<'_>) -> bool {
        self.graph().push(row, output)
    }

    /// Drops all rows.
    pub(super) fn clear_graph(&mut self) {
        self.graph().clear();
    }

    fn graph(&mut self) -> GraphRun<'_> {
        let scratch = self.model.scratch_words(1).unwrap_or_default();
        let (scratch, first) = self
            .memory
            .split_at_mut_checked(scratch)
            .unwrap_or_default();
        // Whatever state C resumes: a window that cannot slide does not.
        let (kernel, endless) = (self.kernel, self.state.slides && self.model.slides);
        GraphRun::new(&self.model, Given::Rows(first), kernel, scratch, endless)
    }
}
