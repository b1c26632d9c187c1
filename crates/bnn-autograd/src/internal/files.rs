//! Output files of a command: whether they can be written, and by one run at a time.

pub use crate::files::lock::OutputLock;
pub use crate::files::place::can_write;
