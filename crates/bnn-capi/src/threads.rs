//! How many threads share large calls.

use crate::status::bnn_status_t;

export! {
    /// Sets how many threads share the work of large calls, of this process, from the next call on:
    /// `threads` of the library's own. With 1 a forward pass is computed on the thread that calls;
    /// what is saved of an input, and gradients, on one more for each thread that calls, which works
    /// while its caller waits. Results do not depend on it. Calls that are running go on as they began.
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

/// The threads that were chosen.
#[cfg(feature = "std")]
pub(crate) mod pool {
    use std::cell::OnceCell;
    use std::sync::{Arc, PoisonError, RwLock};

    use bnn_core::internal::WORTH_A_THREAD;
    use bnn_core::single_threaded;
    use rayon::{ThreadPool, ThreadPoolBuilder};

    use crate::error::Error;
    use crate::status::bnn_status_t;

    /// The most threads that can be asked for.
    pub(crate) const MOST: usize = 1024;

    #[derive(Clone)]
    enum Choice {
        /// Those of rayon's global pool.
        None,
        One,
        Pool(Arc<ThreadPool>),
    }

    static CHOICE: RwLock<Choice> = RwLock::new(Choice::None);

    thread_local! {
        /// With one thread, callers must not wait for each other: each has a pool of one thread,
        /// which works while its caller waits. (A pool that the caller itself is in would never be freed.)
        static OWN: OnceCell<ThreadPool> = const { OnceCell::new() };
    }

    fn choice() -> Choice {
        CHOICE
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn build(threads: usize) -> Result<ThreadPool, Error> {
        let built = ThreadPoolBuilder::new().num_threads(threads).build();
        built.map_err(|error| Error::Refused {
            status: bnn_status_t::BNN_ERROR_THREADS,
            message: format!("{threads} threads could not be started: {error}"),
        })
    }

    pub(crate) fn set(threads: usize) -> Result<(), Error> {
        let choice = match threads {
            1 => Choice::One,
            _ => Choice::Pool(Arc::new(build(threads)?)),
        };
        *CHOICE.write().unwrap_or_else(PoisonError::into_inner) = choice;
        Ok(())
    }

    pub(crate) fn threads() -> usize {
        match choice() {
            Choice::None => rayon::current_num_threads(),
            Choice::One => 1,
            Choice::Pool(pool) => pool.current_num_threads(),
        }
    }

    /// Does `work`, products or convolutions of `bnn-core` alone, of so many word products: on the
    /// calling thread where that is the choice, or sharing is not worth it.
    #[inline]
    pub(crate) fn run_products(
        words: usize,
        work: impl FnOnce() -> Result<(), bnn_core::Error> + Send,
    ) -> Result<(), Error> {
        let done = match words >= WORTH_A_THREAD {
            false => work(),
            true => match choice() {
                Choice::None => work(),
                Choice::One => single_threaded(work),
                Choice::Pool(pool) => pool.install(work),
            },
        };
        Ok(done?)
    }

    /// Does any other `work` where the chosen threads share it.
    pub(crate) fn run<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R, Error> {
        match choice() {
            Choice::None => Ok(work()),
            Choice::Pool(pool) => Ok(pool.install(work)),
            Choice::One => OWN.with(|own| {
                let pool = match own.get() {
                    Some(pool) => pool,
                    None => {
                        let pool = build(1)?;
                        own.get_or_init(|| pool)
                    }
                };
                Ok(pool.install(work))
            }),
        }
    }
}

/// The one thread that there is.
#[cfg(not(feature = "std"))]
pub(crate) mod pool {
    use crate::error::Error;

    pub(crate) const MOST: usize = 1;

    pub(crate) fn set(_: usize) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) fn threads() -> usize {
        1
    }
}
