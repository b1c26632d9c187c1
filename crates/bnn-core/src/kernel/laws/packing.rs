//! Every instruction set packs, unpacks and transposes by the definition, element by element, for
//! every length around its vectors and words, and writes nothing else.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Debug;

use crate::kernel::Kernel;
use crate::kernel::arch::portable;
use crate::kernel::packing::Packing;
use crate::shape::row_words;

/// What this CPU can run; plain Rust also where no kernel takes it.
fn all() -> impl Iterator<Item = (&'static str, &'static Packing)> {
    let plain = [("plain", &portable::pack::PACKING)].into_iter();
    plain.chain(Kernel::available().map(|kernel| (kernel.isa().name(), kernel.packing())))
}

/// More than three words, so that words follow each other and vectors of all widths end in between.
const LENGTHS: core::ops::RangeInclusive<usize> = 0..=260;
const GUARD: u64 = 0x5EED_5EED_5EED_5EED;

/// The words that `write` makes of `len` words, each of them dirty before, between guard words.
fn guarded(len: usize, write: impl FnOnce(&mut [u64])) -> Vec<u64> {
    let mut words = vec![GUARD; len + 16];
    write(&mut words[8..8 + len]);
    let outside = words[..8].iter().chain(&words[8 + len..]);
    assert!(outside.into_iter().all(|&w| w == GUARD), "written outside");
    words[8..8 + len].to_vec()
}

/// The bit law, bit by bit.
fn bits(plus: impl Iterator<Item = bool>, n: usize) -> Vec<u64> {
    let mut words = vec![0; row_words(n)];
    for (j, plus) in plus.enumerate() {
        words[j / 64] |= u64::from(plus) << (j % 64);
    }
    words
}

/// A row of every length, from every start within a vector's elements.
fn rows<T>(values: &[T]) -> impl Iterator<Item = &[T]> {
    LENGTHS.flat_map(move |n| [0, 1, 3].map(move |start| &values[start..start + n]))
}

/// Values that repeat with a period that no vector or word has, so that each meets every lane.
fn cycled<T: Copy>(values: &[T], period: usize) -> Vec<T> {
    let steps = (0..period).map(|i| (i * i + i / 3) % values.len());
    let period: Vec<T> = steps.map(|i| values[i]).collect();
    period.into_iter().cycle().take(300).collect()
}

fn packs_by_the_sign_law<T: Copy + PartialOrd + Default + Debug>(
    values: &[T],
    function: impl Fn(&'static Packing) -> fn(&[T], &mut [u64]),
) {
    for (name, packing) in all() {
        for period in [values.len(), 61, 257] {
            for x in rows(&cycled(values, period)) {
                let expected = bits(x.iter().map(|&x| x >= T::default()), x.len());
                let packed = guarded(row_words(x.len()), |bits| function(packing)(x, bits));
                assert_eq!(packed, expected, "{name} {x:?}");
            }
        }
    }
}

#[test]
fn f32_packs_by_the_sign_law() {
    let tiny = f32::from_bits(1);
    let edges = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    let small = [0.0, -0.0, tiny, -tiny, f32::MIN_POSITIVE, -1.5, 2.0];
    // A signalling NaN of either sign.
    let signalling = [0x7F80_0001, 0xFF80_0001].map(f32::from_bits);
    packs_by_the_sign_law(&[&edges[..], &small, &signalling].concat(), |packing| {
        packing.f32
    });
}

#[test]
fn f64_packs_by_the_sign_law() {
    let tiny = f64::from_bits(1);
    let edges = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    // The last two vanish as f32.
    let small = [0.0, -0.0, tiny, -tiny, -1.5, 2.0, 1e-300, -1e-300];
    packs_by_the_sign_law(&[&edges[..], &small].concat(), |packing| packing.f64);
}

#[test]
fn i8_packs_by_the_sign_law() {
    let values: Vec<i8> = (i8::MIN..=i8::MAX).collect();
    packs_by_the_sign_law(&values, |packing| packing.i8);
    packs_by_the_sign_law(&[i8::MIN, -1, 0, 1, i8::MAX], |packing| packing.i8);
}

#[test]
fn bytes_pack_by_their_threshold() {
    let values: Vec<u8> = (0..=u8::MAX).collect();
    for (name, packing) in all() {
        for threshold in [0, 1, 2, 127, 128, 129, 200, 254, 255] {
            for x in rows(&cycled(&values, 257)) {
                let expected = bits(x.iter().map(|&x| x >= threshold), x.len());
                let packed = guarded(row_words(x.len()), |bits| {
                    (packing.at_least)(x, threshold, bits);
                });
                assert_eq!(packed, expected, "{name} {threshold} {x:?}");
            }
        }
    }
}

#[test]
fn bytes_split_into_their_bits() {
    let values: Vec<u8> = (0..=u8::MAX).collect();
    for (name, packing) in all() {
        for depth in 1..=8_u8 {
            for x in rows(&cycled(&values, 257)) {
                let plane = |b: u8| bits(x.iter().map(move |&x| x >> b & 1 == 1), x.len());
                let expected: Vec<u64> = (0..depth).flat_map(plane).collect();
                let planes = guarded(expected.len(), |planes| (packing.split)(x, planes));
                assert_eq!(planes, expected, "{name} {depth} {x:?}");
            }
        }
    }
}

fn unpacks<T: Copy + PartialEq + Debug>(
    [minus, plus, guard]: [T; 3],
    function: impl Fn(&'static Packing) -> fn(&[u64], &mut [T]),
) {
    for (name, packing) in all() {
        for signs in rows(&cycled(&[true, false, false, true, true], 257)) {
            for start in 0..3 {
                let n = signs.len();
                let mut x = vec![guard; start + n + 16];
                function(packing)(&bits(signs.iter().copied(), n), &mut x[start..start + n]);
                let (before, rest) = x.split_at(start);
                let (x, after) = rest.split_at(n);
                assert!(
                    before.iter().chain(after).all(|&x| x == guard),
                    "{name} {n}"
                );
                let expected = signs.iter().map(|&sign| if sign { plus } else { minus });
                assert!(x.iter().copied().eq(expected), "{name} {signs:?} {x:?}");
            }
        }
    }
}

#[test]
fn bits_unpack_to_plus_and_minus_one() {
    unpacks([-1.0, 1.0, 7.0], |packing| packing.unpack_f32);
    unpacks([-1.0, 1.0, 7.0], |packing| packing.unpack_f64);
    unpacks([-1, 1, 7], |packing| packing.unpack_i8);
}

#[test]
fn transposing_moves_every_element_and_writes_nothing_else() {
    // Around a block, and around the widest group of blocks (8).
    const SIZES: [usize; 9] = [1, 2, 63, 64, 65, 130, 511, 513, 600];
    for (name, packing) in all() {
        for (rows, cols) in SIZES.iter().flat_map(|&r| SIZES.map(|c| (r, c))) {
            let at = |r: usize, c: usize| (r * r + 3 * c * c + r * c / 5) % 7 < 3;
            let from: Vec<u64> = (0..rows)
                .flat_map(|r| bits((0..cols).map(|c| at(r, c)), cols))
                .collect();
            let expected: Vec<u64> = (0..cols)
                .flat_map(|c| bits((0..rows).map(|r| at(r, c)), rows))
                .collect();
            let transposed = guarded(expected.len(), |to| {
                (packing.transpose)(&from, row_words(cols), to, row_words(rows));
            });
            assert!(transposed == expected, "{name} {rows} {cols}");
        }
    }
}
