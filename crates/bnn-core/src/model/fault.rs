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

/// Defines [`Fault`] and what a reader expected instead of each, in groups: before each group stand
/// the builds whose readers find its faults. The others have neither the code nor the words.
macro_rules! faults {
    ($($builds:meta { $($(#[$doc:meta])* $fault:ident => $expected:literal,)+ })+) => {
        /// Why a file is refused. A reader makes some forty checks, also on microcontrollers: with
        /// an error of one byte, each check is a comparison and a jump. [`Fault::explain`] turns it
        /// into the error that the caller gets.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Fault {
            $($(#[cfg($builds)] $(#[$doc])* $fault,)+)+
        }

        impl Fault {
            /// What the reader expected.
            pub(super) const fn expected(self) -> &'static str {
                match self {
                    $($(#[cfg($builds)] Fault::$fault => $expected,)+)+
                }
            }
        }
    };
}

faults! {
    all() {
        // These have numbers of their own.
        NotAModel => "",
        Version => "",
        Size => "",
        Checksum => "",

        HeaderReserved => "zero reserved bytes in the header",
        Table => "the section table inside the file",
        TableReserved => "zero reserved bytes in the section table",
        SectionPlace => "aligned sections inside the file, one after the other",
        SectionUnknown => "only sections that this version knows",
        SectionTwice => "each section once",
        Records => "at least one layer record, and whole ones",
        WeightWords => "whole words in the weight section",
    }
    feature = "graph" {
        Nodes => "from 2 to 1024 node records, and whole ones",
        Rows => "buffers with the rows that the graph needs, and not too many rows in all",
    }
    all() {
        /// The first of the faults of a layer; those before are of the whole file.
        Input => "inputs of a type that this version knows",
        Order => "convolutions and pools before dense layers",
        Reserved => "zero reserved bytes",
        Sums => "sums that fit 32 bits",
        Weights => "at least one weight, all inside the weight section, on whole words",
        Tails => "zero bits after each row of weights",
        Params => "parameters inside the parameter section, aligned",
        Epilogue => "an epilogue that this version knows",
        Kind => "a layer kind that this version knows",
        Shared => "weights and parameters after those of the layer before",
        NotBits => "bits between layers",
        Shape => "as many inputs as the layer before has outputs",
        ReadsElsewhere => "to read where the layer before writes",
        Overlap => "disjoint regions of scratch memory",
        Waste => "a scratch memory plan without waste",
    }
    feature = "conv" {
        Window =>
            "a window inside its padded image, groups that divide the channels, sizes that fit memory",
        Moderate => "padding of less than a window, and no more outputs than pixels on each axis",
        PadValue => "padding by 0, -1 or +1, and by 0 around images of integers",
        Pool => "a pool from bits to as many bits, without options",
        RowsOrder => "rows after those of the layer before",
        RowsPlace => "rows of convolutions and pools after all other regions",
    }
    not(feature = "conv") {
        NeedsConv => "dense layers in a build without the feature `conv`",
    }
    feature = "graph" {
        NodeKind => "an operation that this version knows",
        NodeInputs => "inputs that are nodes before it, and none of the first node alone",
        NodeTypes => "inputs, weights, parameters and output of types that go together",
        NodeShape => "a shape that follows from those of its inputs, and fits memory",
        Values =>
            "bits or unsigned integers at the input, bits, f32 or i32 at the output, bits, f32 or fixed point (exponent -16 to 31) in between",
        NeedsFloat => "fixed point instead of f32 in a build without the feature `float`",
        Reader => "a later node that reads it, the last of them noted (none of the last node)",
        Finite => "finite numbers",
        Range => "a least value that is not greater than the greatest",
        BufferRows =>
            "a buffer of 1 to all of its rows (none of the last node), or one row that is passed on, between nodes with buffers",
        BufferPlace =>
            "buffers one after the other, of a size that fits memory, or the buffer of an input that it reads last",
    }
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
}

// Each check returns one.
const _: () = assert!(size_of::<Fault>() == 1);
