//! In the place of `graph` where the feature is off: no model is a graph.

use super::Stream;
use crate::model::io::{Input, Output};

impl Stream<'_> {
    pub(super) fn push_to_graph(&mut self, _: Input<'_>, _: &mut Output<'_>) -> bool {
        false
    }

    pub(super) fn clear_graph(&mut self) {}
}
