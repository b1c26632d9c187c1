//! Models of images: convolutions, pools and what joins them.

use super::*;

#[test]
fn a_model_of_images_is_the_one_that_export_writes() {
    let mut rng = Rng::new(5);
    let same = |groups, pad_value| ConvOptions {
        padding: Padding::Same,
        groups,
        pad_value,
        ..ConvOptions::default()
    };
    let zeros = same(1, PadValue::Zero);
    let grouped = same(2, PadValue::PlusOne);
    let mut net = Sequential::new()
        .then(SignWeightConv2d::new(3, 6, [3, 3], zeros, &mut rng).unwrap())
        .then(BatchNorm::new(6).unwrap())
        .then(MaxPool2d::new([2, 1]))
        .then(BinaryConv2d::new(6, 4, [3, 3], grouped, &mut rng).unwrap())
        .then(MaxPool2d {
            stride: [1, 1],
            ..MaxPool2d::new([2, 1])
        })
        .then(BatchNorm::new(4).unwrap())
        .then(BinaryConv2d::new(4, 70, [3, 3], zeros, &mut rng).unwrap())
        .then(BatchNorm::new(70).unwrap())
        .then(Flatten)
        .then(BinaryLinear::new(3 * 5 * 70, 10, &mut rng).unwrap())
        .then(BatchNorm::new(10).unwrap());
    move_norms(&mut net);
    let shape = [8, 5, 3];
    let expected = export(
        &mut net,
        ExportConfig {
            image: Some(shape),
            ..InputType::Unsigned { depth: 8 }.into()
        },
    )
    .unwrap();

    let all = tensors(&net);
    let builder = new(bnn_element_t::BNN_ELEMENT_U8, 8).unwrap();
    assert_eq!(image(builder, shape), BNN_OK);
    let first = padded(shape, 6, 1);
    assert_eq!(conv2d(builder, &first, &all["0.weight"]), BNN_OK);
    batch_norm(builder, &all, 1);
    assert_eq!(max_pool(builder, 0), BNN_OK);
    let mut second = padded([4, 5, 6], 4, 2);
    second.pad_value = bnn_pad_value_t::BNN_PAD_PLUS_ONE as i32;
    assert_eq!(conv2d(builder, &second, &all["3.weight"]), BNN_OK);
    assert_eq!(max_pool(builder, 1), BNN_OK);
    batch_norm(builder, &all, 5);
    let third = padded([3, 5, 4], 70, 1);
    assert_eq!(conv2d(builder, &third, &all["6.weight"]), BNN_OK);
    batch_norm(builder, &all, 7);
    assert_eq!(flatten(builder), BNN_OK);
    assert_eq!(linear(builder, &all["9.weight"]), BNN_OK);
    batch_norm(builder, &all, 10);
    assert!(finish(builder).unwrap() == expected);
    free(builder);
}

#[test]
fn pools_of_bits_and_thresholds_of_pixels_are_those_that_export_writes() {
    let mut rng = Rng::new(6);
    let mut pixelwise = Sequential::new()
        .then(MaxPool2d::new([2, 1]))
        .then(BinaryLinear::new(5, 7, &mut rng).unwrap());
    let expected = export(
        &mut pixelwise,
        ExportConfig {
            image: Some([4, 3, 5]),
            ..InputType::Bits.into()
        },
    )
    .unwrap();
    let builder = new(bnn_element_t::BNN_ELEMENT_BITS, 1).unwrap();
    assert_eq!(image(builder, [4, 3, 5]), BNN_OK);
    assert_eq!(max_pool(builder, 0), BNN_OK);
    assert_eq!(linear(builder, &tensors(&pixelwise)["1.weight"]), BNN_OK);
    assert!(finish(builder).unwrap() == expected);
    free(builder);

    let w = Tensor::new(eighths(7 * 30, 4), &[7, 30]).unwrap();
    let builder = new(bnn_element_t::BNN_ELEMENT_BITS, 1).unwrap();
    assert_eq!(image(builder, [4, 3, 5]), BNN_OK);
    assert_eq!(max_pool(builder, 0), BNN_OK);
    assert_eq!(flatten(builder), BNN_OK);
    assert_eq!(linear(builder, &w), BNN_OK);
    let file = AlignedBytes::from(finish(builder).unwrap().as_slice());
    free(builder);
    expect_sums_of_pooled_bits(&file, w.data());

    let thresholds = [3, 100, 255];
    let options = ConvOptions {
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    let mut net = Sequential::new()
        .then(InputThresholds::new(&thresholds).unwrap())
        .then(BinaryConv2d::new(3, 4, [3, 3], options, &mut rng).unwrap());
    let expected = export(
        &mut net,
        ExportConfig {
            image: Some([5, 4, 3]),
            ..InputType::Thresholds.into()
        },
    )
    .unwrap();
    let mut builder = null_mut();
    // SAFETY: as many bytes as are passed, and a place for the handle.
    let status = unsafe { bnn_builder_new_thresholds(thresholds.as_ptr(), 3, &mut builder) };
    assert_eq!(status, BNN_OK);
    assert_eq!(image(builder, [5, 4, 3]), BNN_OK);
    let weight = &tensors(&net)["1.weight"];
    assert_eq!(conv2d(builder, &padded([5, 4, 3], 4, 1), weight), BNN_OK);
    assert!(finish(builder).unwrap() == expected);
    free(builder);
}

/// Runs a model of images `[4, 3, 5]` of bits that pools pairs of rows and multiplies all that is
/// left with `w`, `[7, 30]`.
fn expect_sums_of_pooled_bits(file: &[u8], w: &[f32]) {
    let model = Model::open(file).unwrap();
    let mut scratch = vec![0; model.scratch_words(1).unwrap()];
    let (x, mut sums): (Vec<u64>, _) = ((0..12).map(|i| i * 37 % 32).collect(), [0; 7]);
    let output = Output::I32(&mut sums);
    model.run(1, Input::Bits(&x), output, &mut scratch).unwrap();
    let (rows, mut expected) = (x.as_chunks::<3>().0, [0; 7]);
    for (j, w) in w.iter().enumerate() {
        let (pixel, channel) = (j % 30 / 5, j % 5);
        let (row, column) = (2 * (pixel / 3), pixel % 3);
        let pooled = (rows[row][column] | rows[row + 1][column]) >> channel & 1;
        let signs_agree = (pooled == 1) == (*w >= 0.0);
        expected[j / 30] += if signs_agree { 1 } else { -1 };
    }
    assert_eq!(sums, expected);
}

#[test]
fn images_that_do_not_fit_are_refused_and_change_nothing() {
    let shape = [4, 4, 2];
    let w = Tensor::new(eighths(3 * 9 * 2, 1), &[3, 3, 3, 2]).unwrap();
    let next = Tensor::new(eighths(5 * 9 * 3, 2), &[5, 3, 3, 3]).unwrap();
    let plain = new(bnn_element_t::BNN_ELEMENT_BITS, 1).unwrap();
    let builder = new(bnn_element_t::BNN_ELEMENT_BITS, 1).unwrap();
    // No images yet.
    assert_eq!(conv2d(builder, &padded(shape, 3, 1), &w), BNN_ERROR_LAYER);
    assert_eq!(max_pool(builder, 0), BNN_ERROR_LAYER);
    assert_eq!(image(builder, [4, 0, 2]), BNN_ERROR_ZERO);
    assert_eq!(image(builder, [4, usize::MAX, 2]), BNN_ERROR_OVERFLOW);
    for builder in [plain, builder] {
        assert_eq!(image(builder, shape), BNN_OK);
    }
    assert_eq!(image(builder, [4, 4, 3]), BNN_ERROR_LAYER);
    // Options of other images, or of a kernel that no image has room for.
    let other = padded([4, 5, 2], 3, 1);
    assert_eq!(conv2d(builder, &other, &w), BNN_ERROR_LAYER);
    let mut large = padded(shape, 3, 1);
    large.kernel_height = 7;
    assert_eq!(conv2d(builder, &large, &w), BNN_ERROR_RANGE);
    let mut odd = padded(shape, 3, 1);
    odd.pad_value = 3;
    assert_eq!(conv2d(builder, &odd, &w), BNN_ERROR_RANGE);
    let mut indivisible = padded(shape, 3, 1);
    indivisible.groups = 2;
    assert_eq!(conv2d(builder, &indivisible, &w), BNN_ERROR_INDIVISIBLE);
    for builder in [plain, builder] {
        assert_eq!(conv2d(builder, &padded(shape, 3, 1), &w), BNN_OK);
        assert_eq!(max_pool(builder, 0), BNN_OK);
    }
    // What was pooled is two rows high.
    assert_eq!(
        conv2d(builder, &padded([4, 4, 3], 5, 1), &next),
        BNN_ERROR_LAYER
    );
    for builder in [plain, builder] {
        let fits = padded([2, 4, 3], 5, 1);
        assert_eq!(conv2d(builder, &fits, &next), BNN_OK);
    }
    assert!(finish(builder).unwrap() == finish(plain).unwrap());
    free(builder);
    free(plain);
}
