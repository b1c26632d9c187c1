//! What a graph costs.

use super::record::{NodeRecord, kind, values, weights};
use crate::model::reader::Model;

impl Model<'_> {
    /// Operations of a run of one sample of a graph, `u64::MAX` if there are more.
    pub(in crate::model) fn graph_operations(&self) -> u64 {
        let nodes = (0..self.records.len()).map(|index| self.node_operations(index));
        nodes.fold(0, u64::saturating_add)
    }

    /// Operations of a node: products of a bit of the input (of each of its bits, with weights of
    /// bits) or of a number with a weight; of a pool, elements under all windows; else elements.
    pub(in crate::model) fn node_operations(&self, index: usize) -> u64 {
        let Some(node) = self.node(index) else {
            return 0;
        };
        let record = &node.record;
        let [height, width, channels] = record.shape().sizes();
        let [kernel_height, kernel_width] = record.window.kernel.map(usize::from);
        let per_element = match record.kind {
            kind::INPUT => [0, 0],
            kind::PRODUCT => [node.row_len(), depth(record, &node.input)],
            kind::AVERAGE_POOL | kind::MAX_POOL => [kernel_height, kernel_width],
            _ => [1, 1],
        };
        let factors = [height, width, channels].into_iter().chain(per_element);
        factors.fold(1, |product: u64, n| product.saturating_mul(n as u64))
    }
}

/// How often an element is multiplied.
fn depth(record: &NodeRecord, input: &NodeRecord) -> usize {
    match (record.weights, input.values) {
        (weights::BITS, depth @ 1..=values::MAX_DEPTH) => depth.into(),
        _ => 1,
    }
}
