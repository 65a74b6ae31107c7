//! Being told to stop, as each stream and WebSocket waits for it.

use tokio::sync::watch;

/// Resolves once the shop is told to stop. Clones wait each for themselves.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// The one who tells, and the one who waits.
    pub(crate) fn channel() -> (watch::Sender<bool>, Self) {
        let (teller, waiter) = watch::channel(false);
        (teller, Self(waiter))
    }

    /// Whether it is told already.
    pub(crate) fn is_told(&self) -> bool {
        *self.0.borrow()
    }

    pub(crate) async fn wait(&mut self) {
        // A teller that is gone tells nothing any more: that is the end too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
