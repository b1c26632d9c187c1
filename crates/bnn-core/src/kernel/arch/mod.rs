//! One file per instruction set, each with its `KERNEL`. `unsafe` lives here and nowhere else in
//! the crate.
//!
//! Without an allocator there are no panels, and the portable kernel, which reads canonical rows,
//! is the only one.

#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
#[expect(unsafe_code, reason = "vector intrinsics and target features")]
pub(super) mod avx2;
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
#[expect(unsafe_code, reason = "vector intrinsics and target features")]
pub(super) mod avx512;
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
#[expect(unsafe_code, reason = "a call into a function with target features")]
pub(super) mod popcnt;
pub(super) mod portable;
#[cfg(feature = "alloc")]
pub(super) mod scalar;

/// Whether the CPU has the named target features: asked at run time with `std`, else known from
/// what the build was told (`-C target-feature`).
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
macro_rules! cpu_has {
    ($($feature:tt),+) => {{
        #[cfg(feature = "std")]
        { $(std::arch::is_x86_feature_detected!($feature))&&+ }
        #[cfg(not(feature = "std"))]
        { $(cfg!(target_feature = $feature))&&+ }
    }};
}
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
use cpu_has;

/// Calls `$tile::<MR>` with as many rows as there are, for tiles generic over their row count.
/// More rows than the list has are a bug of the caller's and write nothing.
#[cfg(feature = "alloc")]
macro_rules! by_rows {
    ($rows:expr, $($mr:literal),+ => $tile:ident($panel:expr, $k:expr, $sums:expr)) => {
        match $rows.len() {
            $($mr => if let Some(rows) = $rows.first_chunk::<$mr>() {
                $tile::<$mr>(rows, $panel, $k, $sums)
            },)+
            _ => {}
        }
    };
}
#[cfg(feature = "alloc")]
use by_rows;

/// Makes the functions `signs` and `planes` of a kernel whose `mismatches` gives counts in vectors of
/// 64-bit lanes and whose `store` writes a panel's sums, from the instructions on such vectors.
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
macro_rules! vector_tiles {
    (
        features: $features:literal,
        rows: $($mr:literal),+,
        set1: $set1:ident,
        add: $add:ident,
        sub: $sub:ident,
        shift_left: $shift_left:ident,
    ) => {
        #[target_feature(enable = $features)]
        fn signs(rows: &[&[u64]], panel: &[u64], k: u32, sums: &mut [i32]) {
            super::by_rows!(rows, $($mr),+ => signs_of(panel, k, sums));
        }

        #[target_feature(enable = $features)]
        fn signs_of<const MR: usize>(
            rows: &[&[u64]; MR],
            panel: &[u64],
            k: u32,
            sums: &mut [i32],
        ) {
            let counts = mismatches(rows, panel);
            let k = $set1(k.into());
            let (sums, _) = sums.as_chunks_mut::<NR>();
            // Loops, because a closure handed to another function would be compiled without the
            // vector instructions that it uses.
            for (sums, mut counts) in sums.iter_mut().zip(counts) {
                for count in &mut counts {
                    *count = $sub(k, $add(*count, *count));
                }
                store(counts, sums);
            }
        }

        #[target_feature(enable = $features)]
        fn planes(rows: &[&[u64]], panel: &[u64], sums: &mut [i32]) {
            let (Some((zero, planes)), Some(sums)) =
                (rows.split_first(), sums.first_chunk_mut::<NR>())
            else {
                return;
            };
            let shift = |by: usize| core::arch::x86_64::_mm_cvtsi64_si128(by as i64);
            let [mut totals] = mismatches(&[zero], panel);
            for total in &mut totals {
                *total = $sub($shift_left(*total, shift(planes.len())), *total);
            }
            for (b, plane) in planes.iter().enumerate() {
                let [counts] = mismatches(&[plane], panel);
                for (total, count) in totals.iter_mut().zip(counts) {
                    *total = $sub(*total, $shift_left(count, shift(b)));
                }
            }
            store(totals, sums);
        }
    };
}
#[cfg(all(target_arch = "x86_64", feature = "alloc"))]
use vector_tiles;
