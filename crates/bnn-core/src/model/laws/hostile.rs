//! Files that are damaged, foreign or hostile: errors, or models that run in bounded memory.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::dense::Net;
use super::{check_stream_words, outputs};
use crate::bits::BitMatrix;
use crate::conv::{Conv2d, ConvOptions, Padding, Pool2d};
use crate::model::*;
use crate::noise::noise;
use crate::shape::row_words;

#[test]
fn layers_that_share_weights_or_parameters_are_refused() -> Result<(), ModelError> {
    // Two layers of the same shape: the second record is pointed at the first one's bytes.
    let good = Net::new(&[20, 20, 20, 10], InputType::Unsigned { depth: 4 }, 1)?.file()?;
    let sections = 4;
    let record = format::HEADER_BYTES + sections * format::SECTION_BYTES + format::RECORD_BYTES;
    for at in [record + 12, record + 16] {
        let mut shared = good.clone();
        shared[at..at + 4].fill(0);
        let opened = open_and_run(&with_checksum(shared));
        let after = "weights and parameters after those of the layer before";
        let refused = ModelError::Layer {
            index: 1,
            expected: after,
        };
        assert_eq!(opened, Err(refused));
    }
    Ok(())
}

#[test]
fn damaged_foreign_and_misplaced_files_are_told_apart() -> Result<(), ModelError> {
    let net = Net::new(&[64, 20, 10], InputType::Unsigned { depth: 4 }, 1)?;
    let good = net.file()?;
    let open = |bytes: &[u8]| Model::open(&AlignedBytes::from(bytes)).map(|_| ());
    assert_eq!(open(&good), Ok(()));
    assert_eq!(open(&[]), Err(ModelError::NotAModel));
    assert_eq!(open(b"GIF89a and then some"), Err(ModelError::NotAModel));
    for len in 0..good.len() {
        assert!(open(&good[..len]).is_err(), "cut to {len}");
    }
    let longer = [&good[..], &[0]].concat();
    assert!(matches!(open(&longer), Err(ModelError::Size { .. })));
    let mut newer = good.clone();
    newer[8] = 3;
    let version = ModelError::Version {
        expected: 2,
        found: 3,
    };
    assert_eq!(open(&newer), Err(version));
    let moved = AlignedBytes::from([&[0], &good[..]].concat().as_slice());
    assert_eq!(
        Model::open(&moved[1..]).map(|_| ()),
        Err(ModelError::Alignment)
    );
    Ok(())
}

/// Opens `bytes` and, where that works, runs one sample of ones in both ways; whatever happens, no
/// panic. Nothing comes out of models that are too large to be run here.
fn open_and_run(bytes: &[u8]) -> Result<Option<Vec<u64>>, ModelError> {
    let file = AlignedBytes::from(bytes);
    let model = Model::open(&file)?;
    let words = model.scratch_words(1)?;
    check_stream_words(&model);
    // An image between layers is no larger than the input is, with a layer's channels.
    let [height, width, _] = model.input_shape();
    let images = model.layers().map(|layer| match layer.kind {
        LayerKind::Dense => 0,
        _ => height * width * row_words(layer.input_shape[2]),
    });
    assert!(
        words <= 20 * bytes.len() + 64 + images.sum::<usize>(),
        "{words} words asked for by {} bytes",
        bytes.len()
    );
    if model.input_len() > 1 << 20 || model.operations() > 1 << 24 {
        return Ok(None);
    }
    let mut scratch = vec![0; words];
    let (words, bytes) = (vec![0; model.input_len()], vec![1; model.input_len()]);
    let input = match model.input().1 {
        InputType::Bits => Input::Bits(&words),
        InputType::Unsigned { .. } | InputType::Thresholds => Input::Bytes(&bytes),
    };
    let (y, done) = outputs(&model, 1, |y| model.run(1, input, y, &mut scratch));
    done?;
    let packed = PackedModel::new(model)?;
    let (again, done) = outputs(&model, 1, |y| packed.run(1, input, y));
    done?;
    assert_eq!(y, again);
    Ok(Some(y))
}

/// A few bytes can ask for any time and memory; the figures that tell so take neither.
#[test]
fn what_a_run_takes_is_known_before_it() -> Result<(), ModelError> {
    let figures = |image: [usize; 3], kernel: [usize; 2]| {
        let mut writer = ModelWriter::new(InputType::Bits);
        writer.max_pool2d(&Pool2d::new(image, kernel, [1, 1], Padding::Valid)?)?;
        let file = AlignedBytes::from(writer.finish()?.as_slice());
        assert!(file.len() <= 96);
        let model = Model::open(&file)?;
        Ok::<_, ModelError>((model.operations(), model.sizes().output_len as u64))
    };
    // A pixel takes a word of 8 bytes: of the largest image that 32 bits can address, just less
    // than half of that.
    let side = if usize::BITS == 64 { 65_535 } else { 16_383 };
    let pixels = (side * side) as u64;
    assert_eq!(figures([side, side, 1], [1, 1])?, (pixels, pixels));
    assert_eq!(
        figures([2_000, 2_000, 64], [255, 255])?,
        (1_746 * 1_746 * 64 * 255 * 255, 1_746 * 1_746)
    );

    // First 6 x 5 pixels of 4 outputs, each of 9 taps on the one channel of its group, integers of
    // 4 bits.
    let file = AlignedBytes::from(spatial_file(of_integers())?.as_slice());
    let model = Model::open(&file)?;
    let layers: Vec<u64> = model.layers().map(|layer| layer.operations()).collect();
    let [first, pool, all, dense] = [6 * 5 * 4 * 9 * 4, 3 * 5 * 4 * 3 * 2, 7 * 3 * 5 * 4, 10 * 7];
    assert_eq!(layers, [first, pool, all, dense]);
    assert_eq!(model.operations(), first + pool + all + dense);
    Ok(())
}

fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() >= format::HEADER_BYTES {
        let crc = crc::crc32(&[&bytes[..format::AT_CRC], &bytes[format::AT_SECTIONS..]]);
        bytes[format::AT_CRC..format::AT_CRC + 4].copy_from_slice(&crc.to_le_bytes());
    }
    bytes
}

fn of_integers() -> ModelWriter {
    ModelWriter::new(InputType::Unsigned { depth: 4 })
}

fn of_thresholds() -> ModelWriter {
    ModelWriter::with_thresholds(&[0, 2])
}

/// A file with a layer of every kind; its first layer takes bytes.
fn spatial_file(mut writer: ModelWriter) -> Result<Vec<u8>, ModelError> {
    let options = ConvOptions {
        padding: Padding::Same,
        dilation: [1, 2],
        groups: 2,
        ..ConvOptions::default()
    };
    let first = Conv2d::new([6, 5, 2], 4, [3, 3], options)?;
    let pool = Pool2d::new([6, 5, 4], [3, 2], [2, 1], Padding::Same)?;
    let all = Conv2d::new([3, 5, 4], 7, [3, 5], ConvOptions::default())?;
    let filters = |conv: &Conv2d| {
        let (n, k) = (conv.outputs(), conv.patch_len());
        BitMatrix::pack(&noise(9, n * k), n, k)
    };
    let threshold = Epilogue::Threshold([0_i32, 3, -3, 1].as_slice().into());
    writer.conv2d(&first, filters(&first)?.view(), threshold)?;
    writer.max_pool2d(&pool)?;
    let threshold = Epilogue::Threshold([0_i32; 7].as_slice().into());
    writer.conv2d(&all, filters(&all)?.view(), threshold)?;
    writer.dense(
        BitMatrix::pack(&noise(3, 70), 10, 7)?.view(),
        Epilogue::Sums,
    )?;
    writer.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn ten_thousand_flipped_files_are_errors_or_right(
        flips in proptest::collection::vec((0_usize..2000, 1_u8..=255), 1..6),
    ) {
        let net = Net::new(&[30, 20, 10], InputType::Unsigned { depth: 4 }, 1)?;
        let good = net.file()?;
        let mut bytes = good.clone();
        for (at, flip) in flips {
            let at = at % bytes.len();
            bytes[at] ^= flip;
        }
        if let Ok(Some(scores)) = open_and_run(&bytes) {
            let expected = net.scores(&[1; 30]);
            let expected: Vec<u64> = expected.iter().map(|y| y.to_bits().into()).collect();
            prop_assert_eq!(scores, expected);
        }
        // The same damage with a checksum that fits: an attacker's file. It may run, not crash.
        let _ = open_and_run(&with_checksum(bytes));
    }
}

proptest! {
    #[test]
    fn hostile_numbers_in_headers_and_records_never_crash(
        word in 0_usize..40, value in prop_oneof![any::<u32>(), 0_u32..300, Just(u32::MAX), Just(1 << 31)],
    ) {
        let good = Net::new(&[30, 20, 10], InputType::Unsigned { depth: 4 }, 1)?.file()?;
        let mut bytes = good;
        bytes[4 * word..4 * word + 4].copy_from_slice(&value.to_le_bytes());
        let _ = open_and_run(&with_checksum(bytes));
    }
    #[test]
    fn ten_thousand_flipped_files_of_convolutions_are_errors_or_run(
        integers: bool,
        flips in proptest::collection::vec((0_usize..2000, 1_u8..=255), 1..6),
    ) {
        let mut bytes = spatial_file(if integers { of_integers() } else { of_thresholds() })?;
        for (at, flip) in flips {
            let at = at % bytes.len();
            bytes[at] ^= flip;
        }
        let _ = open_and_run(&with_checksum(bytes));
    }
}

#[test]
fn hostile_numbers_in_records_of_convolutions_never_crash() -> Result<(), ModelError> {
    for writer in [of_integers(), of_thresholds()] {
        hostile_numbers_in_records(&spatial_file(writer)?)?;
    }
    Ok(())
}

fn hostile_numbers_in_records(good: &[u8]) -> Result<(), ModelError> {
    assert!(open_and_run(good)?.is_some());
    let records = format::HEADER_BYTES + 3 * format::SECTION_BYTES;
    let mut opened = 0;
    for at in (records..records + 4 * format::RECORD_BYTES).step_by(2) {
        for value in (0..300).chain([0x7FFF, 0x8000, 0xFFFF, 0x0101, 0x0201, 0xFF01, 0x01FF]) {
            let mut bytes = good.to_vec();
            bytes[at..at + 2].copy_from_slice(&u16::to_le_bytes(value));
            opened += usize::from(open_and_run(&with_checksum(bytes)).is_ok());
        }
    }
    // Geometry that fits by chance.
    assert!(opened > 100, "{opened}");
    Ok(())
}

#[test]
fn plans_in_which_rows_could_be_written_over_are_refused() -> Result<(), ModelError> {
    let good = spatial_file(of_integers())?;
    let record =
        |i: usize| format::HEADER_BYTES + 3 * format::SECTION_BYTES + i * format::RECORD_BYTES;
    let number = |at: usize| format::u32_at(&good, at).unwrap_or_default();
    let (input_at, work_at, output_at) = (20, 24, 28);
    let refusal = |changes: &[(usize, u32)]| {
        let mut bytes = good.clone();
        for &(at, value) in changes {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        match open_and_run(&with_checksum(bytes)) {
            Err(ModelError::Layer { index, expected }) => Some((index, expected)),
            _ => None,
        }
    };
    assert_eq!(refusal(&[]), None);
    let pool_rows = number(record(1) + input_at);
    // The pool's rows on those of the first layer, both records agreeing.
    let rows = [
        (record(0) + output_at, number(record(0) + input_at)),
        (record(1) + input_at, number(record(0) + input_at)),
    ];
    assert_eq!(
        refusal(&rows),
        Some((1, "rows after those of the layer before"))
    );
    let after = "rows of convolutions and pools after all other regions";
    assert_eq!(
        refusal(&[(record(2) + work_at, pool_rows)]),
        Some((2, after))
    );
    let tail = [
        (record(2) + output_at, pool_rows),
        (record(3) + input_at, pool_rows),
    ];
    assert_eq!(refusal(&tail), Some((2, after)));
    let reads = "to read where the layer before writes";
    assert_eq!(
        refusal(&[(record(1) + input_at, pool_rows + 1)]),
        Some((1, reads))
    );
    Ok(())
}
