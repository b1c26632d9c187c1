//! Models that are embedded are checked by the compiler, and are then what `Model::open` makes of
//! the same bytes.

use bnn_core::include_model;
use bnn_core::model::{Aligned, Input, Model, ModelError, Output, Sizes};

static DIGITS: Model = include_model!("../../../firmware/models/digits.bnn");
const SIZES: Sizes = DIGITS.sizes();
static FILE: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../firmware/models/digits.bnn"));

static TEXT: &Aligned<[u8]> = &Aligned(*b"no model at all");
static CUT: &Aligned<[u8]> = &Aligned(*b"\x89BNN\r\n\x1a\n\x01\0\0\0");

#[test]
fn an_embedded_model_is_the_opened_one() -> Result<(), ModelError> {
    let opened = Model::open(&FILE.0)?;
    assert_eq!(opened.sizes(), SIZES);
    assert_eq!(opened.checksum(), DIGITS.checksum());
    assert_eq!(opened.meta(), DIGITS.meta());
    assert!(DIGITS.meta().contains("width=8"), "{}", DIGITS.meta());
    let pixels: [u8; SIZES.inputs] = core::array::from_fn(|i| i as u8 % 17);
    let mut scores = [[0.0; SIZES.outputs], [1.0; SIZES.outputs]];
    for (model, scores) in [&DIGITS, &opened].into_iter().zip(&mut scores) {
        let mut scratch = [u64::MAX; SIZES.scratch_words];
        model.run(1, Input::Bytes(&pixels), Output::F32(scores), &mut scratch)?;
    }
    let [embedded, opened] = scores.map(|scores| scores.map(f32::to_bits));
    assert_eq!(embedded, opened);
    Ok(())
}

#[test]
fn what_is_no_model_is_refused_when_compiling() {
    let text = const { Model::embedded(TEXT) };
    assert_eq!(text.map(|_| ()), Err(ModelError::NotAModel));
    let cut = const { Model::embedded(CUT) };
    assert!(matches!(cut, Err(ModelError::Size { .. })));
}
