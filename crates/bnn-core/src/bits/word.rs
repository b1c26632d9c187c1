//! Words made of bits.

/// The lowest bits of up to 64 bytes, each 0 or 1, as bits of a word.
#[inline(always)]
pub(crate) fn gather<const BYTES: usize>(bytes: &[u8; BYTES]) -> u64 {
    let (groups, _) = bytes.as_chunks::<8>();
    groups.iter().rev().fold(0, |word, group| {
        // Byte i, at bit 8 * i, lands at bit 56 + i; no two products meet, so nothing is carried.
        let bits = u64::from_le_bytes(*group).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word << 8 | bits
    })
}
