//! Parameters of epilogues, and buffers for the results.

use bnn_core::{BitMatrix, Error};

use crate::elements;

/// Parameters of every epilogue, and outputs `[m, n]`.
#[derive(Debug)]
pub(crate) struct Epilogues {
    pub(crate) thresholds: Vec<i32>,
    pub(crate) scale: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) sums: Vec<i32>,
    pub(crate) bits: BitMatrix,
    pub(crate) floats: Vec<f32>,
}

impl Epilogues {
    pub(crate) fn new(m: usize, n: usize) -> Result<Self, Error> {
        let outputs = elements("m * n", m, n)?;
        Ok(Self {
            thresholds: vec![0; n],
            scale: vec![0.5; n],
            bias: vec![1.0; n],
            sums: vec![0; outputs],
            bits: BitMatrix::zeros(m, n)?,
            floats: vec![0.0; outputs],
        })
    }
}

/// What the tests ask of every workload: all contenders compute the same.
#[cfg(test)]
pub(crate) mod agreement {
    use super::*;
    use crate::{Contender, Form, Workload};

    /// Runs `contender` and gives the sums that its outputs tell of; of bits, their signs.
    fn sums<W: Workload>(
        work: &mut W,
        contender: Contender,
        epilogues: impl Fn(&mut W) -> &mut Epilogues,
    ) -> Result<Vec<f32>, Error> {
        let before = epilogues(work);
        before.sums.fill(i32::MIN);
        before.floats.fill(f32::NAN);
        before.bits = BitMatrix::zeros(before.bits.rows(), before.bits.cols())?;
        work.run(contender)?;
        let after = epilogues(work);
        Ok(match contender {
            Contender::Floats(_) => after.floats.clone(),
            Contender::Bits(Form::BitsToI32, _) => after.sums.iter().map(|&y| y as f32).collect(),
            Contender::Bits(Form::BitsToBits, _) => after.bits.unpack()?,
            Contender::Bits(Form::F32ToF32, _) => {
                after.floats.iter().map(|y| 2.0 * (y - 1.0)).collect()
            }
        })
    }

    pub(crate) fn all_compute<W: Workload>(
        expected: &[f32],
        contenders: impl IntoIterator<Item = Contender>,
        work: &mut W,
        epilogues: impl Fn(&mut W) -> &mut Epilogues + Copy,
    ) -> Result<(), Error> {
        let sign = |sum: &f32| if *sum >= 0.0 { 1.0 } else { -1.0 };
        let signs: Vec<f32> = expected.iter().map(sign).collect();
        for contender in contenders {
            let expected = match contender {
                Contender::Bits(Form::BitsToBits, _) => &signs,
                _ => expected,
            };
            assert_eq!(sums(work, contender, epilogues)?, expected, "{contender:?}");
        }
        Ok(())
    }
}
