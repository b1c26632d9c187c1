//! Quantizers: numbers to multiples of a scale.

/// `Quant` with single numbers for scale and zero point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantizer {
    pub(crate) scale: f32,
    pub(crate) zero: f32,
    pub(crate) least: f32,
    pub(crate) most: f32,
    pub(crate) rounding: Rounding,
}

/// Which integer a level becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// The nearest one, the even one of two.
    TiesToEven,
    Floor,
    Ceiling,
    TowardsZero,
}

impl Quantizer {
    pub(crate) fn apply(&self, x: f32) -> f32 {
        let level = (x / self.scale + self.zero).max(self.least).min(self.most);
        let level = match self.rounding {
            Rounding::TiesToEven => level.round_ties_even(),
            Rounding::Floor => level.floor(),
            Rounding::Ceiling => level.ceil(),
            Rounding::TowardsZero => level.trunc(),
        };
        (level - self.zero) * self.scale
    }
}
