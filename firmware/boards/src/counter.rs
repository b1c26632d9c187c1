//! Instructions, counted by the emulator: with `-icount shift=6` each takes 64 ns of its time.

pub use board::Counter;

impl Counter {
    /// What `f` returns and about how many instructions it took, to some tens.
    #[inline(never)]
    pub fn count<R>(&mut self, f: impl FnOnce() -> R) -> (R, u32) {
        let before = self.now();
        let result = f();
        let after = self.now();
        (result, Self::instructions(before, after))
    }
}

#[cfg(target_arch = "arm")]
mod board {
    use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use cortex_m::peripheral::syst::SystClkSource;
    use cortex_m::peripheral::{Peripherals, SYST};

    /// The timer of every Cortex-M. It counts down, in 24 bits.
    pub struct Counter;

    /// The greatest number of the timer.
    const MOST: u32 = 0x00FF_FFFF;

    /// How often the timer has begun anew, while somebody counts it.
    static ROUNDS: AtomicU32 = AtomicU32::new(0);

    #[cortex_m_rt::exception]
    fn SysTick() {
        ROUNDS.store(ROUNDS.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Instructions of 64 ns in 256 ticks: of 62.5 ns on the micro:bit (16 MHz), 31.25 ns on MPS3
    /// (32 MHz), 40 ns on MPS2 (25 MHz).
    const OF_256_TICKS: u32 = if cfg!(all(armv6m, not(feature = "large"))) {
        250
    } else if cfg!(armv8m) {
        125
    } else {
        160
    };

    impl Counter {
        /// For what takes less than a round of the timer, 0.67 seconds on MPS2.
        pub fn start() -> Self {
            Self::with(|_| {})
        }

        /// For what takes up to 256 rounds: an interrupt counts them. (It takes some stack, now and
        /// then.)
        pub fn start_long() -> Self {
            Self::with(SYST::enable_interrupt)
        }

        fn with(set_up: impl FnOnce(&mut SYST)) -> Self {
            if let Some(mut peripherals) = Peripherals::take() {
                let timer = &mut peripherals.SYST;
                timer.set_clock_source(SystClkSource::Core);
                timer.set_reload(MOST);
                timer.clear_current();
                set_up(timer);
                timer.enable_counter();
            }
            Self
        }

        /// Ticks so far, rounds in the upper 8 bits.
        pub(super) fn now(&self) -> u32 {
            loop {
                let rounds = ROUNDS.load(Relaxed);
                let ticks = MOST - SYST::get_current();
                if ROUNDS.load(Relaxed) == rounds {
                    return rounds << 24 | ticks;
                }
            }
        }

        pub(super) fn instructions(before: u32, after: u32) -> u32 {
            let ticks = match after < before && ROUNDS.load(Relaxed) == 0 {
                true => after.wrapping_sub(before) & MOST, // nobody counts rounds
                false => after.wrapping_sub(before),
            };
            (ticks >> 8) * OF_256_TICKS + (((ticks & 0xFF) * OF_256_TICKS) >> 8)
        }
    }
}

#[cfg(target_arch = "riscv32")]
mod board {
    /// The counter of instructions that RISC-V cores have. With `-icount` the emulator has it count
    /// nanoseconds.
    pub struct Counter;

    impl Counter {
        pub fn start() -> Self {
            Self
        }

        /// The same: it counts to 67 million.
        pub fn start_long() -> Self {
            Self
        }

        pub(super) fn now(&self) -> u32 {
            riscv::register::minstret::read() as u32
        }

        pub(super) fn instructions(before: u32, after: u32) -> u32 {
            after.wrapping_sub(before) / 64
        }
    }
}
