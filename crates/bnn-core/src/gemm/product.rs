//! A product with its epilogue.

use core::ops::Range;

use super::epilogue::TileEpilogue;
use super::output::{Columns, Grain, OutputRows, TiledOutput};
use super::samples::Samples;
use super::weights::Resolved;

/// A product with its epilogue.
pub(crate) struct Product<'p, E> {
    pub(crate) a: &'p Samples<'p>,
    pub(crate) w: &'p Resolved<'p>,
    pub(crate) epilogue: &'p E,
}

impl<E: TileEpilogue> TiledOutput for Product<'_, E> {
    type Elem = E::Elem;

    fn shape(&self) -> [usize; 2] {
        [self.a.len(), self.w.rows()]
    }

    fn grain(&self) -> Grain {
        Grain {
            work: (self.a.len() * self.a.sample_words()).saturating_mul(self.w.rows()),
            samples: self.w.kernel().mr(),
            columns: Some(E::COLUMNS),
        }
    }

    fn part(&self, range: Range<usize>, columns: &Columns, out: &mut impl OutputRows<E::Elem>) {
        self.compute(range, columns, out);
    }
}
