//! One file per instruction set, each with its `KERNEL`. `unsafe` lives here and nowhere else in
//! the crate.

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector intrinsics and target features")]
pub(super) mod avx2;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector intrinsics and target features")]
pub(super) mod avx512;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "a call into a function with target features")]
pub(super) mod popcnt;
pub(super) mod portable;
pub(super) mod scalar;

/// Whether the CPU has the named target features: asked at run time with `std`, else known from
/// what the build was told (`-C target-feature`).
#[cfg(target_arch = "x86_64")]
macro_rules! cpu_has {
    ($($feature:tt),+) => {{
        #[cfg(feature = "std")]
        { $(std::arch::is_x86_feature_detected!($feature))&&+ }
        #[cfg(not(feature = "std"))]
        { $(cfg!(target_feature = $feature))&&+ }
    }};
}
#[cfg(target_arch = "x86_64")]
use cpu_has;

/// Calls `$tile::<MR>` with as many rows as there are, for tiles generic over their row count.
/// More rows than the list has are a bug of the caller's and write nothing.
macro_rules! by_rows {
    ($rows:expr, $($mr:literal),+ => $tile:ident($panel:expr, $counts:expr)) => {
        match $rows.len() {
            $($mr => if let Some(rows) = $rows.first_chunk::<$mr>() {
                $tile::<$mr>(rows, $panel, $counts)
            },)+
            _ => {}
        }
    };
}
use by_rows;
