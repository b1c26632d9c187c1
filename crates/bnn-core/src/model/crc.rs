//! CRC-32 (IEEE 802.3, as in zip and PNG), by nibbles: a 64-byte table suits flash.

const TABLE: [u32; 16] = {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 16 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 4 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// A CRC-32 of which no byte has been seen.
pub(crate) const START: u32 = u32::MAX;

/// A CRC-32 after further bytes. In the end its complement is the checksum.
pub(crate) const fn further(crc: u32, bytes: &[u8]) -> u32 {
    const fn step(crc: u32, nibble: u8) -> u32 {
        crc >> 4 ^ TABLE[((crc as u8 ^ nibble) & 15) as usize]
    }
    let (mut bytes, mut crc) = (bytes, crc);
    while let [byte, after @ ..] = bytes {
        crc = step(step(crc, *byte), *byte >> 4);
        bytes = after;
    }
    crc
}

/// The CRC-32 of the given pieces, one after the other.
pub(super) const fn crc32(pieces: &[&[u8]]) -> u32 {
    let (mut pieces, mut crc) = (pieces, START);
    while let [piece, after @ ..] = pieces {
        crc = further(crc, piece);
        pieces = after;
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn the_standard_check_value_comes_out() {
        assert_eq!(crc32(&[b"123456789"]), 0xCBF4_3926);
        assert_eq!(crc32(&[b"1234", b"", b"56789"]), 0xCBF4_3926);
        assert_eq!(crc32(&[]), 0);
    }
}
