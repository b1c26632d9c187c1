//! Networks by the path of their file or folder.

use std::path::Path;

use crate::folder::Opened;
use crate::{Folder, ImportError, Imported, Options, finn, onnx, tflite};

/// Imports what is at a path: a folder of weights of BNN-PYNQ, a `.tflite` file of Larq Compute
/// Engine, or an ONNX file, which may keep weights in other files of its folder.
///
/// # Errors
/// [`ImportError`].
pub fn import(path: &Path, options: &Options) -> Result<Imported, ImportError> {
    let limits = options.limits;
    if path.is_dir() {
        let folder = Folder::read(path, &limits)?;
        let mut imported = finn(&folder, options)?;
        imported.read = folder.paths(path);
        return Ok(imported);
    }
    let file = Opened::new(path)?;
    // A file of another format is not read to its end.
    let is_tflite = matches!(*file.head, [_, _, _, _, b'T', b'F', b'L', b'3', ..]);
    if !is_tflite {
        check_format(path, &file.head)?;
    }
    let file = file.read(limits.file_bytes, &limits)?;
    let mut read = vec![path.to_owned()];
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut external = |name: &str| {
        let path = folder.join(name);
        let bytes = Opened::new(&path)?.read(limits.file_bytes, &limits)?;
        read.push(path);
        Ok(bytes)
    };
    let mut imported = match is_tflite {
        true => tflite(&file, options)?,
        false => onnx(&file, &mut external, options)?,
    };
    imported.read = read;
    Ok(imported)
}

/// Refuses a file by its first bytes, unless it may be an ONNX file.
fn check_format(path: &Path, head: &[u8]) -> Result<(), ImportError> {
    let known = match head {
        [0x89, b'H', b'D', b'F', ..] => "an HDF5 file, as Keras writes them",
        [0x89, b'B', b'N', b'N', ..] => "a model file of this engine",
        [] => "an empty file",
        &[key, ..] if is_field_of_model(key) => return Ok(()),
        _ => "a file of another format",
    };
    let expected = "an ONNX file, a .tflite file or a folder of BNN-PYNQ";
    Err(ImportError::format(
        path.display().to_string(),
        expected,
        known,
    ))
}

/// Whether a byte begins a field of an ONNX model: 1 to 15, a varint or bytes, or one of those from
/// 16 on, whose keys have two bytes.
fn is_field_of_model(key: u8) -> bool {
    let (field, wire) = (key >> 3, key & 7);
    matches!(wire, 0 | 2) && field > 0
}
