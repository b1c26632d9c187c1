//! The front end against its definition in `f64`, on tones, chirps, noise, silence and samples at
//! the ends of their range.

use std::f64::consts::TAU;

use proptest::prelude::*;
use tiny_audio::bands::{BANDS, FLOOR, edges};
use tiny_audio::cepstrum::{FEATURES, SPANS, bytes, coefficients};
use tiny_audio::{FrontEnd, HOP, RATE, WINDOW, features, frames, log_bands};

/// How far the logarithm of a band may be from its definition, in 256ths, if the band's power is at
/// most 30 dB below that of the strongest frequency: an eighth of an octave of power, 0.4 dB.
const NEAR: f64 = 32.0;
/// How far a byte may be from the one of logarithms without an error.
const BYTE: i32 = 2;

type Window = [i16; WINDOW];

fn window(sample: impl Fn(f64) -> f64) -> Window {
    std::array::from_fn(|t| sample(t as f64).round() as i16)
}

/// The powers of the bands, by the formulas, and the largest power of a frequency.
fn powers(samples: &Window) -> ([f64; BANDS], f64) {
    let mut windowed = [0.0; WINDOW];
    for t in 0..WINDOW {
        let before = samples[t.saturating_sub(1)];
        let hann = 0.5 - 0.5 * (TAU * (t as f64 + 0.5) / WINDOW as f64).cos();
        windowed[t] = hann * (f64::from(samples[t]) - f64::from(before));
    }
    let edges = edges();
    let (mut powers, mut strongest) = ([0.0; BANDS], 0.0_f64);
    for k in 0..256 {
        let (mut re, mut im) = (0.0, 0.0);
        for (t, x) in windowed.iter().enumerate() {
            let (sin, cos) = (TAU * ((k * t) % 512) as f64 / 512.0).sin_cos();
            re += x * cos;
            im -= x * sin;
        }
        strongest = strongest.max(re * re + im * im);
        let mel = |hertz: f64| 1127.0 * (1.0 + hertz / 700.0).ln();
        let hertz = k as f64 * RATE as f64 / 512.0;
        for (power, edges) in powers.iter_mut().zip(edges.windows(3)) {
            let [low, middle, high] = [edges[0], edges[1], edges[2]].map(mel);
            let (up, down) = (
                (mel(hertz) - low) / (middle - low),
                (high - mel(hertz)) / (high - middle),
            );
            *power += up.min(down).max(0.0) * (re * re + im * im);
        }
    }
    (powers, strongest)
}

/// The logarithms of 256 times the powers in 256ths, at least the floor.
fn logarithms(powers: &[f64; BANDS]) -> [f64; BANDS] {
    powers.map(|power| (256.0 * (256.0 * power).log2()).max(f64::from(FLOOR)))
}

/// Whether the front end computes what the definition says, for one window.
fn check(samples: &Window) {
    let (powers, strongest) = powers(samples);
    let (expected, found) = (logarithms(&powers), log_bands(samples));
    for band in 0..BANDS {
        let error = f64::from(found[band]) - expected[band];
        if powers[band] >= strongest / 1e3 {
            assert!(
                error.abs() <= NEAR,
                "band {band}: {} and {}",
                found[band],
                expected[band]
            );
        }
        // What rounding adds to a weak band stays 60 dB below the strongest.
        let most = (256.0 * (256.0 * (powers[band] + strongest / 1e6)).log2()).max(FLOOR.into());
        assert!(
            f64::from(found[band]) <= most + NEAR,
            "band {band}: {} and {most}",
            found[band]
        );
    }
}

/// A byte by its definition, of logarithms in 256ths.
fn defined_byte(logarithms: &[i16; BANDS], i: usize) -> f64 {
    let cos =
        |band: usize| (std::f64::consts::PI * i as f64 * (band as f64 + 0.5) / BANDS as f64).cos();
    let sum: f64 = (0..BANDS)
        .map(|band| cos(band) * f64::from(logarithms[band]))
        .sum();
    let span = SPANS[i];
    128.0 + 128.0 * (sum - f64::from(span.middle)) / f64::from(span.reach)
}

#[test]
fn pure_tones_are_as_defined() {
    for hertz in [
        50.0, 100.0, 440.0, 999.0, 1000.0, 2718.0, 4000.0, 7000.0, 7990.0,
    ] {
        for loudness in [30.0, 1000.0, 32767.0] {
            check(&window(|t| {
                loudness * (TAU * hertz * t / RATE as f64 + 0.3).sin()
            }));
        }
    }
}

#[test]
fn a_tone_is_in_its_own_band() {
    let edges = edges();
    for band in 0..BANDS {
        let tone = window(|t| 8000.0 * (TAU * edges[band + 1] * t / RATE as f64).sin());
        let logarithms = log_bands(&tone);
        let loudest = (0..BANDS).max_by_key(|band| logarithms[*band]);
        assert_eq!(loudest, Some(band));
    }
}

#[test]
fn silence_is_the_floor() {
    for level in [0, 1, -1] {
        assert_eq!(log_bands(&[level; WINDOW]), [FLOOR; BANDS], "{level}");
    }
    // Differences leave nothing of a constant.
    check(&[i16::MAX; WINDOW]);
}

#[test]
fn saturated_samples_are_as_defined() {
    check(&[i16::MIN; WINDOW]);
    check(&window(|t| {
        if (t as u32).is_multiple_of(2) {
            32767.0
        } else {
            -32768.0
        }
    }));
    for half in [2, 3, 7, 40, 200] {
        check(&window(|t| {
            if (t as u32 / half).is_multiple_of(2) {
                32767.0
            } else {
                -32768.0
            }
        }));
    }
    let mut click = [0; WINDOW];
    click[240] = i16::MIN;
    check(&click);
}

#[test]
fn chirps_are_as_defined() {
    for rate in [0.001, 0.01, 0.05] {
        check(&window(|t| 12000.0 * (rate * t * t / 10.0).sin()));
    }
}

#[test]
fn frames_come_every_20_ms_and_do_not_depend_on_those_before() {
    let sound: Vec<i16> = (0..RATE)
        .map(|t| ((t * t / 91 + t) % 9001) as i16 - 4500)
        .collect();
    let mut front_end = FrontEnd::new();
    let mut seen = 0;
    for (t, sample) in sound.iter().enumerate() {
        let frame = front_end.push(*sample);
        let is_due = t + 1 >= WINDOW && (t + 1 - WINDOW).is_multiple_of(HOP);
        assert_eq!(frame.is_some(), is_due, "after {} samples", t + 1);
        if let Some(frame) = frame {
            let window = sound[t + 1 - WINDOW..].first_chunk().expect("480 samples");
            assert_eq!(frame, features(window));
            seen += 1;
        }
    }
    assert_eq!((seen, frames(RATE)), (49, 49));
    assert_eq!([0, 479, 480, 799, 800].map(frames), [0, 0, 1, 1, 2]);
}

#[test]
fn coefficients_that_are_out_of_range_saturate() {
    let far = |sign: i32| bytes(&SPANS.map(|span| span.middle + sign * 3 * span.reach));
    assert_eq!((far(1), far(-1)), ([255; FEATURES], [0; FEATURES]));
    assert_eq!(bytes(&SPANS.map(|span| span.middle)), [128; FEATURES]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_as_defined(samples in prop::collection::vec(any::<i16>(), WINDOW), loudness in 0..16) {
        check(&std::array::from_fn(|t| samples[t] >> loudness));
    }

    #[test]
    fn bytes_are_as_defined(logarithms in prop::array::uniform30(FLOOR..=14_000_i16)) {
        let bytes = bytes(&coefficients(&logarithms));
        for (i, byte) in bytes.into_iter().enumerate() {
            let expected = defined_byte(&logarithms, i).clamp(0.0, 255.0) as i32;
            prop_assert!((i32::from(byte) - expected).abs() <= BYTE, "{i}: {byte} and {expected}");
        }
    }
}
