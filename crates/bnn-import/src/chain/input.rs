//! What the model's input is to the first product.

use bnn_core::model::{InputType, ModelWriter};

use super::levels::{Pair, Step, Why};
use super::scalar::apply_all;
use super::{Chain, InputScale};
use crate::Inputs;

/// How far what the network makes of bytes may be from a straight line, as a share of its rise.
const STRAIGHT: f64 = 1e-5;

impl Inputs {
    /// What the network takes for the byte, or the bit (0 or 1), `x` of channel `c`.
    pub(crate) fn value(&self, c: usize, x: u8) -> f32 {
        match self {
            Self::Bits => f32::from(x) * 2.0 - 1.0,
            Self::Bytes {
                scale,
                mean,
                deviation,
            } => {
                let of = |list: &[f32], default| {
                    let one = list.first().copied().unwrap_or(default);
                    list.get(c).copied().unwrap_or(one)
                };
                let x = (f64::from(x) * scale) as f32;
                (x - of(mean, 0.0)) / of(deviation, 1.0)
            }
        }
    }

    /// Refuses lists that are neither of one number nor of one for each channel.
    pub(crate) fn check(&self, channels: usize) -> Result<(), Why> {
        let Self::Bytes {
            mean, deviation, ..
        } = self
        else {
            return Ok(());
        };
        for (what, list) in [("means", mean), ("deviations", deviation)] {
            if list.len() > 1 && list.len() != channels {
                let found = list.len();
                return Err(format!(
                    "{what} of the input: expected one or {channels}, found {found}"
                ));
            }
        }
        Ok(())
    }
}

impl Chain {
    /// Begins the model: the functions between the input and the first product become its input's
    /// type.
    pub(super) fn begin(&mut self) -> Result<InputScale, Why> {
        let channels = self.image[2];
        let inputs = self.inputs.clone();
        inputs.check(channels)?;
        let scalars = std::mem::take(&mut self.before_pool);
        let of = |c: usize, x: u8| apply_all(&scalars, c, inputs.value(c, x));
        if inputs == Inputs::Bits {
            let steps: Vec<Step> = (0..channels)
                .map(|c| Step {
                    step: 1,
                    first: of(c, 0),
                    second: of(c, 1),
                })
                .collect();
            let pair = Pair::of(&steps)?;
            if steps.iter().any(Step::is_constant) {
                return Err("channels of the input that do not count".into());
            }
            self.note_zeros(&scalars, channels, [0, 1], |c, x| inputs.value(c, x as u8));
            self.writer = Some(ModelWriter::new(InputType::Bits));
            let falls = steps.iter().map(|step| step.first > step.second);
            return Ok(InputScale::of_pair(pair, falls.collect()));
        }
        let steps: Result<Vec<Step>, f32> = (0..channels)
            .map(|c| Step::find(0, 255, |x| of(c, x as u8)))
            .collect();
        if let Ok(steps) = steps {
            let pair = Pair::of(&steps)?;
            self.note_zeros(&scalars, channels, [0, 255], |c, x| {
                inputs.value(c, x as u8)
            });
            // A threshold of 0 is +1 always; what falls is stored negated.
            let stored = steps.iter().map(|step| match step.is_constant() {
                true => (0, step.first == pair.low),
                false => (step.step as u8, step.first > step.second),
            });
            let (thresholds, flipped): (Vec<u8>, Vec<bool>) = stored.unzip();
            self.writer = Some(ModelWriter::with_thresholds(&thresholds));
            return Ok(InputScale::of_pair(pair, flipped));
        }
        let lines = (0..channels).map(|c| straight(|x| of(c, x)).map_err(|x| (c, x)));
        let lines: Result<Vec<(f64, f64)>, _> = lines.collect();
        let lines = lines.map_err(|(c, x)| {
            format!(
                "the byte {x} of channel {c} becomes {}: neither one of two values nor on a \
                 straight line",
                of(c, x)
            )
        })?;
        let (unit, _) = lines[0];
        if let Some((other, _)) = lines
            .iter()
            .find(|(other, _)| (other - unit).abs() > unit.abs() * STRAIGHT)
        {
            return Err(format!(
                "channels of the input are scaled by {unit} and {other}, expected one factor for all"
            ));
        }
        self.writer = Some(ModelWriter::new(InputType::Unsigned { depth: 8 }));
        Ok(InputScale {
            unit,
            bases: lines.iter().map(|&(_, base)| base).collect(),
            flipped: vec![false; channels],
            most: 255,
            is_signed: false,
        })
    }
}

/// `(scale, value at 0)` of a function of bytes that is a straight line, up to rounding; else a
/// byte that is off it.
pub(crate) fn straight(f: impl Fn(u8) -> f32) -> Result<(f64, f64), u8> {
    let base = f64::from(f(0));
    let rise = f64::from(f(255)) - base;
    let unit = rise / 255.0;
    let room = STRAIGHT * (rise.abs() + base.abs());
    let off = (0..=255).find(|&x| {
        let distance = (f64::from(f(x)) - (base + unit * f64::from(x))).abs();
        distance.is_nan() || distance > room
    });
    match off {
        None if unit != 0.0 => Ok((unit, base)),
        None => Err(255),
        Some(x) => Err(x),
    }
}
