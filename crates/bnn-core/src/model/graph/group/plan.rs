//! Cuts a graph into groups, in the order in which they run.

use alloc::vec::Vec;

use super::super::record::{NodeRecord, kind, values};
use super::MOST_NODES;
use super::outputs::MOST_OUTPUTS;
use crate::error::Error;
use crate::memory;

/// A group: the numbers of its nodes. The first one is made somehow; each of the others takes the
/// numbers of one before, element by element.
pub(in super::super) type Members = Vec<usize>;

/// The groups of a graph, in order.
pub(in super::super) fn groups(nodes: &[NodeRecord]) -> Result<Vec<Members>, Error> {
    let order = order(nodes)?;
    let mut groups = memory::with_capacity(order.len())?;
    let mut rest = order.as_slice();
    while !rest.is_empty() {
        let mut members: Members = memory::with_capacity(MOST_NODES)?;
        members.extend(followers(nodes, rest));
        while members.len() > 1 && written(nodes, &members).count() > MOST_OUTPUTS {
            members.pop();
        }
        rest = rest.get(members.len()..).unwrap_or_default();
        groups.push(members);
    }
    Ok(groups)
}

/// The tensors of a group that are written: others are read in the group alone.
pub(in super::super) fn written<'n>(
    nodes: &'n [NodeRecord],
    members: &'n [usize],
) -> impl Iterator<Item = usize> + use<'n> {
    members.iter().copied().filter(move |&node| {
        let readers = nodes.iter().enumerate().filter(|(_, at)| at.reads(node));
        let mut readers = readers.map(|(reader, _)| reader);
        node + 1 == nodes.len() || readers.any(|reader| !members.contains(&reader))
    })
}

/// The order in which nodes run: that of the file, but products of numbers wait for their first
/// reader, so that it follows them. (The other side of a sum may be made in between.)
fn order(nodes: &[NodeRecord]) -> Result<Vec<usize>, Error> {
    let mut order = memory::with_capacity(nodes.len())?;
    let mut waits: Vec<bool> = memory::zeros(nodes.len())?;
    for (index, node) in nodes.iter().enumerate().skip(1) {
        for input in node.inputs.iter().take(node.arity()) {
            let input = usize::from(*input);
            if let Some(waits) = waits.get_mut(input)
                && core::mem::take(waits)
            {
                order.push(input);
            }
        }
        let is_last = index + 1 == nodes.len();
        match waits.get_mut(index) {
            Some(waits) if is_product(node) && !is_last => *waits = true,
            _ => order.push(index),
        }
    }
    Ok(order)
}

fn is_product(node: &NodeRecord) -> bool {
    node.kind == kind::PRODUCT && node.values != values::BITS
}

/// The first nodes of `order`, as many as make a group.
fn followers<'n>(nodes: &'n [NodeRecord], order: &'n [usize]) -> impl Iterator<Item = usize> + 'n {
    let head = order.first().copied();
    let shape = head
        .and_then(|head| nodes.get(head))
        .map(|node| node.shape().sizes());
    let mut current = head.unwrap_or_default();
    let joins = move |(i, &index): (usize, &usize)| {
        let node = nodes.get(index)?;
        if i > 0 {
            let members = order.get(..i)?;
            let [a, b] = node.inputs.map(usize::from);
            let is_there = |input| input == current || !members.contains(&input);
            let takes = match node.arity() {
                2 => (a == current || b == current) && is_there(a) && is_there(b),
                _ => a == current,
            };
            let is_alike = node.is_per_channel() && Some(node.shape().sizes()) == shape;
            let is_of_bits = nodes.get(current)?.values == values::BITS;
            if !takes || !is_alike || is_of_bits || node.kind == kind::CONCAT {
                return None;
            }
        }
        if node.kind != kind::SIGN {
            current = index;
        }
        Some(index)
    };
    order.iter().enumerate().take(MOST_NODES).map_while(joins)
}
