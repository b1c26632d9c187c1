//! The bodies of the fuzz targets (`targets`), and what they share: numbers made of an input's
//! bytes, outputs between guards, and the check of all epilogues of a product against the sums that
//! are expected.

mod epilogues;
mod guarded;
mod numbers;
pub mod targets;

pub use epilogues::{Product, check_epilogues};
pub use guarded::guarded;
pub use numbers::Numbers;

/// Whether sizes multiply to at most `most`: what one input may cost.
#[must_use]
pub fn affordable(sizes: &[usize], most: usize) -> bool {
    let product = sizes.iter().try_fold(1_usize, |all, &n| all.checked_mul(n));
    product.is_some_and(|all| all <= most)
}
