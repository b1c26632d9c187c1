//! One file per command.

pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod info;
pub(crate) mod man;
pub(crate) mod predict;
pub(crate) mod test_vectors;
pub(crate) mod train;
