//! What can be wrong with data: one error type for every source.

use std::io;
use std::path::PathBuf;

/// Why a data set could not be read or built. Every message says what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The source is neither a known name nor a folder.
    #[error("{spec:?} is neither \"digits\" nor a folder of IDX files or of images")]
    UnknownSource {
        /// What was asked for.
        spec: String,
    },
    /// A file could not be opened, read or decompressed.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason the system or the decompressor gave.
        source: io::Error,
    },
    /// An IDX folder lacks a file, both plain and compressed.
    #[error("found neither {} nor the same name with .gz", path.display())]
    Missing {
        /// The plain name that was looked for.
        path: PathBuf,
    },
    /// An IDX file starts with the wrong number: another element type, other dimensions or no IDX at all.
    #[error("{} starts with {found:#010x}, expected the IDX magic number {expected:#010x}", path.display())]
    Magic {
        /// The file.
        path: PathBuf,
        /// Its first four bytes, big-endian.
        found: u32,
        /// The magic number of unsigned bytes in so many dimensions.
        expected: u32,
    },
    /// An IDX file ends before its header says.
    #[error("{} ends after {found} of {expected} bytes (uncompressed)", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes there are.
        found: u64,
        /// Bytes that the header, or the format, asks for.
        expected: u64,
    },
    /// An IDX file goes on after its header says it ends.
    #[error("{} goes on after its {expected} bytes (uncompressed)", path.display())]
    Trailing {
        /// The file.
        path: PathBuf,
        /// Bytes that the header promises, header included.
        expected: u64,
    },
    /// A file or folder promises more than its reader is willing to hold.
    #[error("{} promises {promised} bytes, more than the limit of {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bytes of all its values, saturated at `u64::MAX`.
        promised: u64,
        /// The most that are accepted.
        limit: u64,
    },
    /// Training and test images differ in size.
    #[error(
        "test images are {} x {}, training images {} x {} (width x height)",
        test.0, test.1, train.0, train.1
    )]
    ImageSize {
        /// Width and height of the training images.
        train: (usize, usize),
        /// Width and height of the test images.
        test: (usize, usize),
    },
    /// A CSV stream could not be read.
    #[error("cannot read the CSV rows")]
    CsvRead {
        /// The reason the stream gave.
        source: io::Error,
    },
    /// A CSV line does not end.
    #[error("line {line} has more than {max} bytes")]
    CsvLine {
        /// Line of the file, from 1.
        line: u64,
        /// Most bytes of a line.
        max: u64,
    },
    /// The first CSV row does not fit the model: neither all features nor all features and a label.
    #[error("line {line} has {found} columns, expected {features}, or one more with the label")]
    CsvColumns {
        /// Line of the file, from 1.
        line: u64,
        /// Columns of that row.
        found: usize,
        /// Columns without a label.
        features: usize,
    },
    /// A CSV row has more or fewer columns than the first.
    #[error("line {line} has {found} columns, expected {expected} as in the first row")]
    CsvRagged {
        /// Line of the file, from 1.
        line: u64,
        /// Columns of that row.
        found: usize,
        /// Columns of the first row.
        expected: usize,
    },
    /// A CSV field is not a whole number in range.
    #[error("line {line}, column {column}: {field:?} is not a whole number from 0 to {max}")]
    CsvValue {
        /// Line of the file, from 1.
        line: u64,
        /// Column of that row, from 1.
        column: usize,
        /// The field, cut after some characters.
        field: String,
        /// The largest number allowed there.
        max: u8,
    },
    /// A count that must be at least 1 is 0.
    #[error("the number of {what} is 0, expected at least 1")]
    Zero {
        /// What there is none of.
        what: &'static str,
    },
    /// The pixel depth is not a number of bits that fits a byte.
    #[error("a depth of {depth} bits per pixel, expected 1 to 8")]
    Depth {
        /// The depth given.
        depth: u32,
    },
    /// Labels, which are bytes, cannot tell so many classes.
    #[error("{classes} classes, expected at most {max}")]
    Classes {
        /// The number of classes.
        classes: usize,
        /// The most there may be.
        max: usize,
    },
    /// There is not one name for each class.
    #[error("{found} class names for {classes} classes")]
    ClassNames {
        /// Names given.
        found: usize,
        /// The number of classes.
        classes: usize,
    },
    /// The pixels are not whole images, one for each label.
    #[error(
        "{pixels} pixels, expected {samples} labels times {width} x {height} x {channels} (width x height x channels)"
    )]
    PixelCount {
        /// Values of pixels there are.
        pixels: usize,
        /// Labels there are.
        samples: usize,
        /// Width of an image.
        width: usize,
        /// Height of an image.
        height: usize,
        /// Values of a pixel.
        channels: usize,
    },
    /// A pixel does not fit the depth.
    #[error("sample {sample} has a pixel of {value}, expected at most {max}")]
    PixelRange {
        /// Index of the sample.
        sample: usize,
        /// The pixel.
        value: u8,
        /// The largest pixel of the depth.
        max: u8,
    },
    /// A label is no class.
    #[error("sample {sample} has label {label}, expected less than {classes} classes")]
    LabelRange {
        /// Index of the sample.
        sample: usize,
        /// The label.
        label: u8,
        /// The number of classes.
        classes: usize,
    },
    /// A share of test samples leaves nothing to train on, or nothing to test by.
    #[error(
        "a test share of {share} of {samples} samples leaves none to train on or none to test by"
    )]
    TestShare {
        /// The share asked for.
        share: f64,
        /// The number of samples.
        samples: usize,
    },
    /// A batch asks for a sample that does not exist.
    #[error("sample {index} of {samples}: indices start at 0")]
    SampleIndex {
        /// The index asked for.
        index: usize,
        /// The number of samples.
        samples: usize,
    },
    /// Augmentation may move the image out of its frame.
    #[error("a shift of up to {shift} pixels empties images of {width} x {height}")]
    Shift {
        /// The largest shift asked for.
        shift: usize,
        /// Width of an image.
        width: usize,
        /// Height of an image.
        height: usize,
    },
    /// Augmentation may erase the whole image.
    #[error("a cutout of {side} pixels a side may erase images of {width} x {height}")]
    Cutout {
        /// The side of the square asked for.
        side: usize,
        /// Width of an image.
        width: usize,
        /// Height of an image.
        height: usize,
    },
    /// A strength of augmentation is outside its range.
    #[error("a {what} of {found}, expected {expected}")]
    Strength {
        /// Which one.
        what: &'static str,
        /// The range.
        expected: &'static str,
        /// The strength asked for.
        found: f64,
    },
    /// Making a batch panicked: an error in this library.
    #[error("making a batch panicked: {reason}")]
    Worker {
        /// What the panic said.
        reason: String,
    },
    /// A file is no image that can be decoded within the limits.
    #[error("cannot decode {}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An image has another size than the ones before, and no size to resize them to is given.
    #[error(
        "{} is {} x {}, the images before it {} x {} (width x height); give a size to resize them all to",
        path.display(), found.0, found.1, expected.0, expected.1
    )]
    ImageDimensions {
        /// The file.
        path: PathBuf,
        /// Its width and height.
        found: (usize, usize),
        /// Those of the images before it.
        expected: (usize, usize),
    },
    /// Images cannot be resized to that.
    #[error("a size of {width} x {height}, expected sides of 1 to {max}")]
    Size {
        /// The width asked for.
        width: usize,
        /// The height asked for.
        height: usize,
        /// The longest side.
        max: u32,
    },
    /// A folder of images has no sub-folders.
    #[error("{} has no sub-folder for each class", path.display())]
    NoClasses {
        /// The folder.
        path: PathBuf,
    },
    /// A folder of images has more sub-folders than labels can tell.
    #[error("{} has {found} sub-folders, expected one for each of at most {max} classes", path.display())]
    ClassFolders {
        /// The folder.
        path: PathBuf,
        /// Sub-folders there are.
        found: usize,
        /// The most classes.
        max: usize,
    },
    /// There is no image where one must be.
    #[error("{} has no image files (png, jpg, bmp, pnm)", path.display())]
    NoImages {
        /// The folder.
        path: PathBuf,
    },
    /// There is a class to test by that is not trained on.
    #[error("{} is no class of the training images", path.display())]
    UnknownClass {
        /// The folder.
        path: PathBuf,
    },
}
