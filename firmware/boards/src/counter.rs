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
    use cortex_m::peripheral::syst::SystClkSource;
    use cortex_m::peripheral::{Peripherals, SYST};

    /// The timer of every Cortex-M. It counts down, in 24 bits.
    pub struct Counter;

    /// Instructions of 64 ns in 256 ticks: of 62.5 ns on the micro:bit (16 MHz), 31.25 ns on MPS3
    /// (32 MHz), 40 ns on MPS2 (25 MHz).
    const OF_256_TICKS: u32 = if cfg!(armv6m) {
        250
    } else if cfg!(armv8m) {
        125
    } else {
        160
    };

    impl Counter {
        pub fn start() -> Self {
            if let Some(mut peripherals) = Peripherals::take() {
                let timer = &mut peripherals.SYST;
                timer.set_clock_source(SystClkSource::Core);
                timer.set_reload(0x00FF_FFFF);
                timer.clear_current();
                timer.enable_counter();
            }
            Self
        }

        pub(super) fn now(&self) -> u32 {
            SYST::get_current()
        }

        pub(super) fn instructions(before: u32, after: u32) -> u32 {
            let ticks = before.wrapping_sub(after) & 0x00FF_FFFF;
            // 24 bits and 8, after which 8 are dropped.
            (ticks * OF_256_TICKS) >> 8
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

        pub(super) fn now(&self) -> u32 {
            riscv::register::minstret::read() as u32
        }

        pub(super) fn instructions(before: u32, after: u32) -> u32 {
            after.wrapping_sub(before) / 64
        }
    }
}
