//! In the place of `cpu_has` where the feature `std` is off, which would ask the CPU.

/// Whether the build was told that the CPU has the named target features.
macro_rules! cpu_has {
    ($($feature:tt),+) => {
        $(cfg!(target_feature = $feature))&&+
    };
}
pub(super) use cpu_has;
