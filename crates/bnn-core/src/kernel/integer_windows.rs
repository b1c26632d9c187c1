//! Windows over integers that are multiplied with the same weights.

/// Windows that are multiplied together, elements of each, sums of each, at most; room for the
/// elements of all, and for what kernels may read after them. Tests of this crate have the larger
/// sizes everywhere, those of other crates the smaller ones.
#[cfg(not(any(test, all(bnn_armv7em, feature = "int8"))))]
mod sizes {
    pub(crate) const WINDOWS: usize = 1;
    pub(crate) const LEN: usize = 28; // 3 x 3 pixels in colour
    pub(crate) const SUMS: usize = 64;
    pub(super) const ROOM: usize = LEN;
    pub(super) const SLACK: usize = 0;
}
#[cfg(any(test, all(bnn_armv7em, feature = "int8")))]
mod sizes {
    pub(crate) const WINDOWS: usize = 16;
    pub(crate) const LEN: usize = 144;
    pub(crate) const SUMS: usize = 32;
    pub(super) const ROOM: usize = 640;
    pub(super) const SLACK: usize = 8;
}
pub(crate) use sizes::{LEN, SUMS, WINDOWS};
use sizes::{ROOM, SLACK};

/// Some windows of the same length, at a distance from each other that may be less than it.
#[repr(C, align(4))]
pub(crate) struct IntegerWindows {
    elements: [i16; ROOM],
    len: usize,
    step: usize,
    count: usize,
}

impl IntegerWindows {
    /// None, which will be `step` apart.
    pub(crate) const fn new(step: usize) -> Self {
        Self {
            elements: [0; ROOM],
            len: 0,
            step,
            count: 0,
        }
    }

    /// How many windows of [`LEN`] elements there is room for, at most [`WINDOWS`].
    pub(crate) const fn most(&self) -> usize {
        let mut most = 1;
        while most < WINDOWS && most * self.step + LEN + SLACK <= ROOM {
            most += 1;
        }
        most
    }

    /// Makes room for windows of `len` elements, at most [`LEN`]; at most as many as
    /// [`most`](Self::most) says. Elements are any.
    pub(crate) fn place(&mut self, count: usize, len: usize) -> &mut [i16] {
        (self.count, self.len) = (count, len);
        let end = (count.saturating_sub(1) * self.step + len).min(ROOM);
        self.elements.get_mut(..end).unwrap_or_default()
    }

    #[cfg(not(all(bnn_armv7em, feature = "int8")))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[i16]> {
        (0..self.count).map(|i| {
            let at = i * self.step;
            self.elements.get(at..at + self.len).unwrap_or_default()
        })
    }

    /// Elements of a window.
    #[cfg(all(bnn_armv7em, feature = "int8"))]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Elements from window to window.
    pub(crate) const fn step(&self) -> usize {
        self.step
    }

    /// Number of windows, not more than lie in memory with [`SLACK`] elements after the last one.
    #[cfg(all(bnn_armv7em, feature = "int8"))]
    pub(crate) fn count(&self) -> usize {
        let mut count = self.count;
        while count > 0 && (count - 1) * self.step + self.len + SLACK > ROOM {
            count -= 1;
        }
        count
    }

    /// Where the windows lie, on a word.
    #[cfg(all(bnn_armv7em, feature = "int8"))]
    pub(crate) const fn as_ptr(&self) -> *const i16 {
        self.elements.as_ptr()
    }
}
