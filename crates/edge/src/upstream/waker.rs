//! A waker that does not wake the task that is running.
//!
//! The connection to the instance is polled by the request's own task. Its parts wake each other all the time (a body wants
//! more, a response is there); passing each of these on would schedule the task once more for nothing. So while the parts are
//! polled, wake-ups are only noted, and the poller goes round again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// How many times the parts are polled before the task lets others run.
const ROUNDS: usize = 16;

/// Stands between a connection's parts and the task that polls them.
#[derive(Debug, Default)]
pub(crate) struct HeldWaker {
    held: AtomicBool,
    woken: AtomicBool,
    outer: Mutex<Option<Waker>>,
}

/// The polling side of a [`HeldWaker`].
#[derive(Debug)]
pub(crate) struct Poller {
    shared: Arc<HeldWaker>,
    inner: Waker,
    /// The task that was registered last: most polls come from the same one again.
    outer: Option<Waker>,
}

impl Wake for HeldWaker {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

impl HeldWaker {
    /// Wakes the task, or has it go round again when it is running.
    pub(crate) fn ring(&self) {
        self.woken.store(true, Ordering::SeqCst);
        if !self.held.load(Ordering::SeqCst)
            && let Some(outer) = &*self.outer.lock().unwrap_or_else(PoisonError::into_inner)
        {
            outer.wake_by_ref();
        }
    }
}

impl Poller {
    pub(crate) fn new(shared: Arc<HeldWaker>) -> Self {
        Self { inner: Waker::from(Arc::clone(&shared)), shared, outer: None }
    }

    /// From here until the next poll, which has to follow at once, wake-ups are only noted.
    pub(crate) fn hold(&self) {
        self.shared.held.store(true, Ordering::Relaxed);
    }

    fn register(&mut self, outer: &Waker) {
        if self.outer.as_ref().is_none_or(|known| !known.will_wake(outer)) {
            *self.shared.outer.lock().unwrap_or_else(PoisonError::into_inner) = Some(outer.clone());
            self.outer = Some(outer.clone());
        }
    }

    /// Polls until it is ready or nothing has been woken any more.
    pub(crate) fn poll<T>(
        &mut self,
        outer: &Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.register(outer.waker());
        let mut context = Context::from_waker(&self.inner);
        let HeldWaker { held, woken, .. } = &*self.shared;
        // A wake-up that does not see this yet wakes the task once too often; it is not lost.
        held.store(true, Ordering::Relaxed);
        for _ in 0..ROUNDS {
            if woken.load(Ordering::Acquire) {
                woken.swap(false, Ordering::AcqRel);
            }
            let result = poll(&mut context);
            if result.is_ready() {
                held.store(false, Ordering::Release);
                return result;
            }
            if !woken.load(Ordering::Acquire) {
                break;
            }
        }
        held.store(false, Ordering::SeqCst);
        // Woken from elsewhere after the last look, or still busy after all rounds.
        if woken.load(Ordering::SeqCst) {
            outer.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn what_is_woken_while_polling_is_polled_again_without_waking_the_task() {
        let count = Arc::new(Count::default());
        let outer = Waker::from(Arc::clone(&count));
        let mut poller = Poller::new(Arc::default());
        let mut polls = 0;
        let result = poller.poll(&Context::from_waker(&outer), |context| {
            polls += 1;
            if polls < 3 {
                context.waker().wake_by_ref();
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        });
        assert_eq!((result, polls, count.0.load(Ordering::SeqCst)), (Poll::Ready(()), 3, 0));
        assert!(poller.poll(&Context::from_waker(&outer), |_| Poll::<()>::Pending).is_pending());
        poller.inner.wake_by_ref();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        poller.hold();
        poller.inner.wake_by_ref();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_never_settles_lets_others_run() {
        let count = Arc::new(Count::default());
        let outer = Waker::from(Arc::clone(&count));
        let mut poller = Poller::new(Arc::default());
        let result = poller.poll(&Context::from_waker(&outer), |context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(result.is_pending());
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }
}
