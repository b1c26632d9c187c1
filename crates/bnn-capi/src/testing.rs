//! What several tests need.

/// Multiples of 1/8 from -2 to 2, zeros of both signs among them; the same in every run. Products
/// of a few of them, and sums of thousands of those, are exact in `f32`.
pub(crate) fn eighths(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let numbers = std::iter::repeat_with(|| {
        // xorshift32, Marsaglia 2003.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        match state % 11 {
            0 => -0.0,
            1 => 0.0,
            _ => ((state >> 8) % 33) as f32 / 8.0 - 2.0,
        }
    });
    numbers.take(count).collect()
}

/// The sign law, said once more.
pub(crate) fn sign(x: f32) -> f32 {
    if x >= 0.0 { 1.0 } else { -1.0 }
}
