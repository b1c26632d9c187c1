//! What the CPU has.

/// Whether the CPU has the named target features, which it is asked for.
macro_rules! cpu_has {
    ($($feature:tt),+) => {
        $(std::arch::is_x86_feature_detected!($feature))&&+
    };
}
pub(super) use cpu_has;
