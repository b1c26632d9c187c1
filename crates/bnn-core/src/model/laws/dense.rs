//! Models of dense layers run as the laws say.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use crate::bits::BitMatrix;
use crate::error::Error;
use crate::gemm::Thresholds;
use crate::model::*;
use crate::noise::noise;
use crate::shape::row_words;

/// Layers in the plainest form, to write a file from and to compute with, sum by sum.
pub(super) struct Net {
    input: InputType,
    hidden: Vec<(BitMatrix, Vec<i32>)>,
    last: BitMatrix,
    scale: Vec<f32>,
    bias: Vec<f32>,
}

impl Net {
    pub(super) fn new(sizes: &[usize], input: InputType, seed: u64) -> Result<Self, Error> {
        let layer = |i: usize| {
            let (n, k) = (sizes[i + 1], sizes[i]);
            BitMatrix::pack(&noise(seed + i as u64, n * k), n, k)
        };
        let last = sizes.len() - 2;
        let hidden = (0..last).map(|i| {
            let range = sizes[i] as i32 / 2 + 1;
            let thresholds = noise(seed + 50, sizes[i + 1])
                .iter()
                .map(|t| t % range)
                .collect();
            Ok((layer(i)?, thresholds))
        });
        let classes = sizes[last + 1];
        Ok(Self {
            input,
            hidden: hidden.collect::<Result<_, Error>>()?,
            last: layer(last)?,
            scale: noise(seed + 90, classes)
                .iter()
                .map(|&x| x as f32 * 1e-9)
                .collect(),
            bias: noise(seed + 91, classes)
                .iter()
                .map(|&x| x as f32 * 1e-9)
                .collect(),
        })
    }

    pub(super) fn file(&self) -> Result<Vec<u8>, ModelError> {
        let mut writer = ModelWriter::new(self.input).meta("name=test\n");
        for (weights, thresholds) in &self.hidden {
            let epilogue = Epilogue::Threshold(Thresholds::I32(thresholds));
            writer.dense(weights.view(), epilogue)?;
        }
        let (scale, bias) = (&self.scale, &self.bias);
        writer.dense(self.last.view(), Epilogue::Affine { scale, bias })?;
        writer.finish()
    }

    /// The scores of one sample, by the definition.
    pub(super) fn scores(&self, x: &[i32]) -> Vec<f32> {
        let sums = |w: &BitMatrix, x: &[i32]| -> Vec<i32> {
            let w: Vec<i32> = w.unpack().expect("BNN_ISA is right");
            let rows = w.chunks(x.len());
            rows.map(|w| w.iter().zip(x).map(|(w, x)| w * x).sum())
                .collect()
        };
        let mut x = x.to_vec();
        for (weights, thresholds) in &self.hidden {
            let sums = sums(weights, &x);
            let fires = |(sum, t): (&i32, &i32)| if sum >= t { 1 } else { -1 };
            x = sums.iter().zip(thresholds).map(fires).collect();
        }
        let affine = |(j, &sum): (usize, &i32)| self.scale[j] * sum as f32 + self.bias[j];
        sums(&self.last, &x)
            .iter()
            .enumerate()
            .map(affine)
            .collect()
    }
}

fn bytes_input(depth: u8, samples: usize, k: usize, seed: u64) -> Vec<u8> {
    let mask = (1_i32 << depth) - 1;
    noise(seed, samples * k)
        .iter()
        .map(|x| (x & mask) as u8)
        .collect()
}

/// Runs the file in both ways and compares with the definition.
fn check_bytes_net(
    sizes: &[usize],
    depth: u8,
    samples: usize,
    seed: u64,
) -> Result<(), ModelError> {
    let net = Net::new(sizes, InputType::Unsigned { depth }, seed)?;
    let file = AlignedBytes::from(net.file()?.as_slice());
    let model = Model::open(&file)?;
    assert_eq!(model.input(), (sizes[0], net.input));
    assert_eq!(model.meta(), "name=test\n");
    assert_eq!(model.sizes().scratch_words, model.scratch_words(1)?);
    let x = bytes_input(depth, samples, sizes[0], seed);
    let expected: Vec<f32> = x
        .chunks(sizes[0])
        .flat_map(|x| net.scores(&x.iter().map(|&x| x.into()).collect::<Vec<i32>>()))
        .collect();
    let mut scratch = vec![u64::MAX; model.scratch_words(samples)?];
    let mut y = vec![f32::NAN; expected.len()];
    model.run(samples, Input::Bytes(&x), Output::F32(&mut y), &mut scratch)?;
    assert_eq!(y, expected, "in place: {sizes:?}");
    y.fill(f32::NAN);
    let packed = PackedModel::new(model)?;
    packed.run(samples, Input::Bytes(&x), Output::F32(&mut y))?;
    assert_eq!(y, expected, "packed: {sizes:?}");
    Ok(())
}

#[test]
fn networks_of_any_depth_and_width_equal_the_definition() -> Result<(), ModelError> {
    for (i, sizes) in [
        &[1, 1][..],
        &[64, 10],
        &[65, 3, 7],
        &[64, 100, 1, 10],
        &[9, 200, 64, 65, 10],
        &[784, 128, 300, 2, 63, 10],
    ]
    .iter()
    .enumerate()
    {
        for depth in [1, 5, 8] {
            check_bytes_net(sizes, depth, 1 + i % 3, i as u64)?;
        }
    }
    Ok(())
}

#[test]
fn a_model_on_bits_gives_bits_or_sums() -> Result<(), ModelError> {
    let (m, k, n) = (3, 70, 67);
    let x = BitMatrix::pack(&noise(1, m * k), m, k)?;
    let w = BitMatrix::pack(&noise(2, n * k), n, k)?;
    let mut sums = vec![0; m * n];
    crate::reference::gemm_i32(x.view(), w.view(), &mut sums, n)?;

    let mut writer = ModelWriter::new(InputType::Bits);
    writer.dense(w.view(), Epilogue::Sums)?;
    let file = AlignedBytes::from(writer.finish()?.as_slice());
    let model = Model::open(&file)?;
    assert_eq!(model.scratch_words(m)?, 0);
    let mut y = vec![0; m * n];
    model.run(m, Input::Bits(x.words()), Output::I32(&mut y), &mut [])?;
    assert_eq!(y, sums);

    let mut writer = ModelWriter::new(InputType::Bits);
    writer.dense(w.view(), Epilogue::Threshold([2_i16; 67].as_slice().into()))?;
    let file = AlignedBytes::from(writer.finish()?.as_slice());
    let model = Model::open(&file)?;
    let mut y = vec![u64::MAX; m * row_words(n)];
    model.run(m, Input::Bits(x.words()), Output::Bits(&mut y), &mut [])?;
    let y = BitMatrix::from_words(y, m, n)?;
    assert!((0..m * n).all(|i| y.view().get(i / n, i % n) == Some(sums[i] >= 2)));
    Ok(())
}

#[test]
fn bytes_with_thresholds_give_what_their_bits_would() -> Result<(), ModelError> {
    for (seed, k) in [1, 2, 63, 64, 65, 130].into_iter().enumerate() {
        let (seed, samples, n) = (seed as u64, 3, 10);
        let x = bytes_input(8, samples, k, seed);
        let mut thresholds = bytes_input(8, 1, k, seed + 9);
        thresholds[0] = x[0]; // reached, and by one short below
        let signs: Vec<i8> = (0..samples * k)
            .map(|i| if x[i] >= thresholds[i % k] { 1 } else { -1 })
            .collect();
        let bits = BitMatrix::pack(&signs, samples, k)?;
        let weights = BitMatrix::pack(&noise(seed, n * k), n, k)?;
        let file = |mut writer: ModelWriter| {
            let threshold = Epilogue::Threshold([0_i32; 10].as_slice().into());
            writer.dense(weights.view(), threshold)?;
            writer.dense(
                BitMatrix::pack(&noise(seed + 1, 30), 3, n)?.view(),
                Epilogue::Sums,
            )?;
            Ok::<_, ModelError>(AlignedBytes::from(writer.finish()?.as_slice()))
        };
        let of_bytes = file(ModelWriter::with_thresholds(&thresholds))?;
        let of_bits = file(ModelWriter::new(InputType::Bits))?;
        let (of_bytes, of_bits) = (Model::open(&of_bytes)?, Model::open(&of_bits)?);
        assert_eq!(of_bytes.input(), (k, InputType::Thresholds));
        assert_eq!(of_bytes.input_len(), k);
        let first = of_bytes.layers().next();
        let first = first.map(|layer| (layer.input_thresholds, layer.bytes()));
        let bytes = 8 * n * row_words(k) + 2 * n + k.next_multiple_of(4);
        assert_eq!(first, Some((thresholds.as_slice(), bytes)));
        let mut scratch = vec![u64::MAX; of_bytes.scratch_words(samples)?];
        let mut expected = vec![0; 3 * samples];
        let mut y = vec![7; 3 * samples];
        of_bits.run(
            samples,
            Input::Bits(bits.words()),
            Output::I32(&mut expected),
            &mut scratch,
        )?;
        of_bytes.run(samples, Input::Bytes(&x), Output::I32(&mut y), &mut scratch)?;
        assert_eq!(y, expected, "in place: {k}");
        y.fill(7);
        let packed = PackedModel::new(of_bytes)?;
        packed.run(samples, Input::Bytes(&x), Output::I32(&mut y))?;
        assert_eq!(y, expected, "packed: {k}");
    }
    // One threshold each, and bytes to run on.
    let weights = BitMatrix::pack(&[1_i8; 3], 1, 3)?;
    for mut writer in [
        ModelWriter::with_thresholds(&[1; 2]),
        ModelWriter::new(InputType::Thresholds),
    ] {
        let refused = writer.dense(weights.view(), Epilogue::Sums);
        assert!(matches!(
            refused,
            Err(ModelError::Core(Error::Mismatch { .. }))
        ));
    }
    let mut writer = ModelWriter::with_thresholds(&[1; 3]);
    writer.dense(weights.view(), Epilogue::Sums)?;
    let file = AlignedBytes::from(writer.finish()?.as_slice());
    let refused = Model::open(&file)?.run(1, Input::Bits(&[0]), Output::I32(&mut [0]), &mut [0]);
    assert!(matches!(refused, Err(ModelError::ElementType { .. })));
    Ok(())
}

#[test]
fn thresholds_beyond_every_sum_are_stored_in_16_bits() -> Result<(), ModelError> {
    let w = BitMatrix::pack(&[1_i8; 8], 2, 4)?;
    let mut writer = ModelWriter::new(InputType::Bits);
    writer.dense(
        w.view(),
        Epilogue::Threshold([i32::MIN, i32::MAX].as_slice().into()),
    )?;
    let file = AlignedBytes::from(writer.finish()?.as_slice());
    let layer = Model::open(&file)?.layers().next();
    let epilogue = layer.and_then(|layer| layer.epilogue);
    assert_eq!(
        epilogue,
        Some(Epilogue::Threshold(Thresholds::I16(&[-4, 5])))
    );
    Ok(())
}

#[test]
fn wrong_arguments_of_a_run_are_refused_before_anything_is_written() -> Result<(), ModelError> {
    let net = Net::new(&[10, 70, 5], InputType::Unsigned { depth: 8 }, 1)?;
    let file = AlignedBytes::from(net.file()?.as_slice());
    let model = Model::open(&file)?;
    let x = [1; 20];
    let mut y = [7.0_f32; 10];
    let mut sums = [7; 10];
    let mut scratch = vec![0; model.scratch_words(2)?];
    let short = scratch.len() - 1;
    let mut run = |m, input: Input<'_>, len: usize, scratch: &mut [u64]| {
        model.run(m, input, Output::F32(&mut y[..len]), scratch)
    };
    assert!(run(0, Input::Bytes(&[]), 0, &mut scratch).is_err());
    assert!(run(2, Input::Bytes(&x[..19]), 10, &mut scratch).is_err());
    assert!(run(2, Input::Bytes(&x), 9, &mut scratch).is_err());
    assert!(run(2, Input::Bytes(&x), 10, &mut scratch[..short]).is_err());
    assert!(run(2, Input::Bits(&[0, 0]), 10, &mut scratch).is_err());
    assert!(run(usize::MAX, Input::Bytes(&x), 10, &mut scratch).is_err());
    assert_eq!(y, [7.0; 10]);
    let wrong_type = model.run(2, Input::Bytes(&x), Output::I32(&mut sums), &mut scratch);
    assert!(matches!(wrong_type, Err(ModelError::ElementType { .. })));
    assert_eq!(sums, [7; 10]);
    Ok(())
}

#[test]
fn layers_that_do_not_fit_are_refused_by_the_writer() -> Result<(), ModelError> {
    let w = BitMatrix::zeros(3, 4)?;
    let mut writer = ModelWriter::new(InputType::Bits);
    assert!(
        writer
            .dense(w.view(), Epilogue::Threshold([0_i32; 2].as_slice().into()))
            .is_err()
    );
    let (scale, bias) = (&[1.0; 3], &[1.0; 2]);
    assert!(
        writer
            .dense(w.view(), Epilogue::Affine { scale, bias })
            .is_err()
    );
    assert!(writer.clone().finish().is_err(), "no layers");
    writer.dense(w.view(), Epilogue::Sums)?;
    assert!(
        writer
            .dense(BitMatrix::zeros(2, 3)?.view(), Epilogue::Sums)
            .is_err(),
        "after sums"
    );
    let mut writer = ModelWriter::new(InputType::Unsigned { depth: 9 });
    assert!(writer.dense(w.view(), Epilogue::Sums).is_err());
    Ok(())
}

proptest! {
    #[test]
    fn any_network_equals_the_definition(
        sizes in proptest::collection::vec(1_usize..90, 2..6), depth in 1_u8..9, samples in 1_usize..4, seed in 0_u64..99,
    ) {
        check_bytes_net(&sizes, depth, samples, seed)?;
    }
}

#[test]
fn the_first_largest_score_wins_and_nan_never_does() {
    assert_eq!(argmax::<f32>(&[]), None);
    assert_eq!(argmax(&[1, 3, 3, 2]), Some(1));
    assert_eq!(argmax(&[f32::NAN, -1.0, f32::NAN]), Some(1));
    assert_eq!(argmax(&[f32::NAN; 2]), Some(0));
}
