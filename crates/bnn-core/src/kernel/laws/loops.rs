//! Loops that are compiled for each instruction set.

use crate::kernel::loops::Loop;
use crate::kernel::vectorised;
#[cfg(bnn_x86)]
use crate::kernel::{Kernel, arch};

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
        #[cfg(bnn_x86)]
        for kernel in Kernel::available() {
            let mut y = numbers(2);
            let count = arch::x86_64::loops::run(kernel, Sum(&x, &mut y));
            assert_eq!((count, &y), (x.len(), &plain), "{kernel:?}");
        }
        let mut y = numbers(2);
        assert_eq!((vectorised(Sum(&x, &mut y)), &y), (x.len(), &plain));
    }
}
