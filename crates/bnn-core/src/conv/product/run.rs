//! Runs convolutions with packed filters.

use core::ops::Range;

use super::clipping::{ClipTable, is_needed};
use super::depthwise::{Depthwise, DepthwiseBits, WithEpilogue};
use super::direct::{Compare, DirectProduct, Limits, OfSums};
use super::filters::{PackedFilters, PackedLayout};
use super::images::PackedImages;
use super::patches::{Patches, columns_of, with_samples};
use crate::bits::BitMatrixView;
use crate::conv::geometry::Conv2d;
use crate::error::Error;
use crate::gemm::driver::{Destination, compute_all};
use crate::gemm::epilogue::TileEpilogue;
use crate::gemm::output::{Columns, Grain, OutputRows, TiledOutput};
use crate::gemm::product::Product;
use crate::gemm::{PackedWeights, Resolved, Thresholds, Weights};
use crate::shape::row_words;

/// Computes all outputs, a row of them per output pixel.
pub(super) fn run<E: TileEpilogue>(
    filters: &PackedFilters,
    source: PackedImages<'_>,
    samples: usize,
    epilogue: &E,
    to: impl Destination<E::Elem>,
) -> Result<(), Error> {
    let conv = filters.conv();
    match &filters.layout {
        PackedLayout::Groups { weights, clips } => {
            let groups = Groups {
                conv,
                source,
                samples,
                weights,
                clips: clips.as_ref().filter(|_| is_needed(conv, source.depth())),
                epilogue,
            };
            to.compute(&groups);
        }
        PackedLayout::Direct(direct) if direct.takes(&source) => {
            let product = DirectProduct {
                conv,
                kernel: filters.kernel(),
                direct,
                source,
                samples,
                epilogue: OfSums(epilogue),
            };
            to.compute(&product);
        }
        PackedLayout::Direct(direct) => {
            let patches = direct.filters(conv)?;
            let patches = PackedFilters::by_patches(filters.kernel(), conv, patches.view())?;
            return run(&patches, source, samples, epilogue, to);
        }
        PackedLayout::Depthwise(words) => {
            let depthwise = WithEpilogue {
                depthwise: Depthwise {
                    conv,
                    source,
                    filters: words,
                },
                samples,
                kernel: filters.kernel(),
                epilogue,
            };
            to.compute(&depthwise);
        }
    }
    Ok(())
}

/// Computes bits by thresholds, if there is a faster way than by sums; returns whether there was.
/// `limits` are those of the thresholds where the filters have such.
pub(super) fn run_bits(
    filters: &PackedFilters,
    source: PackedImages<'_>,
    samples: usize,
    thresholds: Thresholds<'_>,
    limits: Option<&Limits>,
    out: &mut [u64],
    stride: usize,
) -> bool {
    match (&filters.layout, source, limits) {
        (PackedLayout::Direct(direct), source, Some(limits)) if direct.takes(&source) => {
            let product = DirectProduct {
                conv: filters.conv(),
                kernel: filters.kernel(),
                direct,
                source,
                samples,
                epilogue: Compare(limits),
            };
            compute_all(&product, out, stride);
            true
        }
        (_, PackedImages::Bits(bits), _) => match thresholds {
            Thresholds::I16(t) => compare(filters, bits, samples, t, out, stride),
            Thresholds::I32(t) => compare(filters, bits, samples, t, out, stride),
        },
        _ => false,
    }
}

fn compare<T: Copy + Into<i32> + Sync>(
    filters: &PackedFilters,
    bits: BitMatrixView<'_>,
    samples: usize,
    thresholds: &[T],
    out: &mut [u64],
    stride: usize,
) -> bool {
    let conv = filters.conv();
    match &filters.layout {
        PackedLayout::Depthwise(filters) if DepthwiseBits::<T>::suits(conv) => {
            let depthwise = DepthwiseBits {
                conv,
                bits,
                samples,
                filters,
                thresholds,
            };
            compute_all(&depthwise, out, stride);
            true
        }
        _ => false,
    }
}

/// A product per group of channels, with its epilogue.
struct Groups<'p, E> {
    conv: &'p Conv2d,
    source: PackedImages<'p>,
    samples: usize,
    weights: &'p [PackedWeights],
    clips: Option<&'p ClipTable>,
    epilogue: &'p E,
}

impl<'p, E> Groups<'p, E> {
    fn resolve(&self, weights: &'p PackedWeights) -> Option<Resolved<'p>> {
        let rows = self.samples.saturating_mul(self.source.rows_per_sample());
        Weights::from(weights).resolve(rows).ok()
    }

    fn resolved(&self) -> Option<Resolved<'p>> {
        self.weights
            .first()
            .and_then(|weights| self.resolve(weights))
    }
}

impl<E: TileEpilogue> TiledOutput for Groups<'_, E> {
    type Elem = E::Elem;

    fn shape(&self) -> [usize; 2] {
        [self.samples, self.conv.outputs()]
    }

    fn grain(&self) -> Grain {
        let words = self.source.rows_per_sample() * row_words(self.conv.patch_len());
        Grain {
            work: (self.samples.saturating_mul(words)).saturating_mul(self.conv.outputs()),
            samples: self.resolved().map_or(1, |w| w.kernel().mr()),
            // Columns of several groups may share an element.
            columns: (self.conv.groups() == 1).then_some(E::COLUMNS),
        }
    }

    fn part(&self, range: Range<usize>, columns: &Columns, out: &mut impl OutputRows<E::Elem>) {
        for (group, weights) in self.weights.iter().enumerate() {
            let Some(weights) = self.resolve(weights) else {
                continue; // weights with a kernel always resolve
            };
            let patches = Patches {
                conv: self.conv,
                source: self.source,
                group,
                clips: self.clips,
            };
            let columns = match self.weights.len() {
                1 => columns.clone(),
                _ => columns_of(self.conv, group),
            };
            with_samples(&patches, self.samples, |a| {
                let product = Product {
                    a,
                    w: &weights,
                    epilogue: self.epilogue,
                };
                product.part(range.clone(), &columns, out);
            });
        }
    }
}
