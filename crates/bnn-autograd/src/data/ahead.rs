//! An iterator that runs ahead on a thread of its own, a bounded number of items far.

use std::any::Any;
use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

/// The items of an iterator, in its order. Dropped early, it waits for the item being made, and no
/// longer.
#[derive(Debug)]
pub(super) struct Ahead<T> {
    /// `None` once the worker has been told that nobody listens.
    items: Option<Receiver<T>>,
    worker: Option<JoinHandle<()>>,
}

/// The message of a panic on the worker.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Panicked(pub(super) String);

impl<T: Send + 'static> Ahead<T> {
    /// Starts a thread that makes items until `queue` wait, and one more is in the making.
    pub(super) fn spawn(
        items: impl Iterator<Item = T> + Send + 'static,
        queue: usize,
    ) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(queue);
        let work = move || {
            for item in items {
                // The receiver is gone: nobody wants the rest.
                if sender.send(item).is_err() {
                    return;
                }
            }
        };
        let worker = Builder::new().name("bnn-batches".to_owned()).spawn(work)?;
        Ok(Self {
            items: Some(receiver),
            worker: Some(worker),
        })
    }
}

impl<T> Ahead<T> {
    /// Waits for the worker to end; what it panicked with, the first time that is asked.
    fn join(&mut self) -> Option<Panicked> {
        // First, or a worker that waits for room would wait for ever.
        self.items = None;
        let panic = self.worker.take()?.join().err()?;
        Some(Panicked(message(panic.as_ref())))
    }
}

impl<T> Iterator for Ahead<T> {
    type Item = Result<T, Panicked>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.items.as_ref()?.recv() {
            Ok(item) => Some(Ok(item)),
            Err(_) => self.join().map(Err),
        }
    }
}

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        // A panic that nobody waited for has been told on standard error.
        let _ = self.join();
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use std::sync::Arc;

    #[test]
    fn items_come_in_order_for_any_queue_and_then_no_more() {
        for queue in [0, 1, 2, 100] {
            let mut ahead = Ahead::spawn(0..20, queue).unwrap();
            let items: Vec<i32> = ahead.by_ref().map(Result::unwrap).collect();
            assert!(items.into_iter().eq(0..20));
            assert_eq!(ahead.next(), None);
        }
    }

    #[test]
    fn dropped_early_the_worker_ends_and_lets_go_of_what_it_held() {
        for (queue, taken) in [(0, 0), (0, 1), (1, 0), (3, 1), (3, 7)] {
            let held = Arc::new(());
            let endless = std::iter::repeat(Arc::clone(&held));
            let mut ahead = Ahead::spawn(endless, queue).unwrap();
            assert_eq!(ahead.by_ref().take(taken).count(), taken);
            drop(ahead);
            assert_eq!(Arc::strong_count(&held), 1);
        }
    }

    #[test]
    fn a_panic_arrives_once_behind_the_items_made_before() {
        let items = (0..).inspect(|item| assert!(*item < 3, "no item {item}"));
        let mut ahead = Ahead::spawn(items, 2).unwrap();
        for item in 0..3 {
            assert_eq!(ahead.next(), Some(Ok(item)));
        }
        assert_eq!(ahead.next(), Some(Err(Panicked("no item 3".to_owned()))));
        assert_eq!(ahead.next(), None);
    }

    #[test]
    fn dropping_after_a_panic_is_quiet() {
        let items = std::iter::from_fn(|| -> Option<()> { std::panic::panic_any(7) });
        let mut ahead = Ahead::spawn(items, 1).unwrap();
        let error = ahead.next().unwrap().unwrap_err();
        assert_eq!(error.0, "a panic without a message");
        drop(ahead);
    }
}
