//! Adds pools.

use bnn_core::conv::Pool2d;
use bnn_core::model::graph::Operation;

use super::{Tensor, bnn_graph_t, trial};
use crate::builder::images::bnn_pool2d_options_t;
use crate::error::Error;
use crate::status::bnn_status_t;

impl bnn_graph_t {
    fn pool(
        &mut self,
        x: usize,
        input: Tensor,
        options: bnn_pool2d_options_t,
        operation: fn(Pool2d) -> Operation,
    ) -> Result<usize, Error> {
        self.draft.open()?;
        let [height, width, channels] = input.shape;
        let options = options.or_whole(height, width);
        let windows = |channels| options.pool([height, width, channels]);
        let pool = windows(channels)?;
        trial::pool(self.tensors.len(), input, operation, windows)?;
        let [height, width] = pool.windows().output_size();
        let tensor = Tensor {
            shape: [height, width, channels],
            values: input.values,
        };
        self.add(operation(pool), &[x], tensor)
    }
}

export! {
    /// Adds a max pool of node `x`: the largest element under each window. Padding is never the
    /// largest.
    ///
    /// - `x`: a node of floats, fixed point or bits.
    /// - `options`: read: the windows. A `kernel_height` or `kernel_width` of 0 is that of `x`.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE (there is no node `x`, a window larger than
    /// the padded image, or padding as large as the window), OVERLAP, LAYER (`x` is of unsigned
    /// integers, numbers that the format has no room for, or the graph is finished).
    pub fn bnn_graph_max_pool2d(
        graph: *mut bnn_graph_t,
        x: usize,
        options: *const bnn_pool2d_options_t,
        node: *mut usize,
    ) -> bnn_status_t {
        let input = graph.part("x", x)?;
        let options = options.get()?;
        node.place()?.put(graph.pool(x, input, options, Operation::MaxPool)?);
        Ok(())
    }
}

export! {
    /// Adds an average pool of node `x`: the mean of the elements under each window, without those
    /// in the padding. Floats are added row by row, from left to right, each sum rounded to a
    /// float, and the last sum divided by their number; the mean of fixed point is rounded, ties
    /// up.
    ///
    /// - `x`: a node of floats or fixed point.
    /// - `options`: read: the windows. A `kernel_height` or `kernel_width` of 0 is that of `x`:
    ///   options as they were set by `bnn_pool2d_options_init` give the mean of each channel.
    /// - `node`: written: the number of the new node.
    ///
    /// Errors: as `bnn_graph_max_pool2d`; LAYER of bits too.
    pub fn bnn_graph_average_pool2d(
        graph: *mut bnn_graph_t,
        x: usize,
        options: *const bnn_pool2d_options_t,
        node: *mut usize,
    ) -> bnn_status_t {
        let input = graph.number("x", x)?;
        let options = options.get()?;
        node.place()?.put(graph.pool(x, input, options, Operation::AveragePool)?);
        Ok(())
    }
}
