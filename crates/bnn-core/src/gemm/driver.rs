//! How a product is computed: with weights that are laid out on the way or not, on one thread or
//! several.

use super::epilogue::TileEpilogue;
use super::output::{Columns, Strided, TiledOutput};
use super::product::Product;
use super::samples::Samples;
use super::sink::{CutSink, SinkRows};
use super::weights::Resolved;
use super::{parallel, slabs};

/// Computes the whole product. `c` has room for it, and the epilogue has parameters for all
/// outputs.
pub(crate) fn compute<E: TileEpilogue>(
    a: &Samples<'_>,
    w: &Resolved<'_>,
    epilogue: &E,
    c: &mut [E::Elem],
    stride: usize,
) {
    if slabs::compute(a, w, epilogue, c, stride) {
        return;
    }
    compute_all(&Product { a, w, epilogue }, c, stride);
}

/// Where outputs go.
pub(crate) trait Destination<T> {
    /// Computes all outputs, on several threads if they are worth it.
    fn compute<P: TiledOutput<Elem = T>>(self, outputs: &P);
}

impl<T: Copy + Send> Destination<T> for Strided<'_, T> {
    fn compute<P: TiledOutput<Elem = T>>(self, outputs: &P) {
        compute_all(outputs, self.c, self.stride);
    }
}

/// Tiles of sums, to a sink.
pub(crate) struct InTiles<S>(pub(crate) S);

impl<S: CutSink> Destination<()> for InTiles<S> {
    fn compute<P: TiledOutput<Elem = ()>>(self, outputs: &P) {
        if let Err(mut sink) = parallel::compute_tiles(outputs, self.0) {
            let [m, n] = outputs.shape();
            outputs.part(0..m, &Columns::all(n), &mut SinkRows(&mut sink));
        }
    }
}

/// Computes all outputs, on several threads if they are worth it. `c` holds a row of outputs per
/// sample, `stride` elements apart.
pub(crate) fn compute_all<P: TiledOutput>(outputs: &P, c: &mut [P::Elem], stride: usize) {
    if parallel::compute(outputs, c, stride) {
        return;
    }
    let [m, n] = outputs.shape();
    outputs.part(0..m, &Columns::all(n), &mut Strided { c, stride });
}
