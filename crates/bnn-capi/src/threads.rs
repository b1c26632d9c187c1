//! How many threads share large calls.

use crate::status::bnn_status_t;

export! {
    /// Sets how many threads share the work of large calls, of this process, from the next call on:
    /// `threads` of the library's own, or with 1 none but one for each thread that calls. Results
    /// do not depend on it. Calls that are running go on as they began.
    ///
    /// Without this call it is `RAYON_NUM_THREADS`, or by default one for each CPU. A build without
    /// `std` has no threads: there `threads` is 1.
    ///
    /// Errors: ZERO, RANGE (more than 1024, or than 1 without `std`), THREADS.
    pub fn bnn_set_num_threads(threads: usize) -> bnn_status_t {
        crate::shape::nonzero("threads", threads)?;
        crate::shape::at_most("threads", pool::MOST, threads)?;
        pool::set(threads)
    }
}

export! {
    /// How many threads share the work of large calls. Starts them where nothing did so before.
    pub fn bnn_num_threads() -> usize {
        Ok(pool::threads())
    }
}
