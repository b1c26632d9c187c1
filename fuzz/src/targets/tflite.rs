//! Files of TensorFlow Lite: those of the importer's tests, damaged, and any bytes. What is damaged
//! is an error, or a model.

use super::parsed;
use arbitrary::{Arbitrary, Unstructured};
use bnn_core::model::{AlignedBytes, Model};
use bnn_import::{Limits, Options};

const FILES: [&[u8]; 5] = [
    include_bytes!("../../../crates/bnn-import/tests/models/lce_chain.tflite"),
    include_bytes!("../../../crates/bnn-import/tests/models/lce_flattened.tflite"),
    include_bytes!("../../../crates/bnn-import/tests/models/lce_quicknet.tflite"),
    include_bytes!("../../../crates/bnn-import/tests/models/larq_int8.tflite"),
    include_bytes!("../../../crates/bnn-import/tests/models/larq_operators_int8.tflite"),
];

#[derive(Arbitrary, Debug)]
enum Case<'a> {
    Known {
        #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=FILES.len() - 1))]
        file: usize,
        damage: Vec<(u16, u8)>,
        cut: Option<u16>,
    },
    Foreign(&'a [u8]),
}

/// Runs the case that the bytes describe; whether they describe one that can be run.
///
/// # Panics
/// Where what is imported does not open.
pub fn tflite(data: &[u8]) -> bool {
    match parsed(data) {
        None => false,
        Some(Case::Foreign(bytes)) => imports(bytes),
        Some(Case::Known { file, damage, cut }) => {
            let mut bytes = FILES[file].to_vec();
            for (at, to) in damage {
                let at = usize::from(at) % bytes.len();
                bytes[at] = to;
            }
            let cut = usize::from(cut.unwrap_or(0));
            bytes.truncate(bytes.len().saturating_sub(cut));
            imports(&bytes);
            true
        }
    }
}

/// Whether it is a network; what is imported opens.
fn imports(bytes: &[u8]) -> bool {
    let whole = Limits::default();
    // All by one factor smaller than the command's.
    let options = Options {
        limits: Limits {
            file_bytes: whole.file_bytes >> 9,
            memory_bytes: whole.memory_bytes >> 9,
            operations: whole.operations >> 9,
            samples: 2,
        },
        ..Options::default()
    };
    let imported = bnn_import::tflite(bytes, &options);
    if let Ok(imported) = &imported {
        let file = AlignedBytes::from(imported.file.as_slice());
        Model::open(&file).expect("an imported file opens");
    }
    imported.is_ok()
}
