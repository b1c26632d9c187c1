//! Every kernel computes as the definitions do.

mod packing;
mod products;
