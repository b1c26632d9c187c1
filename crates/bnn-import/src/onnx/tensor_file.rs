//! Tensors as files hold them: in the message, or in a file beside it.

use std::collections::HashMap;
use std::sync::Arc;

use super::value::{Data, Tensor};
use crate::ImportError;
use crate::budget::{Budget, RANK};
use crate::protobuf::{FieldValue, Fields};

/// Files beside a model, by their names: read once, and given out again.
pub(crate) struct External<'a> {
    read: &'a mut dyn FnMut(&str) -> Result<Vec<u8>, ImportError>,
    files: HashMap<String, Arc<[u8]>>,
    /// Bytes that may still be read.
    left: u64,
    most: u64,
}

impl<'a> External<'a> {
    pub(crate) fn new(
        read: &'a mut dyn FnMut(&str) -> Result<Vec<u8>, ImportError>,
        left: u64,
        most: u64,
    ) -> Self {
        let files = HashMap::new();
        Self {
            read,
            files,
            left,
            most,
        }
    }

    fn file(&mut self, name: &str) -> Result<Arc<[u8]>, ImportError> {
        if let Some(file) = self.files.get(name) {
            return Ok(Arc::clone(file));
        }
        // A name alone: a model must not read what it likes.
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', ':', '\0']) {
            let expected = "the name of a file in the model's folder";
            return Err(ImportError::format(
                "external data",
                expected,
                format!("{name:?}"),
            ));
        }
        let file: Arc<[u8]> = (self.read)(name)?.into();
        let left = self.left.checked_sub(file.len() as u64);
        self.left = left.ok_or(ImportError::Limit {
            what: "bytes of files",
            most: self.most,
        })?;
        self.files.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }
}

/// The element types that are read; see `onnx.proto`.
mod kind {
    pub(super) const F32: i64 = 1;
    pub(super) const U8: i64 = 2;
    pub(super) const I8: i64 = 3;
    pub(super) const I16: i64 = 5;
    pub(super) const I32: i64 = 6;
    pub(super) const I64: i64 = 7;
    pub(super) const BOOL: i64 = 9;
    pub(super) const F16: i64 = 10;
    pub(super) const F64: i64 = 11;
    pub(super) const BF16: i64 = 16;
}

#[derive(Default)]
struct Parts<'a> {
    name: String,
    shape: Vec<i64>,
    kind: i64,
    floats: Vec<f32>,
    ints: Vec<i64>,
    raw: Option<&'a [u8]>,
    place: HashMap<String, String>,
    is_external: bool,
}

/// Name and value of a tensor.
pub(crate) fn tensor(
    bytes: &[u8],
    external: &mut External<'_>,
    budget: &mut Budget,
) -> Result<(String, Tensor), ImportError> {
    let mut parts = parts(bytes, budget)?;
    let name = std::mem::take(&mut parts.name);
    let at = || format!("ONNX tensor {name}");
    let sizes: Result<Vec<usize>, _> = parts.shape.iter().map(|&size| size.try_into()).collect();
    let shape = sizes.map_err(|_| {
        ImportError::format(at(), "sizes of at least 0", format!("{:?}", parts.shape))
    })?;
    let file;
    let raw = match parts.is_external {
        true => {
            let location = parts
                .place
                .get("location")
                .map_or("", |location| location.trim_start_matches("./"));
            file = external.file(location)?;
            Some(slice(&file, &parts.place).ok_or_else(|| {
                let found = format!("{} bytes", file.len());
                ImportError::format(at(), format!("a part of {location} that is there"), found)
            })?)
        }
        false => parts.raw,
    };
    let kind = parts.kind;
    let Some(data) = data(parts, raw, budget)? else {
        let found = format!("type {kind}");
        let expected =
            "whole elements of float, double, float16, bfloat16, bool or an integer type";
        return Err(ImportError::format(at(), expected, found));
    };
    let tensor = Tensor { shape, data };
    let mut sizes = tensor.shape.iter();
    // Empty dimensions count as 1, so that strides do not overflow.
    let most = sizes.try_fold(1_usize, |all, &size| all.checked_mul(size.max(1)));
    let count = most.map(|_| tensor.shape.iter().product());
    if tensor.shape.len() > RANK || count != Some(tensor.len()) {
        let expected = format!("the elements of the shape {:?}", tensor.shape);
        return Err(ImportError::format(
            at(),
            expected,
            tensor.len().to_string(),
        ));
    }
    Ok((name, tensor))
}

fn parts<'a>(bytes: &'a [u8], budget: &mut Budget) -> Result<Parts<'a>, ImportError> {
    let mut parts = Parts::default();
    for field in Fields::new(bytes, "ONNX tensor") {
        let (number, value) = field?;
        match number {
            1 => budget.grow(&mut parts.shape, value.len_of_ints())?,
            5 | 7 => budget.grow(&mut parts.ints, value.len_of_ints())?,
            4 | 10 => budget.grow(&mut parts.floats, value.len_of_floats())?,
            _ => {}
        }
        let read = match number {
            1 => value.ints(&mut parts.shape),
            2 => value.int().map(|kind| parts.kind = kind),
            4 => value.floats(&mut parts.floats),
            5 | 7 => value.ints(&mut parts.ints),
            8 => value.text().map(|name| parts.name = name),
            9 => value.bytes().map(|raw| parts.raw = Some(raw)),
            10 => value.doubles(&mut parts.floats),
            13 => match value {
                FieldValue::Bytes(entry) => {
                    let (key, value) = pair(entry)?;
                    parts.place.insert(key, value);
                    Some(())
                }
                _ => None,
            },
            14 => value.int().map(|place| parts.is_external = place == 1),
            _ => Some(()),
        };
        if read.is_none() {
            return Err(ImportError::format(
                format!("ONNX tensor {}", parts.name),
                "values of its types",
                format!("another type in field {number}"),
            ));
        }
    }
    Ok(parts)
}

fn pair(bytes: &[u8]) -> Result<(String, String), ImportError> {
    let (mut key, mut text) = (String::new(), String::new());
    for field in Fields::new(bytes, "ONNX entry") {
        match field? {
            (1, value) => key = value.text().unwrap_or_default(),
            (2, value) => text = value.text().unwrap_or_default(),
            _ => {}
        }
    }
    Ok((key, text))
}

/// The part of a file where a tensor lies.
fn slice<'f>(file: &'f [u8], place: &HashMap<String, String>) -> Option<&'f [u8]> {
    let number = |key| place.get(key).map(|text| text.parse::<usize>().ok());
    let rest = file.get(number("offset").unwrap_or(Some(0))?..)?;
    match number("length") {
        Some(len) => rest.get(..len?),
        None => Some(rest),
    }
}

/// `None` for a type that is not read, or for bytes that are no whole elements.
fn data(
    parts: Parts<'_>,
    raw: Option<&[u8]>,
    budget: &mut Budget,
) -> Result<Option<Data>, ImportError> {
    let ints = parts.ints;
    let Some(raw) = raw else {
        let len = [ints.len()];
        let bits = ints.iter().map(|&bits| bits as u16);
        return Ok(Some(match parts.kind {
            kind::F32 | kind::F64 => Data::F32(parts.floats),
            kind::F16 => Data::F32(budget.collect(&len, bits.map(half))?),
            kind::BF16 => Data::F32(budget.collect(&len, bits.map(brain))?),
            kind::BOOL => Data::Bool(budget.collect(&len, ints.iter().map(|&x| x != 0))?),
            kind::U8 | kind::I8 | kind::I16 | kind::I32 | kind::I64 => Data::I64(ints),
            _ => return Ok(None),
        }));
    };
    let int = Data::I64;
    Ok(match parts.kind {
        kind::F32 => each(raw, f32::from_le_bytes, budget)?.map(Data::F32),
        kind::F64 => each(raw, |x| f64::from_le_bytes(x) as f32, budget)?.map(Data::F32),
        kind::F16 => each(raw, |x| half(u16::from_le_bytes(x)), budget)?.map(Data::F32),
        kind::BF16 => each(raw, |x| brain(u16::from_le_bytes(x)), budget)?.map(Data::F32),
        kind::BOOL => each(raw, |[byte]| byte != 0, budget)?.map(Data::Bool),
        kind::U8 => each(raw, |[byte]| i64::from(byte), budget)?.map(int),
        kind::I8 => each(raw, |[byte]| i64::from(byte.cast_signed()), budget)?.map(int),
        kind::I16 => each(raw, |x| i64::from(i16::from_le_bytes(x)), budget)?.map(int),
        kind::I32 => each(raw, |x| i64::from(i32::from_le_bytes(x)), budget)?.map(int),
        kind::I64 => each(raw, i64::from_le_bytes, budget)?.map(int),
        _ => None,
    })
}

fn each<const N: usize, T>(
    raw: &[u8],
    number: impl Fn([u8; N]) -> T,
    budget: &mut Budget,
) -> Result<Option<Vec<T>>, ImportError> {
    let (elements, rest) = raw.as_chunks();
    let numbers = elements.iter().map(|&bytes| number(bytes));
    let numbers = budget.collect(&[elements.len()], numbers)?;
    Ok(rest.is_empty().then_some(numbers))
}

/// An IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (bits >> 10 & 0x1f, f32::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2_f32.powi(-24),
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2_f32.powi(i32::from(exponent) - 15),
    };
    if bits >> 15 == 1 {
        -magnitude
    } else {
        magnitude
    }
}

/// The upper half of an `f32`.
fn brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_those_of_ieee_754() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x0001, 5.960_464_5e-8),
            (0x7bff, 65504.0),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7e00).is_nan());
        assert_eq!(brain(0xc040), -3.0);
    }
}
