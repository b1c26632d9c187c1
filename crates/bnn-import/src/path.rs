//! Networks by the path of their file or folder.

use std::path::Path;

use crate::folder::read;
use crate::{Folder, ImportError, Imported, Options, finn, onnx, tflite};

/// Imports what is at a path: a folder of weights of BNN-PYNQ, a `.tflite` file of Larq Compute
/// Engine, or an ONNX file, which may keep weights in other files of its folder.
///
/// # Errors
/// [`ImportError`].
pub fn import(path: &Path, options: &Options) -> Result<Imported, ImportError> {
    let limits = options.limits;
    if path.is_dir() {
        return finn(&Folder::read(path, &limits)?, options);
    }
    let file = read(path, limits.file_bytes, &limits)?;
    let known = match file.as_slice() {
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => return tflite(&file, options),
        [0x89, b'H', b'D', b'F', ..] => "an HDF5 file, as Keras writes them",
        [0x89, b'B', b'N', b'N', ..] => "a model file of this engine",
        _ => "",
    };
    if !known.is_empty() {
        let expected = "an ONNX file, a .tflite file or a folder of BNN-PYNQ";
        return Err(ImportError::format(
            path.display().to_string(),
            expected,
            known,
        ));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut external = |name: &str| read(&folder.join(name), limits.file_bytes, &limits);
    onnx(&file, &mut external, options)
}
