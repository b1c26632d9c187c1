//! Recordings as other voices, rooms and moments would have given them.

use bnn_autograd::Rng;

use crate::recordings::LENGTH;

/// How much recordings are varied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variation {
    /// Samples that a word is moved by at most.
    pub(crate) shift: f64,
    /// How much faster or slower, and thereby higher or lower, a word is at most.
    pub(crate) speed: f64,
    /// Decibels that a word is softer or louder by at most.
    pub(crate) gain: f64,
    /// The share of recordings with noise behind them.
    pub(crate) noisy: f64,
    /// Decibels by which a word is louder than the noise: the least and the most.
    pub(crate) above_noise: [f64; 2],
}

impl Variation {
    /// What the documented networks were trained with.
    pub(crate) const USUAL: Self = Self {
        shift: 1600.0,
        speed: 0.15,
        gain: 8.0,
        noisy: 0.5,
        above_noise: [5.0, 30.0],
    };

    /// A varied copy of the samples.
    pub(crate) fn of(&self, samples: &[i16], noises: &[Vec<i16>], rng: &mut Rng) -> Vec<i16> {
        let between = |x: f64, rng: &mut Rng| rng.uniform(-x, x);
        let (speed, shift) = (1.0 + between(self.speed, rng), between(self.shift, rng));
        let gain = decibels(between(self.gain, rng));
        let middle = LENGTH as f64 / 2.0;
        let mut varied: Vec<f64> = (0..LENGTH)
            .map(|t| gain * at(samples, middle + (t as f64 - middle - shift) * speed))
            .collect();
        if rng.uniform(0.0, 1.0) < self.noisy {
            let [least, most] = self.above_noise;
            let softer = decibels(-rng.uniform(least, most));
            let noise = noise(noises, rng);
            let factor = softer * rms(&varied) / rms(&noise).max(1.0);
            for (x, noise) in varied.iter_mut().zip(noise) {
                *x += factor * noise;
            }
        }
        // Floats saturate.
        varied.into_iter().map(|x| x.round() as i16).collect()
    }
}

/// A piece of one of the noises, or white noise.
fn noise(noises: &[Vec<i16>], rng: &mut Rng) -> Vec<f64> {
    let which = rng.uniform(0.0, noises.len() as f64 + 1.0) as usize;
    match noises.get(which) {
        Some(noise) if noise.len() > LENGTH => {
            let start = rng.uniform(0.0, (noise.len() - LENGTH) as f64) as usize;
            noise[start..start + LENGTH]
                .iter()
                .map(|x| f64::from(*x))
                .collect()
        }
        _ => (0..LENGTH).map(|_| 1000.0 * rng.normal()).collect(),
    }
}

/// The value between samples, by linear interpolation; the first and the last one last for ever.
fn at(samples: &[i16], t: f64) -> f64 {
    let t = t.clamp(0.0, samples.len() as f64 - 1.0);
    let of = |t: f64| samples.get(t as usize).map_or(0.0, |x| f64::from(*x));
    let place = t - t.floor();
    of(t) * (1.0 - place) + of((t + 1.0).min(samples.len() as f64 - 1.0)) * place
}

fn decibels(x: f64) -> f64 {
    10_f64.powf(x / 20.0)
}

fn rms(x: &[f64]) -> f64 {
    (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variation_by_nothing_changes_nothing() {
        let nothing = Variation {
            shift: 0.0,
            speed: 0.0,
            gain: 0.0,
            noisy: 0.0,
            above_noise: [0.0; 2],
        };
        let sound: Vec<i16> = (0..LENGTH).map(|t| (t % 30_011) as i16 - 15_000).collect();
        assert_eq!(nothing.of(&sound, &[], &mut Rng::new(1)), sound);
    }

    #[test]
    fn noise_is_as_loud_as_asked() {
        let noisy = Variation {
            shift: 0.0,
            speed: 0.0,
            gain: 0.0,
            noisy: 1.0,
            above_noise: [20.0, 20.0],
        };
        let sound: Vec<i16> = (0..LENGTH)
            .map(|t| (t % 1001) as i16 * 20 - 10_000)
            .collect();
        let background = vec![(0..2 * LENGTH).map(|t| (t % 7) as i16 - 3).collect()];
        for seed in 0..4 {
            let varied = noisy.of(&sound, &background, &mut Rng::new(seed));
            let added: Vec<f64> = varied
                .iter()
                .zip(&sound)
                .map(|(a, b)| f64::from(a - b))
                .collect();
            let all: Vec<f64> = sound.iter().map(|x| f64::from(*x)).collect();
            let share = rms(&added) / rms(&all);
            assert!((0.095..0.105).contains(&share), "{share}");
        }
    }
}
