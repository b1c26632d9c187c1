//! Networks of others: files of any bytes, and networks that are made up, written as ONNX and as
//! folders of BNN-PYNQ, imported, and damaged. What is made up comes over, and its scores are those
//! of the network; what is damaged is an error, or a model.

mod finn;
mod onnx;
mod protobuf;

use super::parsed;
use crate::Numbers;
use arbitrary::Arbitrary;
use bnn_core::model::{AlignedBytes, Model};
use bnn_import::{Folder, ImportError, Imported, Limits, Options};

#[derive(Arbitrary, Debug)]
enum Case<'a> {
    Foreign(&'a [u8]),
    Onnx {
        net: onnx::Net,
        damage: Vec<Damage>,
        cut: Option<u8>,
        numbers: &'a [u8],
    },
    Finn {
        net: finn::Net,
        damage: Vec<Damage>,
        numbers: &'a [u8],
    },
}

#[derive(Arbitrary, Debug)]
struct Damage {
    file: u8,
    at: u16,
    to: u8,
}

/// Runs the case that the bytes describe; whether they describe one that can be run.
///
/// # Panics
/// Where a result is wrong.
pub fn import(data: &[u8]) -> bool {
    parsed(data).is_some_and(|case: Case<'_>| case.run())
}

/// Those of the command, all by one factor smaller: what takes too long there takes too long here.
fn options() -> Options {
    let whole = Limits::default();
    Options {
        limits: Limits {
            file_bytes: whole.file_bytes >> 9,
            memory_bytes: whole.memory_bytes >> 9,
            operations: whole.operations >> 9,
            samples: 16,
        },
        ..Options::default()
    }
}

impl Case<'_> {
    fn run(self) -> bool {
        match self {
            Case::Foreign(bytes) => from_onnx(bytes).is_ok(),
            Case::Onnx {
                net,
                damage,
                cut,
                numbers,
            } => {
                let mut file = net.file(&mut Numbers::new(numbers));
                let imported = from_onnx(&file);
                let is_whole = net.may_be(&imported);
                for damage in &damage {
                    damage.inflict(&mut file);
                }
                file.truncate(file.len().saturating_sub(cut.map_or(0, usize::from)));
                let _ = from_onnx(&file);
                is_whole
            }
            Case::Finn {
                net,
                damage,
                numbers,
            } => {
                let mut folder = net.folder(&mut Numbers::new(numbers));
                let imported = from_folder(&folder);
                let is_whole = imported.is_ok();
                if let Err(error @ ImportError::Different { .. }) = imported {
                    panic!("{error}");
                }
                for damage in &damage {
                    let files = folder.files.len().max(1);
                    let file = folder
                        .files
                        .values_mut()
                        .nth(usize::from(damage.file) % files);
                    file.into_iter().for_each(|file| damage.inflict(file));
                }
                let _ = from_folder(&folder);
                is_whole
            }
        }
    }
}

impl Damage {
    fn inflict(&self, bytes: &mut [u8]) {
        let len = bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(usize::from(self.at) % len) {
            *byte = self.to;
        }
    }
}

fn from_onnx(bytes: &[u8]) -> Result<Imported, ImportError> {
    let mut external = |_: &str| Ok(vec![7; 4096]);
    checked(bnn_import::onnx(bytes, &mut external, &options()))
}

fn from_folder(folder: &Folder) -> Result<Imported, ImportError> {
    checked(bnn_import::finn(folder, &options()))
}

/// What is imported opens.
fn checked(imported: Result<Imported, ImportError>) -> Result<Imported, ImportError> {
    if let Ok(imported) = &imported {
        let file = AlignedBytes::from(imported.file.as_slice());
        Model::open(&file).expect("an imported file opens");
    }
    imported
}
