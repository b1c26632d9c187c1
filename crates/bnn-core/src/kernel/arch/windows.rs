//! What the vector kernels share for windows in place.

/// Takes windows in tiles of the given sizes, as many of the first as there are, and calls `$then`
/// with each.
macro_rules! by_tiles {
    ($all:expr, [$($rows:literal),+], |$windows:ident| $then:block) => {{
        let mut rest = $all;
        $(while let Some(($windows, after)) = rest.split_first_chunk::<$rows>() {
            $then
            rest = after;
        })+
        debug_assert!(rest.is_empty());
    }};
}
pub(super) use by_tiles;
