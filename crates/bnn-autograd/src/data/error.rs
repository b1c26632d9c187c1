//! What can be wrong with data: one error type for every source.

use std::io;
use std::path::PathBuf;

/// Why a data set could not be read or built. Every message says what was found and what was
/// expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The source is neither a known name nor a file, a folder, or the start of the names of IDX
    /// files.
    #[error(
        "{spec:?} is neither \"digits\", nor a file or folder, nor what the names of IDX files begin with"
    )]
    UnknownSource {
        /// The source that was asked for.
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
    /// A folder holds nothing that is known as a data set.
    #[error(
        "{} holds no data set: expected IDX files (train-images-idx3-ubyte, ..), CIFAR's data_batch_1.bin, .., arrays (x_train.npy, ..), tables (train.csv, ..), or a sub-folder of images for each class",
        path.display()
    )]
    NoDataSet {
        /// The folder.
        path: PathBuf,
    },
    /// A file is of a kind that is not read as a data set.
    #[error("{} is {found}; {hint}", path.display())]
    NotASet {
        /// The file.
        path: PathBuf,
        /// The kind of the file.
        found: &'static str,
        /// Advice on what to give instead.
        hint: &'static str,
    },
    /// A folder has several sets of IDX files.
    #[error(
        "{} has several data sets; give one as FOLDER/PREFIX, the prefixes being {}",
        path.display(), found.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
    )]
    Prefixes {
        /// The folder.
        path: PathBuf,
        /// The prefixes of the files' names.
        found: Vec<String>,
    },
    /// Something is wrong inside a file.
    #[error("{}: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// The error in that file.
        source: Box<DataError>,
    },
    /// An IDX folder lacks a file, both plain and compressed.
    #[error("found neither {} nor the same name with .gz", path.display())]
    Missing {
        /// The plain name that was looked for.
        path: PathBuf,
    },
    /// An IDX file starts with the wrong number: another element type, other dimensions or no IDX
    /// at all.
    #[error(
        "{} starts with {found:#010x}, expected the IDX magic number {}",
        path.display(), expected.iter().map(|n| format!("{n:#010x}")).collect::<Vec<_>>().join(" or ")
    )]
    Magic {
        /// The file.
        path: PathBuf,
        /// The first four bytes of the file, big-endian.
        found: u32,
        /// The magic numbers of unsigned bytes in the right numbers of dimensions.
        expected: Vec<u32>,
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
    /// An array of NumPy's is no images or no labels.
    #[error("{}: {what}", path.display())]
    Array {
        /// The file, and for a member of an archive its name after the archive's.
        path: PathBuf,
        /// The finding, and what was expected.
        what: String,
    },
    /// Training and test images differ in size.
    #[error(
        "{} has images of {} x {} x {}, the training images are {} x {} x {} (width x height x channels)",
        path.display(), test.0, test.1, test.2, train.0, train.1, train.2
    )]
    ImageSize {
        /// The file or folder of the test images.
        path: PathBuf,
        /// Width, height and channels of the training images.
        train: (usize, usize, usize),
        /// Width, height and channels of the test images.
        test: (usize, usize, usize),
    },
    /// There is no sample in a file.
    #[error("{} holds no samples", path.display())]
    NoSamples {
        /// The file.
        path: PathBuf,
    },
    /// Images and labels differ in number.
    #[error(
        "{} has {} images, {} has {} labels",
        images.0.display(), images.1, labels.0.display(), labels.1
    )]
    Counts {
        /// The file of the images, and their number.
        images: (PathBuf, usize),
        /// The file of the labels, and their number.
        labels: (PathBuf, usize),
    },
    /// A test sample is of a class that no training sample has.
    #[error(
        "{}: sample {sample} has the label {label}, but the training labels go only to {} ({classes} classes)",
        path.display(), classes.saturating_sub(1)
    )]
    TestLabel {
        /// The file of the test labels.
        path: PathBuf,
        /// Index of the sample.
        sample: usize,
        /// The sample's label.
        label: u16,
        /// Number of classes of the training samples.
        classes: usize,
    },
    /// A file of records ends in the middle of one.
    #[error("{} has {found} bytes, expected a multiple of {record}, the bytes of a record", path.display())]
    Records {
        /// The file.
        path: PathBuf,
        /// The bytes that the file has.
        found: usize,
        /// Bytes of a record.
        record: usize,
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
    /// A CSV field is not a number, or not one in range.
    #[error("line {line}, column {column}: {field:?} is not {expected}")]
    CsvValue {
        /// Line of the file, from 1.
        line: u64,
        /// Column of that row, from 1.
        column: usize,
        /// The field, cut after some characters.
        field: String,
        /// The values that the column takes.
        expected: String,
    },
    /// A CSV field is empty or says that there is no value.
    #[error("line {line}, column {column}: the value is missing ({field:?})")]
    CsvMissing {
        /// Line of the file, from 1.
        line: u64,
        /// Column of that row, from 1.
        column: usize,
        /// The field.
        field: String,
    },
    /// The label of a CSV row is a number that is no class.
    #[error(
        "line {line}, column {column}: the label {field:?} is neither a whole number from 0 on nor a name; is another column the label?"
    )]
    CsvLabel {
        /// Line of the file, from 1.
        line: u64,
        /// Column of that row, from 1.
        column: usize,
        /// The field.
        field: String,
    },
    /// A table has more different labels than there may be classes.
    #[error("line {line}: more than 65536 different labels; is another column the label?")]
    CsvClasses {
        /// Line of the file, from 1.
        line: u64,
    },
    /// A label of a table is no class of the model or of the training rows.
    #[error("row {row} has the label {label:?}, which is none of the {classes} classes")]
    CsvUnknownLabel {
        /// The first such row of data, from 1.
        row: usize,
        /// The label.
        label: String,
        /// Number of classes.
        classes: usize,
    },
    /// No column of a table has the name asked for.
    #[error("no column is called {name:?}: {}", header_text(header))]
    CsvNoColumn {
        /// The name asked for.
        name: String,
        /// The names there are, at most 20; none if the first row is no header.
        header: Vec<String>,
    },
    /// A table to test by has no label.
    #[error("{} has no column with the label", path.display())]
    CsvNoLabel {
        /// The file.
        path: PathBuf,
    },
    /// A quoted field does not end in its line.
    #[error("line {line}: a quote is not closed in its line")]
    CsvQuote {
        /// Line of the file, from 1.
        line: u64,
    },
    /// A table is not UTF-8.
    #[error("the table is UTF-16, expected UTF-8; save it as CSV UTF-8")]
    CsvUtf16,
    /// A table has more values than are read.
    #[error("line {line}: the table has more than {max} values")]
    CsvTooLong {
        /// The first line that is too much.
        line: u64,
        /// The most values.
        max: usize,
    },
    /// The ranges that map numbers to bytes are of another number of columns.
    #[error("{ranges} ranges for {features} columns of features")]
    CsvRanges {
        /// Number of ranges.
        ranges: usize,
        /// Number of features.
        features: usize,
    },
    /// A count that must be at least 1 is 0.
    #[error("the number of {what} is 0, expected at least 1")]
    Zero {
        /// The name of the things counted.
        what: &'static str,
    },
    /// More classes than labels of 16 bits can tell apart.
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
    /// A pixel is larger than the largest of its source.
    #[error("sample {sample} has a pixel of {value}, expected at most {max}")]
    PixelRange {
        /// Index of the sample.
        sample: usize,
        /// The pixel.
        value: u8,
        /// The largest pixel of the source.
        max: u8,
    },
    /// A label is no class.
    #[error("sample {sample} has label {label}, expected less than {classes} classes")]
    LabelRange {
        /// Index of the sample.
        sample: usize,
        /// The label.
        label: u16,
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
        /// The augmentation, such as its `zoom`.
        what: &'static str,
        /// The range.
        expected: &'static str,
        /// The strength asked for.
        found: f64,
    },
    /// Making a batch panicked: an error in this library.
    #[error("making a batch panicked: {reason}")]
    Worker {
        /// The text of the panic.
        reason: String,
    },
    /// A file is no image that can be decoded within the limits.
    #[error("cannot decode {}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
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
        /// The width and height of the image.
        found: (usize, usize),
        /// The width and height of the images before it.
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
    #[error("{} has no image files (png, jpg, gif, webp, bmp, pnm)", path.display())]
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

fn header_text(names: &[String]) -> String {
    if names.is_empty() {
        return "the table has no header".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("the header has {}", quoted.join(", "))
}
