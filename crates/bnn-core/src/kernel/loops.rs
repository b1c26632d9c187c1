//! Loops in plain Rust that are compiled once for each instruction set, so that the compiler makes
//! vectors of its width. For loops over numbers that no kernel has a function of its own for, as
//! those of training.

/// A loop to be compiled for each instruction set.
///
/// Only what is inlined into [`run`](Self::run) is compiled for it: mark it `#[inline(always)]`.
/// The compiler neither fuses nor reorders operations on floats, so that results are the same bits
/// on every instruction set.
pub trait Loop {
    /// What it returns.
    type Output;

    /// Runs it.
    fn run(self) -> Self::Output;
}

/// Runs a loop with the vectors of the kernel in use.
#[inline]
pub fn vectorised<L: Loop>(work: L) -> L::Output {
    // Other targets have their vectors in every build. An instruction set that is asked for and
    // absent is an error of the operations around the loop, which call kernels.
    #[cfg(all(bnn_x86, feature = "std"))]
    if let Ok(kernel) = super::types::Kernel::active() {
        return super::arch::x86_64::loops::run(kernel, work);
    }
    work.run()
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;

    struct Sum<'a>(&'a [f32], &'a mut [f32]);

    impl Loop for Sum<'_> {
        type Output = usize;

        #[inline(always)]
        fn run(self) -> usize {
            for (y, x) in self.1.iter_mut().zip(self.0) {
                *y = *y / 3.0 + x.sqrt() * *x;
            }
            self.0.len()
        }
    }

    #[test]
    fn a_loop_computes_the_same_bits_on_every_instruction_set() {
        for len in [0, 1, 7, 15, 16, 17, 100] {
            let numbers = |seed: u32| -> alloc::vec::Vec<f32> {
                let all = (0..len).map(|i| ((i * 7919 + seed) % 1013) as f32 / 7.0);
                all.collect()
            };
            let (x, mut plain) = (numbers(1), numbers(2));
            Sum(&x, &mut plain).run();
            #[cfg(all(bnn_x86, feature = "std"))]
            for kernel in crate::Kernel::available() {
                let mut y = numbers(2);
                let count = crate::kernel::arch::x86_64::loops::run(kernel, Sum(&x, &mut y));
                assert_eq!((count, &y), (x.len(), &plain), "{kernel:?}");
            }
            let mut y = numbers(2);
            assert_eq!((vectorised(Sum(&x, &mut y)), &y), (x.len(), &plain));
        }
    }
}
