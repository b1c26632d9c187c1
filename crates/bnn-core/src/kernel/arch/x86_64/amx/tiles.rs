//! The tile registers: configured on entry, released on drop.

use core::arch::asm;

/// Rows of a tile register, and weight rows or columns of one.
pub(super) const TILE: usize = 16;

/// The tile registers, each 16 rows of 64 bytes for as long as this lives. The compiler neither
/// uses nor knows them, so this module's code is their only user; no method of `Tiles` leaves
/// anything in them that a later call needs.
pub(super) struct Tiles(());

impl Tiles {
    pub(super) fn configure() -> Self {
        #[repr(C, align(64))]
        struct Config([u8; 64]);
        const CONFIG: Config = {
            let mut config = [0; 64];
            config[0] = 1;
            let mut tile = 0;
            while tile < 8 {
                config[16 + 2 * tile] = 64;
                config[48 + tile] = TILE as u8;
                tile += 1;
            }
            Config(config)
        };
        static IN_MEMORY: Config = CONFIG;
        // SAFETY: the instruction reads 64 bytes, which are there and a valid configuration, and
        // zeroes the tiles. Only kernels whose `supported` has found AMX come here.
        unsafe {
            asm!(
                "ldtilecfg [{}]",
                in(reg) IN_MEMORY.0.as_ptr(),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, readonly, preserves_flags),
            );
        }
        Self(())
    }
}

/// Releases the tiles, so that the system need not save them.
impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the tiles were configured, and no later code reads what they hold.
        unsafe {
            asm!(
                "tilerelease",
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, nomem, preserves_flags),
            );
        }
    }
}
