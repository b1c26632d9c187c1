//! The reason why a reader refuses a file, in one byte.

use super::error::ModelError;
use super::format::{self, number};

/// `?`, which constant functions lack.
macro_rules! ok {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(fault) => return Err(fault),
        }
    };
}
pub(super) use ok;

/// Why a file is refused. A reader makes some forty checks, also on microcontrollers: with an error
/// of one byte, each check is a comparison and a jump. [`Fault::explain`] turns it into the error
/// that the caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    NotAModel,
    Version,
    Size,
    Checksum,
    HeaderReserved,
    Table,
    TableReserved,
    SectionPlace,
    SectionUnknown,
    SectionTwice,
    Records,
    WeightWords,
    #[cfg(feature = "graph")]
    Nodes,
    #[cfg(feature = "graph")]
    Rows,
    /// The first of the faults of a layer; those before are of the whole file.
    Input,
    Order,
    Reserved,
    Sums,
    Weights,
    Tails,
    Params,
    Epilogue,
    #[cfg(feature = "conv")]
    Window,
    #[cfg(feature = "conv")]
    Moderate,
    #[cfg(feature = "conv")]
    PadValue,
    #[cfg(feature = "conv")]
    Pool,
    #[cfg(not(feature = "conv"))]
    NeedsConv,
    Kind,
    Shared,
    NotBits,
    Shape,
    ReadsElsewhere,
    Overlap,
    #[cfg(feature = "conv")]
    RowsOrder,
    #[cfg(feature = "conv")]
    RowsPlace,
    Waste,
    #[cfg(feature = "graph")]
    NodeKind,
    #[cfg(feature = "graph")]
    NodeInputs,
    #[cfg(feature = "graph")]
    NodeTypes,
    #[cfg(feature = "graph")]
    NodeShape,
    #[cfg(feature = "graph")]
    Values,
    #[cfg(feature = "graph")]
    NeedsFloat,
    #[cfg(feature = "graph")]
    Reader,
    #[cfg(feature = "graph")]
    Finite,
    #[cfg(feature = "graph")]
    Range,
    #[cfg(feature = "graph")]
    BufferRows,
    #[cfg(feature = "graph")]
    BufferPlace,
}

impl Fault {
    /// The error of the file `bytes`, in its layer `layer` if it is in a layer.
    #[cold]
    pub(super) const fn explain(self, bytes: &[u8], layer: usize) -> ModelError {
        match self {
            Fault::NotAModel => ModelError::NotAModel,
            Fault::Version => ModelError::Version {
                expected: format::NEWEST,
                found: number(bytes, format::AT_MAJOR) as u16,
            },
            Fault::Size => ModelError::Size {
                expected: match bytes.len() < format::HEADER_BYTES {
                    true => format::HEADER_BYTES,
                    false => number(bytes, format::AT_FILE_BYTES) as usize,
                },
                found: bytes.len(),
            },
            Fault::Checksum => ModelError::Checksum {
                expected: number(bytes, format::AT_CRC),
                found: format::checksum(bytes),
            },
            fault if (fault as u8) < Fault::Input as u8 => ModelError::Section {
                expected: fault.expected(),
            },
            fault => ModelError::Layer {
                index: layer,
                expected: fault.expected(),
            },
        }
    }

    /// What the reader expected.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Fault::NotAModel | Fault::Version | Fault::Size | Fault::Checksum => "", // they have numbers of their own
            Fault::HeaderReserved => "zero reserved bytes in the header",
            Fault::Table => "the section table inside the file",
            Fault::TableReserved => "zero reserved bytes in the section table",
            Fault::SectionPlace => "aligned sections inside the file, one after the other",
            Fault::SectionUnknown => "only sections that this version knows",
            Fault::SectionTwice => "each section once",
            Fault::Records => "at least one layer record, and whole ones",
            Fault::WeightWords => "whole words in the weight section",
            #[cfg(feature = "graph")]
            Fault::Nodes => "from 2 to 1024 node records, and whole ones",
            #[cfg(feature = "graph")]
            Fault::Rows => {
                "buffers with the rows that the graph needs, and not too many rows in all"
            }
            Fault::Input => "inputs of a type that this version knows",
            Fault::Order => "convolutions and pools before dense layers",
            Fault::Reserved => "zero reserved bytes",
            Fault::Sums => "sums that fit 32 bits",
            Fault::Weights => "at least one weight, all inside the weight section, on whole words",
            Fault::Tails => "zero bits after each row of weights",
            Fault::Params => "parameters inside the parameter section, aligned",
            Fault::Epilogue => "an epilogue that this version knows",
            #[cfg(feature = "conv")]
            Fault::Window => {
                "a window inside its padded image, groups that divide the channels, sizes that fit memory"
            }
            #[cfg(feature = "conv")]
            Fault::Moderate => {
                "padding of less than a window, and no more outputs than pixels on each axis"
            }
            #[cfg(feature = "conv")]
            Fault::PadValue => "padding by 0, -1 or +1, and by 0 around images of integers",
            #[cfg(feature = "conv")]
            Fault::Pool => "a pool from bits to as many bits, without options",
            #[cfg(not(feature = "conv"))]
            Fault::NeedsConv => "dense layers in a build without the feature `conv`",
            Fault::Kind => "a layer kind that this version knows",
            Fault::Shared => "weights and parameters after those of the layer before",
            Fault::NotBits => "bits between layers",
            Fault::Shape => "as many inputs as the layer before has outputs",
            Fault::ReadsElsewhere => "to read where the layer before writes",
            Fault::Overlap => "disjoint regions of scratch memory",
            #[cfg(feature = "conv")]
            Fault::RowsOrder => "rows after those of the layer before",
            #[cfg(feature = "conv")]
            Fault::RowsPlace => "rows of convolutions and pools after all other regions",
            Fault::Waste => "a scratch memory plan without waste",
            #[cfg(feature = "graph")]
            Fault::NodeKind => "an operation that this version knows",
            #[cfg(feature = "graph")]
            Fault::NodeInputs => {
                "inputs that are nodes before it, and none of the first node alone"
            }
            #[cfg(feature = "graph")]
            Fault::NodeTypes => "inputs, weights, parameters and output of types that go together",
            #[cfg(feature = "graph")]
            Fault::NodeShape => "a shape that follows from those of its inputs, and fits memory",
            #[cfg(feature = "graph")]
            Fault::Values => {
                "bits or unsigned integers at the input, bits, f32 or i32 at the output, bits, f32 or fixed point (exponent -16 to 31) in between"
            }
            #[cfg(feature = "graph")]
            Fault::NeedsFloat => {
                "fixed point instead of f32 in a build without the feature `float`"
            }
            #[cfg(feature = "graph")]
            Fault::Reader => {
                "a later node that reads it, the last of them noted (none of the last node)"
            }
            #[cfg(feature = "graph")]
            Fault::Finite => "finite numbers",
            #[cfg(feature = "graph")]
            Fault::Range => "a least value that is not greater than the greatest",
            #[cfg(feature = "graph")]
            Fault::BufferRows => "a buffer of 1 to all of its rows (none of the last node)",
            #[cfg(feature = "graph")]
            Fault::BufferPlace => "buffers one after the other, of a size that fits memory",
        }
    }
}
