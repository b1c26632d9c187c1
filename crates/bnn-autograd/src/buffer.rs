//! The memory of tensors. A large buffer that is no longer used is kept for the next tensor of its
//! size, because a training step needs the same sizes again and again, and fresh memory costs more
//! than most operations: a page fault for every 4 KiB.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, TryLockError};

/// The allocator serves smaller buffers quickly, so only buffers of this size and above are kept.
const LEAST_BYTES: usize = 32 << 10;

/// The most bytes that are kept for each element type; the buffers returned first are freed first.
const MOST_BYTES: usize = 256 << 20;

/// Elements whose memory returns to the [`Pool`] of their type.
#[derive(PartialEq)]
pub(crate) struct Buffer<T: Pooled>(Vec<T>);

impl<T: Pooled> Buffer<T> {
    pub(crate) fn new(elements: Vec<T>) -> Self {
        ALIVE.with(|alive| alive.set(alive.get().add(size_of_val(&elements[..]))));
        Self(elements)
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.0
    }

    pub(crate) fn into_vec(mut self) -> Vec<T> {
        self.forget();
        std::mem::take(&mut self.0)
    }

    /// Counts its bytes no more.
    fn forget(&self) {
        ALIVE.with(|alive| alive.set(alive.get().remove(size_of_val(&self.0[..]))));
    }
}

impl<T: Pooled> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Pooled> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        let mut copy = take_buffer(self.len());
        copy.copy_from_slice(self);
        Self::new(copy)
    }
}

impl<T: Pooled> Drop for Buffer<T> {
    fn drop(&mut self) {
        self.forget();
        T::pool().give(std::mem::take(&mut self.0));
    }
}

/// Bytes of the buffers that a thread has made and that are alive.
#[derive(Clone, Copy, Debug)]
struct Alive {
    /// Less than 0 if it dropped buffers of other threads.
    now: isize,
    peak: isize,
}

impl Alive {
    fn add(self, bytes: usize) -> Self {
        let now = self.now.wrapping_add_unsigned(bytes);
        let peak = self.peak.max(now);
        Self { now, peak }
    }

    fn remove(self, bytes: usize) -> Self {
        let now = self.now.wrapping_sub_unsigned(bytes);
        Self { now, ..self }
    }
}

thread_local! {
    static ALIVE: Cell<Alive> = const { Cell::new(Alive { now: 0, peak: 0 }) };
}

/// The result of `body`, and how many bytes more were alive at its peak than before, in buffers
/// that this thread made. It does not see a peak of a call inside `body`.
#[cfg(any(test, all(feature = "data", feature = "checkpoint")))]
pub fn peak_of<R>(body: impl FnOnce() -> R) -> (R, usize) {
    let before = ALIVE.get().now;
    ALIVE.set(Alive {
        now: before,
        peak: before,
    });
    let result = body();
    let more = ALIVE.get().peak.wrapping_sub(before);
    (result, usize::try_from(more).unwrap_or(0))
}

/// `len` elements of any value, for callers that write all of them.
pub(crate) fn take_buffer<T: Pooled>(len: usize) -> Vec<T> {
    T::pool()
        .take(len)
        .unwrap_or_else(|| vec![T::default(); len])
}

/// An element type with a [`Pool`] of its own.
pub trait Pooled: Copy + Default + 'static {
    /// The pool that the buffers of this type return to.
    fn pool() -> &'static Pool<Self>;
}

macro_rules! pooled {
    ($($t:ty),+) => {$(
        impl Pooled for $t {
            fn pool() -> &'static Pool<Self> {
                static POOL: Pool<$t> = Pool::new();
                &POOL
            }
        }
    )+};
}

pooled!(f32, f64, i16, i32);

/// Unused buffers, ready to be taken again.
#[derive(Debug)]
pub struct Pool<T>(Mutex<Waiting<T>>);

#[derive(Debug)]
struct Waiting<T> {
    /// In the order in which they were returned.
    buffers: VecDeque<Vec<T>>,
    bytes: usize,
}

impl<T> Pool<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Waiting {
            buffers: VecDeque::new(),
            bytes: 0,
        }))
    }

    /// `None` if another thread is at it. Nobody waits here: in a child process made by `fork` that
    /// thread may not exist, and would never be done.
    fn waiting(&self) -> Option<MutexGuard<'_, Waiting<T>>> {
        match self.0.try_lock() {
            Ok(waiting) => Some(waiting),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn take(&self, len: usize) -> Option<Vec<T>> {
        if len * size_of::<T>() < LEAST_BYTES {
            return None;
        }
        let mut waiting = self.waiting()?;
        // The buffer that was used last is the most likely one to be in the cache.
        let index = waiting
            .buffers
            .iter()
            .rposition(|buffer| buffer.len() == len)?;
        let buffer = waiting.buffers.remove(index)?;
        waiting.bytes -= size_of_val(&buffer[..]);
        Some(buffer)
    }

    fn give(&self, buffer: Vec<T>) {
        let bytes = size_of_val(&buffer[..]);
        // A buffer with spare capacity would keep more memory than is counted.
        if !(LEAST_BYTES..=MOST_BYTES).contains(&bytes) || buffer.capacity() != buffer.len() {
            return;
        }
        let mut dropped = Vec::new();
        let Some(mut waiting) = self.waiting() else {
            return;
        };
        waiting.bytes += bytes;
        waiting.buffers.push_back(buffer);
        while waiting.bytes > MOST_BYTES {
            let Some(first) = waiting.buffers.pop_front() else {
                break;
            };
            waiting.bytes -= size_of_val(&first[..]);
            dropped.push(first);
        }
        // Freed after the lock, so that no other thread waits for it.
        drop(waiting);
        drop(dropped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Elements of the smallest buffer that is kept.
    const LEAST: usize = LEAST_BYTES / size_of::<u64>();

    fn bytes(pool: &Pool<u64>) -> usize {
        pool.waiting().map_or(0, |waiting| waiting.bytes)
    }

    #[test]
    fn the_peak_counts_what_is_alive_at_once() {
        let buffer = |len| Buffer::new(vec![0_f32; len]);
        let old = buffer(1000);
        let (kept, peak) = peak_of(|| {
            drop(buffer(10));
            let kept = buffer(20);
            let other = kept.clone();
            drop(other.into_vec());
            drop(old);
            kept
        });
        assert_eq!((kept.len(), peak), (20, 4 * 40));
        let (_, peak) = peak_of(|| drop(buffer(5)));
        assert_eq!(peak, 4 * 5);
    }

    #[test]
    fn a_pool_that_another_thread_holds_is_not_waited_for() {
        let pool = Pool::new();
        pool.give(vec![7_u64; LEAST]);
        let held = pool.waiting();
        assert_eq!(pool.take(LEAST), None);
        pool.give(vec![8_u64; LEAST]);
        drop(held);
        assert_eq!(pool.take(LEAST), Some(vec![7; LEAST]));
        assert_eq!(pool.take(LEAST), None);
    }

    #[test]
    fn a_buffer_is_used_again_for_the_same_number_of_elements_only() {
        let pool = Pool::new();
        pool.give(vec![7_u64; LEAST]);
        assert_eq!(pool.take(LEAST + 1), None);
        assert_eq!(pool.take(LEAST), Some(vec![7; LEAST]));
        assert_eq!(pool.take(LEAST), None);
        assert_eq!(bytes(&pool), 0);
    }

    #[test]
    fn small_buffers_and_those_with_room_are_not_kept() {
        let pool = Pool::new();
        pool.give(vec![7_u64; LEAST - 1]);
        let mut roomy = Vec::with_capacity(2 * LEAST);
        roomy.resize(LEAST, 7_u64);
        pool.give(roomy);
        assert_eq!(bytes(&pool), 0);
    }

    #[test]
    fn what_is_kept_has_a_bound_and_the_oldest_go_first() {
        let pool = Pool::new();
        let quarter = MOST_BYTES / size_of::<u64>() / 4;
        pool.give(vec![0_u64; LEAST]);
        for _ in 0..4 {
            pool.give(vec![0_u64; quarter]);
        }
        assert_eq!(bytes(&pool), MOST_BYTES);
        assert_eq!(pool.take(LEAST), None);
    }
}
