//! How many threads share large calls.

use crate::status::bnn_status_t;

export! {
    /// Sets how many threads share the work of large calls of this process, from the next call on:
    /// `threads` of the library's own. With 1, the calling thread computes forward passes;
    /// gradients, and what a forward pass saves of its input, are computed by one further thread
    /// for each calling thread, which waits meanwhile. Results do not depend on the number. Calls
    /// that are running finish with the threads that they began with.
    ///
    /// By default it is `RAYON_NUM_THREADS`, or one thread for each CPU. A child process made by
    /// `fork` starts threads of its own, as many as its parent was told to use. A build without
    /// `std` has no threads: there `threads` is 1.
    ///
    /// Errors: ZERO, RANGE (more than 1024, or than 1 without `std`), THREADS, NO_MEMORY.
    pub fn bnn_set_num_threads(threads: usize) -> bnn_status_t {
        crate::shape::nonzero("threads", threads)?;
        crate::shape::at_most("threads", pool::MOST, threads)?;
        pool::set(threads)
    }
}

export! {
    /// The number of threads that share the work of large calls. Starts them if nothing has done so
    /// before. 0 if the system gives no threads.
    pub fn bnn_num_threads() -> usize {
        pool::threads()
    }
}

/// The library's own threads.
#[cfg(feature = "std")]
pub(crate) mod pool {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, PoisonError, RwLock};

    use bnn_core::internal::{WORTH_A_THREAD, single_threaded};
    use rayon::{ThreadPool, ThreadPoolBuilder};

    use crate::boundary::process::{OfProcess, PerProcess};
    use crate::error::Error;
    use crate::memory;
    use crate::status::bnn_status_t;

    /// The most threads that can be asked for.
    pub(crate) const MOST: usize = 1024;

    /// What starting a thread takes besides its stack, which the system maps or refuses: queues of
    /// tasks, thread-local variables, a name. Measured: 10 KiB.
    const BYTES_PER_THREAD: usize = 64 << 10;

    /// Word products from which on a call takes long enough that asking for its memory costs
    /// nothing.
    const LONG: usize = 16 * WORTH_A_THREAD;

    /// What a thread multiplies in.
    const WORKSPACE: usize = 1 << 20;

    /// The threads of a process.
    struct Team {
        /// How many were asked for; 0 for the default. Read without a lock by a child process, in
        /// which the lock below may be held for ever.
        wanted: AtomicUsize,
        /// `None` until the first large call.
        threads: RwLock<Option<Threads>>,
    }

    #[derive(Clone)]
    enum Threads {
        /// The calling one.
        One,
        Many(Arc<ThreadPool>),
    }

    impl Threads {
        fn len(&self) -> usize {
            match self {
                Threads::One => 1,
                Threads::Many(pool) => pool.current_num_threads(),
            }
        }
    }

    static TEAM: PerProcess<Team> = PerProcess::new();

    fn team() -> Result<&'static Team, Error> {
        TEAM.get(|parent| {
            let wanted = parent.map_or(0, |parent| parent.wanted.load(Ordering::Relaxed));
            Team {
                wanted: AtomicUsize::new(wanted),
                threads: RwLock::new(None),
            }
        })
    }

    impl Team {
        /// Its threads, which are started if they were not yet.
        fn threads(&self) -> Result<Threads, Error> {
            let known = self.threads.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(threads) = &*known {
                return Ok(threads.clone());
            }
            drop(known);
            let mut known = self.threads.write().unwrap_or_else(PoisonError::into_inner);
            // Another caller may have started them since.
            match &*known {
                Some(threads) => Ok(threads.clone()),
                None => {
                    let threads = start(self.wanted.load(Ordering::Relaxed))?;
                    Ok(known.insert(threads).clone())
                }
            }
        }
    }

    /// Starts `wanted` threads; 0 for the default.
    fn start(wanted: usize) -> Result<Threads, Error> {
        if wanted == 1 {
            return Ok(Threads::One);
        }
        let pool = build(wanted)?;
        Ok(match pool.current_num_threads() {
            1 => Threads::One,
            _ => Threads::Many(Arc::new(pool)),
        })
    }

    fn build(threads: usize) -> Result<ThreadPool, Error> {
        memory::available(threads.max(16) * BYTES_PER_THREAD)?;
        let built = ThreadPoolBuilder::new().num_threads(threads).build();
        built.map_err(|error| {
            let threads = match threads {
                0 => "threads".to_owned(),
                threads => format!("{threads} threads"),
            };
            Error::Refused {
                status: bnn_status_t::BNN_ERROR_THREADS,
                message: format!("{threads} could not be started: {error}"),
            }
        })
    }

    pub(crate) fn set(wanted: usize) -> Result<(), Error> {
        let (team, threads) = (team()?, start(wanted)?);
        let mut known = team.threads.write().unwrap_or_else(PoisonError::into_inner);
        team.wanted.store(wanted, Ordering::Relaxed);
        *known = Some(threads);
        Ok(())
    }

    pub(crate) fn threads() -> Result<usize, Error> {
        Ok(team()?.threads()?.len())
    }

    /// Does `work`, products or convolutions of `bnn-core` alone, of `words` word products: on the
    /// library's threads if sharing is worth it, else on the calling one, which also serves if the
    /// system gives no threads.
    #[inline]
    pub(crate) fn run_products(
        words: usize,
        work: impl FnOnce() -> Result<(), bnn_core::Error> + Send,
    ) -> Result<(), Error> {
        run_model(words, true, work)
    }

    /// Does `work`, the run of a model, as `run_products` does products. `grows` says whether it
    /// works in more memory than threads have by now.
    #[inline]
    pub(crate) fn run_model<E: Send>(
        words: usize,
        grows: bool,
        work: impl FnOnce() -> Result<(), E> + Send,
    ) -> Result<(), Error>
    where
        Error: From<E>,
    {
        let threads = match words >= WORTH_A_THREAD {
            true => team().and_then(Team::threads).unwrap_or(Threads::One),
            false => Threads::One,
        };
        if grows && words >= LONG {
            memory::available(threads.len() * WORKSPACE)?;
        }
        match threads {
            Threads::One => Ok(single_threaded(work)?),
            Threads::Many(pool) => Ok(pool.install(work)?),
        }
    }

    /// Does any other `work` on the library's threads. All work that may use `rayon` goes through
    /// here: outside of a pool it would start and use the global one, which does not survive a
    /// `fork`.
    pub(crate) fn run<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R, Error> {
        match team()?.threads()? {
            Threads::Many(pool) => Ok(pool.install(work)),
            Threads::One => OWN.with(|own| {
                let mut own = own.borrow_mut();
                if let Some(pool) = own.as_ref().and_then(OfProcess::get) {
                    return Ok(pool.install(work));
                }
                let pool = build(1)?;
                let done = pool.install(work);
                *own = Some(OfProcess::new(pool));
                Ok(done)
            }),
        }
    }

    thread_local! {
        /// With one thread, callers must not wait for each other: each has a pool of one thread,
        /// which works while its caller waits. (A pool that the calling thread itself is in would
        /// never be freed.)
        static OWN: RefCell<Option<OfProcess<ThreadPool>>> = const { RefCell::new(None) };
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

    pub(crate) fn threads() -> Result<usize, Error> {
        Ok(1)
    }

    pub(crate) fn run_products(
        _: usize,
        work: impl FnOnce() -> Result<(), bnn_core::Error>,
    ) -> Result<(), Error> {
        Ok(work()?)
    }
}
