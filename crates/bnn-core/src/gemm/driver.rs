//! How a product is computed: with weights that are laid out on the way or not, on one thread or
//! several.

use super::epilogue::TileEpilogue;
use super::output::{Columns, Strided, TiledOutput};
use super::product::Product;
use super::samples::Samples;
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

/// Computes all outputs, on several threads if they are worth it. `c` holds a row of outputs per
/// sample, `stride` elements apart.
pub(crate) fn compute_all<P: TiledOutput>(outputs: &P, c: &mut [P::Elem], stride: usize) {
    if parallel::compute(outputs, c, stride) {
        return;
    }
    let [m, n] = outputs.shape();
    outputs.part(0..m, &Columns::all(n), &mut Strided { c, stride });
}
