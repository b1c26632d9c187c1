//! Products of bytes with signs, by tables of partial sums: what a first layer on raw pixels takes
//! where bits are counted by arithmetic, and what rows of a few bytes take anywhere.
//!
//! Four bytes `a, b, c, d` times four signs are one of 16 sums. Of a table of them, four bits of a
//! row of weights choose one, so that an output takes a load and an addition for four bytes. Bit
//! planes ([`Planes`](crate::Planes)) would take a product of bits for each bit of a byte.
//!
//! A table holds `2 * (the bytes whose bit is set)`, which is not negative: two entries share a
//! word, and one addition makes both. The sum of signs is that less all bytes.

/// Bytes that a table is made of.
const QUAD: usize = 4;
/// Entries of a table.
const ENTRIES: usize = 1 << QUAD;
/// Tables at a time.
const TABLES: usize = 4;
/// Bytes, and bits of a row of weights, at a time.
const BYTES: usize = QUAD * TABLES;

/// Products that take their bytes as they come: those of one row with some rows of weights.
pub(crate) struct ByteTables<'s> {
    /// The rows of weights, 16 bits at a time.
    weights: &'s [u16],
    /// Elements of `weights` from a row to the next.
    stride: usize,
    sums: &'s mut [i32],
    /// The bytes that are yet to be multiplied, followed by zeros.
    bytes: [u8; BYTES],
    /// How many bytes have been taken so far.
    taken: usize,
}

impl<'s> ByteTables<'s> {
    /// For products with as many rows of weights, of `row_words` words each, as there are sums. A
    /// sum without a row means nothing.
    pub(crate) fn new(weights: &'s [u64], row_words: usize, sums: &'s mut [i32]) -> Self {
        sums.fill(0);
        Self {
            weights: bytemuck::cast_slice(weights),
            stride: row_words * (size_of::<u64>() / size_of::<u16>()),
            sums,
            bytes: [0; BYTES],
            taken: 0,
        }
    }

    /// Takes the next byte of the row.
    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        self.bytes[self.taken % BYTES] = byte;
        self.taken += 1;
        if self.taken.is_multiple_of(BYTES) {
            self.multiply();
        }
    }

    /// Brings the sums to an end: no byte comes any more.
    pub(crate) fn finish(mut self) {
        if !self.taken.is_multiple_of(BYTES) {
            self.multiply();
        }
    }

    /// Adds the products of the last bytes, up to a multiple of 16.
    #[inline(never)] // of two callers, and little code matters
    fn multiply(&mut self) {
        let mut tables = [0_u32; TABLES * ENTRIES / 2];
        let mut all = 0;
        let quads = self.bytes.as_chunks::<QUAD>().0;
        for (table, &[a, b, c, d]) in tables.as_chunks_mut().0.iter_mut().zip(quads) {
            let [a, b, c, d]: [u32; QUAD] = [a.into(), b.into(), c.into(), d.into()];
            all += a + b + c + d;
            *table = subset_sums(a, b, c, d);
        }
        let tables: &[u16; TABLES * ENTRIES] = bytemuck::cast_ref(&tables);
        let mut at = (self.taken - 1) / BYTES;
        for sum in self.sums.iter_mut() {
            let signs = usize::from(self.weights.get(at).copied().unwrap_or_default());
            at += self.stride;
            let of = |quad: usize| {
                let chosen = signs >> (QUAD * quad) & (ENTRIES - 1);
                i32::from(tables[ENTRIES * quad + chosen])
            };
            let plus = of(0) + of(1) + of(2) + of(3);
            *sum = sum.wrapping_add(plus - all.cast_signed());
        }
        self.bytes = [0; BYTES];
    }
}

/// Twice the sums of all subsets of four bytes, two of them in a word: bit `j` of an index says
/// whether byte `j` is in.
#[inline(always)]
fn subset_sums(a: u32, b: u32, c: u32, d: u32) -> [u32; ENTRIES / 2] {
    // In both halves of a word, but for `a`.
    let twice = 0x2_0002;
    let (b, c, d) = (b * twice, c * twice, d * twice);
    let t0 = a << 17;
    let t1 = t0 + b;
    let (t2, t3) = (t0 + c, t1 + c);
    [t0, t1, t2, t3, t0 + d, t1 + d, t2 + d, t3 + d]
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use alloc::vec;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_those_of_the_definition(
            bytes in prop::collection::vec(any::<u8>(), 1..150),
            words in prop::collection::vec(any::<u64>(), 3 * 40),
            outputs in 0_usize..40,
        ) {
            let stride = bytes.len().div_ceil(64);
            let mut sums = vec![7; outputs];
            let mut product = ByteTables::new(&words, stride, &mut sums);
            for &byte in &bytes {
                product.push(byte);
            }
            product.finish();
            for (sum, row) in sums.iter().zip(words.chunks(stride)) {
                let terms = bytes.iter().enumerate().map(|(i, &byte)| {
                    let plus = row[i / 64] >> (i % 64) & 1 == 1;
                    if plus { i32::from(byte) } else { -i32::from(byte) }
                });
                prop_assert_eq!(*sum, terms.sum::<i32>());
            }
        }
    }

    #[test]
    fn the_largest_bytes_fit_the_tables() {
        let weights = [u64::MAX, 0];
        let mut sums = [0; 2];
        let mut product = ByteTables::new(&weights, 1, &mut sums);
        (0..64).for_each(|_| product.push(u8::MAX));
        product.finish();
        assert_eq!(sums, [64 * 255, -64 * 255]);
    }
}
