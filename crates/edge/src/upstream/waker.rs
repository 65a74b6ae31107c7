//! A waker that does not wake the task that is running.
//!
//! The connection to the instance is polled by the request's own task. Its parts wake each other all the time (a body wants
//! more, a response is there); passing each of these on would schedule the task once more for nothing. So while the parts are
//! polled, wake-ups are only noted, and the poller goes round again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// How many times the parts are polled before the task lets others run.
const ROUNDS: usize = 16;

/// Stands between a connection's parts and the task that polls them.
#[derive(Debug, Default)]
pub(crate) struct HeldWaker {
    held: AtomicBool,
    woken: AtomicBool,
    outer: AtomicWaker,
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
        if !self.held.load(Ordering::SeqCst) {
            self.outer.wake();
        }
    }

    /// Polls until it is ready or nothing has been woken any more.
    pub(crate) fn poll_held<T>(
        &self,
        inner: &Waker,
        outer: &Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.outer.register(outer.waker());
        let mut context = Context::from_waker(inner);
        self.held.store(true, Ordering::SeqCst);
        for _ in 0..ROUNDS {
            self.woken.store(false, Ordering::SeqCst);
            let result = poll(&mut context);
            if result.is_ready() {
                self.held.store(false, Ordering::SeqCst);
                return result;
            }
            if !self.woken.load(Ordering::SeqCst) {
                break;
            }
        }
        self.held.store(false, Ordering::SeqCst);
        // Woken from elsewhere after the last look, or still busy after all rounds.
        if self.woken.load(Ordering::SeqCst) {
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
        let (count, held) = (Arc::new(Count::default()), Arc::new(HeldWaker::default()));
        let (outer, inner) = (Waker::from(Arc::clone(&count)), Waker::from(Arc::clone(&held)));
        let mut polls = 0;
        let result = held.poll_held(&inner, &Context::from_waker(&outer), |context| {
            polls += 1;
            if polls < 3 {
                context.waker().wake_by_ref();
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        });
        assert_eq!((result, polls, count.0.load(Ordering::SeqCst)), (Poll::Ready(()), 3, 0));
        assert!(held.poll_held(&inner, &Context::from_waker(&outer), |_| Poll::<()>::Pending).is_pending());
        inner.wake_by_ref();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_never_settles_lets_others_run() {
        let (count, held) = (Arc::new(Count::default()), Arc::new(HeldWaker::default()));
        let (outer, inner) = (Waker::from(Arc::clone(&count)), Waker::from(Arc::clone(&held)));
        let result = held.poll_held(&inner, &Context::from_waker(&outer), |context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(result.is_pending());
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }
}
