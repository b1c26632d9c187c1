//! Sounds for tests, where there are no recordings: the same samples on every host.

use crate::recordings::LENGTH;

/// Three seconds: rising and falling squeaks, then noise that swells to the ends of the range, then
/// clicks in silence. Integers alone make them.
#[must_use]
pub(crate) fn synthetic(seed: u32) -> Vec<i16> {
    let mut noise = Noise(u64::from(seed));
    let squeaks = (0..LENGTH as i32).map(|t| {
        // A triangle whose period falls from 160 to 4 samples and rises again, five times.
        let place = (t % 3200 - 1600).abs();
        let period = 4 + 156 * place / 1600;
        let phase = t % period * 65_536 / period;
        ((phase - 32_768).abs() - 16_384) / 2
    });
    let mut sound: Vec<i32> = squeaks.collect();
    sound.extend((0..LENGTH as i32).map(|t| noise.sample() * (t / 160) / 80));
    sound.extend((0..LENGTH).map(|t| match t % 1000 {
        0 => noise.sample(),
        _ => noise.sample() >> 12,
    }));
    let saturated = |x: i32| x.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    sound.into_iter().map(saturated).collect()
}

/// White noise (splitmix64 of Steele et al.).
struct Noise(u64);

impl Noise {
    /// 16 bits and a sign at most.
    fn sample(&mut self) -> i32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        i32::from((x >> 48) as u16 as i16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_has_every_loudness_and_depends_on_its_seed() {
        let sound = synthetic(1);
        assert_eq!((sound.len(), &sound), (3 * LENGTH, &synthetic(1)));
        assert_ne!(sound, synthetic(2));
        assert!(sound.contains(&i16::MAX) && sound.contains(&i16::MIN) && sound.contains(&0));
    }
}
