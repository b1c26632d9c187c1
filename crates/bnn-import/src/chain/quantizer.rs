//! Quantizers: numbers to multiples of a scale.

/// `Quant` with single numbers for scale and zero point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantizer {
    pub(crate) scale: f32,
    pub(crate) zero: f32,
    pub(crate) least: f32,
    pub(crate) most: f32,
    pub(crate) round: fn(f32) -> f32,
}

impl Quantizer {
    pub(crate) fn apply(&self, x: f32) -> f32 {
        let level = (x / self.scale + self.zero).max(self.least).min(self.most);
        ((self.round)(level) - self.zero) * self.scale
    }
}
