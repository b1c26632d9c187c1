//! Every path of a convolution against its definition: kernels, epilogues.

mod exact;
mod extremes;
mod pools;
mod refusals;

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::bits::{BitMatrix, BitMatrixView};
use crate::error::Error;
use crate::kernel::Kernel;
use crate::noise::noise;
use crate::reference;

const GUARD: i32 = 0x5EED;

/// What images are made of.
#[derive(Clone, Copy, Debug)]
enum Input {
    Bits,
    Floats,
    Unsigned(usize),
}

#[derive(Clone, Copy, Debug)]
struct Case {
    batch: usize,
    image: [usize; 3],
    outputs: usize,
    kernel: [usize; 2],
    options: ConvOptions,
}

impl Case {
    fn new(image: [usize; 3], outputs: usize, kernel: [usize; 2], options: ConvOptions) -> Self {
        Self {
            batch: 2,
            image,
            outputs,
            kernel,
            options,
        }
    }

    fn conv(&self) -> Result<Conv2d, Error> {
        Conv2d::new(self.image, self.outputs, self.kernel, self.options)
    }

    /// Checks the case with noise for images and filters.
    fn check(
        &self,
        input: Input,
        kernels: impl Iterator<Item = &'static Kernel>,
    ) -> Result<(), Error> {
        self.check_in(input, kernels, |check| check())
    }

    /// The same, where `places` calls what it is given, in each pool of threads that it has.
    fn check_in(
        &self,
        input: Input,
        kernels: impl Iterator<Item = &'static Kernel>,
        places: impl Fn(&(dyn Fn() -> Result<(), Error> + Sync)) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let conv = self.conv()?;
        let [height, width, channels] = self.image;
        let pixels = self.batch * height * width;
        let k = conv.patch_len();
        let seed = (k + channels + pixels) as u64;
        let filters = BitMatrix::pack(&noise(seed, self.outputs * k), self.outputs, k)?;
        let x = noise(seed + 1, pixels * channels);
        let bits = BitMatrix::pack(&x, pixels, channels)?;
        let floats: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        let bytes: Vec<u8> = match input {
            Input::Unsigned(depth) => x.iter().map(|x| *x as u8 >> (8 - depth)).collect(),
            _ => Vec::new(),
        };
        let images = match input {
            Input::Bits => bits.view().into(),
            Input::Floats => floats.as_slice().into(),
            Input::Unsigned(depth) => Images::Unsigned { x: &bytes, depth },
        };
        let [out_height, out_width] = conv.windows().output_size();
        let mut expected = vec![0; self.batch * out_height * out_width * self.outputs];
        reference::conv2d(images, &conv, filters.view(), &mut expected)?;

        // Filters for bytes take bits too.
        let mut of_bits = vec![0; expected.len()];
        if let Input::Unsigned(_) = input {
            reference::conv2d(bits.view(), &conv, filters.view(), &mut of_bits)?;
        }

        let kernels: Vec<&Kernel> = kernels.collect();
        places(&|| {
            for kernel in kernels.iter().copied() {
                let packed = PackedFilters::for_kernel(kernel, &conv, filters.view())?;
                check_epilogues(images, &packed, &expected)?;
                if let Input::Unsigned(depth) = input {
                    let packed = PackedFilters::for_bytes(kernel, &conv, filters.view(), depth)?;
                    check_epilogues(images, &packed, &expected)?;
                    check_epilogues(bits.view().into(), &packed, &of_bits)?;
                }
            }
            Ok(())
        })
    }
}

/// All that can be asked of a convolution, against the sums that are expected.
fn check_epilogues(
    images: Images<'_>,
    filters: &PackedFilters,
    expected: &[i32],
) -> Result<(), Error> {
    let n = filters.conv().outputs();
    let (m, gap) = (expected.len() / n, 3);
    let mut c = vec![GUARD; m * (n + gap)];
    conv2d_i32(images, filters, &mut c, n + gap)?;
    for (row, expected) in c.chunks(n + gap).zip(expected.chunks(n)) {
        assert_eq!(&row[..n], expected);
        assert!(row[n..].iter().all(|&c| c == GUARD), "wrote past a row");
    }

    let scale: Vec<f32> = noise(5, n).iter().map(|&x| x as f32 * 1e-9).collect();
    let bias: Vec<f32> = noise(6, n).iter().map(|&x| x as f32 * 1e-8).collect();
    let mut y = vec![f32::MAX; m * n + 1];
    conv2d_f32(images, filters, &scale, &bias, &mut y, n)?;
    assert_eq!(y.pop(), Some(f32::MAX), "wrote past the end");
    for (i, y) in y.iter().enumerate() {
        let affine = scale[i % n] * expected[i] as f32 + bias[i % n];
        assert_eq!(y.to_bits(), affine.to_bits());
    }

    // Thresholds at, just below and just above sums that occur.
    let t: Vec<i32> = (0..n).map(|j| expected[j] + j as i32 % 3 - 1).collect();
    // What was there before must not show through.
    let mut out = BitMatrix::pack(&vec![1_i8; m * n], m, n)?;
    conv2d_bits(images, filters, t.as_slice(), &mut out.view_mut())?;
    assert!(BitMatrixView::new(out.words(), m, n).is_ok(), "tail bits");
    for (i, &sum) in expected.iter().enumerate() {
        assert_eq!(out.view().get(i / n, i % n), Some(sum >= t[i % n]));
    }
    let narrow: Vec<i16> = t.iter().map(|&t| t as i16).collect();
    let mut again = BitMatrix::zeros(m, n)?;
    conv2d_bits(images, filters, narrow.as_slice(), &mut again.view_mut())?;
    assert_eq!(again, out);
    Ok(())
}

fn padded(padding: Padding, pad_value: PadValue) -> ConvOptions {
    ConvOptions {
        padding,
        pad_value,
        ..ConvOptions::default()
    }
}
