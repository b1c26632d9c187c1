//! A stream gives what the model does on each window by itself.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::net::{Dice, Limits, SpatialNet, input_row};
use super::{Samples, outputs};
use crate::bits::BitMatrix;
use crate::conv::{Conv2d, ConvOptions};
use crate::model::*;

/// Pushes `count` rows of noise and compares every result with a run on its window.
fn check(seed: u64, vertical_padding: bool) -> Result<bool, ModelError> {
    let limits = Limits {
        image: [12, 4],
        vertical_padding,
        one_row: true,
    };
    let net = SpatialNet::draw(seed, limits)?;
    let file = AlignedBytes::from(net.file()?.as_slice());
    let model = Model::open(&file)?;
    let (height, row) = (net.image[0], input_row(&net));
    let series = net.samples(4, seed)?;
    let count = 4 * height;
    let rows = |from: usize, rows: usize| match &series {
        Samples::Bits(x) => Samples::Bits(x[from * row..(from + rows) * row].to_vec()),
        Samples::Bytes(x) => Samples::Bytes(x[from * row..(from + rows) * row].to_vec()),
    };
    let mut memory = vec![u64::MAX; Stream::words(&model)?];
    let mut stream = Stream::new(model, &mut memory)?;
    let mut results = Vec::new();
    for i in 0..count {
        let (y, done) = outputs(&model, 1, |y| stream.push(rows(i, 1).input(), y));
        match done? {
            true => results.push(y),
            false => assert_eq!(y, outputs(&model, 1, |_| ()).0, "written without a result"),
        }
    }
    // Where a window begins.
    let strides = model.layers().map(|layer| match layer.kind {
        LayerKind::Conv2d(conv) => conv.windows().stride()[0],
        LayerKind::MaxPool2d(pool) => pool.windows().stride()[0],
        LayerKind::Dense => 1,
    });
    let step = match stream.slides() {
        true => strides.product(),
        false => height,
    };
    let windows = (count - height) / step + 1;
    assert!(
        results.len() >= windows,
        "{} results of {windows}",
        results.len()
    );
    let mut scratch = vec![0; model.scratch_words(1)?];
    for (i, y) in results.iter().enumerate().take(windows) {
        let x = rows(i * step, height);
        let (expected, done) = outputs(&model, 1, |y| model.run(1, x.input(), y, &mut scratch));
        done?;
        assert_eq!(*y, expected, "window {i}");
    }
    // Once more from the beginning, left and resumed at each row.
    stream.reset();
    let mut state = stream.state();
    let mut again = None;
    for i in 0..height {
        let mut stream = Stream::resume(model, &mut memory, state)?;
        let (y, done) = outputs(&model, 1, |y| stream.push(rows(i, 1).input(), y));
        state = stream.state();
        again = again.or(done?.then_some(y));
    }
    assert_eq!(again.as_ref(), results.first());
    Ok(state.slides)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_result_is_that_of_its_window(seed: u32, padded: bool) {
        let slides = check(seed.into(), padded)?;
        prop_assert!(slides || padded);
    }
}

#[test]
fn what_cannot_be_streamed_or_pushed_is_refused() -> Result<(), ModelError> {
    let mut dense = ModelWriter::new(InputType::Bits);
    dense.dense(BitMatrix::zeros(2, 3)?.view(), Epilogue::Sums)?;
    let mut rows = ModelWriter::new(InputType::Bits);
    let conv = Conv2d::new([3, 2, 1], 1, [2, 2], ConvOptions::default())?;
    rows.conv2d(&conv, BitMatrix::zeros(1, 4)?.view(), Epilogue::Sums)?;
    for writer in [dense, rows] {
        let file = AlignedBytes::from(writer.finish()?.as_slice());
        let model = Model::open(&file)?;
        assert!(Stream::words(&model).is_err());
        assert!(Stream::new(model, &mut [0; 100]).is_err());
    }

    let mut writer = ModelWriter::new(InputType::Unsigned { depth: 4 });
    let conv = Conv2d::new([2, 2, 1], 1, [2, 2], ConvOptions::default())?;
    let ones = BitMatrix::pack(&[1_i8; 4], 1, 4)?;
    writer.conv2d(&conv, ones.view(), Epilogue::Sums)?;
    let file = AlignedBytes::from(writer.finish()?.as_slice());
    let model = Model::open(&file)?;
    let mut memory = vec![0; Stream::words(&model)?];
    let short = memory.len() - 1;
    assert!(Stream::new(model, &mut memory[..short]).is_err());
    let mut stream = Stream::new(model, &mut memory)?;
    let mut y = [7];
    assert_eq!(
        stream.push(Input::Bytes(&[1, 2]), Output::I32(&mut y)),
        Ok(false)
    );
    for wrong in [&[1, 2, 3][..], &[1], &[16, 0]] {
        assert!(
            stream
                .push(Input::Bytes(wrong), Output::I32(&mut y))
                .is_err()
        );
    }
    assert!(
        stream
            .push(Input::Bits(&[1, 1]), Output::I32(&mut y))
            .is_err()
    );
    assert!(
        stream
            .push(Input::Bytes(&[1, 2]), Output::F32(&mut [0.0]))
            .is_err()
    );
    assert_eq!(y, [7]);
    // Nothing of these was taken.
    assert_eq!(
        stream.push(Input::Bytes(&[3, 4]), Output::I32(&mut y)),
        Ok(true)
    );
    assert_eq!(y, [1 + 2 + 3 + 4]);
    Ok(())
}

#[test]
fn a_stream_runs_on_longer_than_any_counter_of_rows() -> Result<(), ModelError> {
    // Windows of three rows of which each begins four rows after the one before.
    let options = ConvOptions {
        stride: [4, 1],
        ..ConvOptions::default()
    };
    let conv = Conv2d::new([3, 1, 1], 1, [3, 1], options)?;
    let mut writer = ModelWriter::new(InputType::Unsigned { depth: 8 });
    let ones = BitMatrix::pack(&[1_i8; 3], 1, 3)?;
    writer.conv2d(&conv, ones.view(), Epilogue::Sums)?;
    let file = AlignedBytes::from(writer.finish()?.as_slice());
    let model = Model::open(&file)?;
    let mut memory = vec![0; Stream::words(&model)?];
    let mut stream = Stream::new(model, &mut memory)?;
    let dice = &mut Dice::new(1);
    let mut last = [0_i32; 4];
    for i in 0..300_000 {
        let x = dice.below(256) as u8;
        last.rotate_left(1);
        last[3] = x.into();
        let mut y = [0];
        let done = stream.push(Input::Bytes(&[x]), Output::I32(&mut y))?;
        assert_eq!(done, i % 4 == 2);
        if done {
            assert_eq!(y[0], last[1] + last[2] + last[3]);
        }
    }
    Ok(())
}
