//! The width of a panel, and the sums of a row with it.

/// Weight rows in a panel, for every kernel; divides 64. Without an allocator there are no panels,
/// and this is how many canonical rows are multiplied at once: fewer, for the sake of the stack,
/// where bit planes are not multiplied.
pub(crate) const NR: usize = if cfg!(any(feature = "alloc", bnn_counts_bits)) {
    32
} else {
    16
};

/// Sums of one activation row with a panel, on a cache line: a vector or tile that straddles two
/// lines takes twice the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Sums(pub(crate) [i32; NR]);
