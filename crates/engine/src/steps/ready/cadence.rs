//! When a starting instance is probed again: soon enough that a deploy takes as long as the app's own start and not longer, and
//! seldom enough that asking takes nothing from the start of many.
//!
//! The pause grows with the time that was waited, so that the wait is a small part too long, however long the app takes. The
//! instances of a service start together: they share the asking, and the first that is well has the others asked at once.

use std::time::Duration;

use tokio::sync::watch;

use crate::ports::Clock;

/// The first pause between two probes of a starting instance, and between the good ones that are to confirm the first.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause while it starts, if `interval` is not shorter.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// A pause is this part of what was waited.
const PART: u32 = 32;
/// So many instances share the asking.
const SHARE: u32 = 8;

/// The instances of one service, which start together.
pub(super) struct Siblings {
    count: u32,
    first_well: watch::Sender<Option<Duration>>,
}

impl Siblings {
    pub(super) fn new(count: u32) -> Self {
        Self { count, first_well: watch::Sender::new(None) }
    }

    /// One of them is well.
    pub(super) fn well(&self, now: Duration) {
        self.first_well.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(now);
            is_first
        });
    }

    /// Waits for the turn of the nth of them, from 1, to be probed for the first time.
    pub(super) async fn turn(&self, clock: &dyn Clock, n: u32) {
        self.wait(clock, pause(Duration::ZERO, self.count) * (n - 1) / self.count.max(1)).await;
    }

    /// Waits until one that is not well, and starts since then, is to be probed again.
    pub(super) async fn until_next(&self, clock: &dyn Clock, began: Duration, interval: Duration) {
        let now = clock.elapsed();
        let first_well = *self.first_well.borrow();
        let pause = match first_well {
            None => pause(now.saturating_sub(began), self.count),
            Some(first) => pause(now.saturating_sub(first), 1),
        };
        self.wait(clock, pause.min(interval.max(FIRST_PAUSE))).await;
    }

    async fn wait(&self, clock: &dyn Clock, pause: Duration) {
        let mut first_well = self.first_well.subscribe();
        let known = first_well.borrow_and_update().is_some();
        tokio::select! {
            () = clock.sleep(pause) => {}
            Ok(()) = first_well.changed(), if !known => {}
        }
    }
}

/// Waits before a good probe is confirmed by another.
pub(super) async fn until_confirmation(clock: &dyn Clock) {
    clock.sleep(FIRST_PAUSE).await;
}

/// How long is paused after having waited so long for one of so many that share the asking.
fn pause(waited: Duration, sharing: u32) -> Duration {
    ((waited / PART).max(FIRST_PAUSE) * sharing.clamp(1, SHARE)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much later than it is well one instance is found to be.
    fn late(well_at: Duration) -> Duration {
        let mut now = Duration::ZERO;
        while now < well_at {
            now += pause(now, 1);
        }
        now - well_at
    }

    #[test]
    fn the_wait_is_a_small_part_too_long() {
        for ms in (0..60_000).step_by(7) {
            let well_at = Duration::from_millis(ms);
            let most = (well_at / PART).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            assert!(late(well_at) <= most, "well after {well_at:?}, seen {:?} later", late(well_at));
        }
    }

    #[test]
    fn many_share_the_asking_to_a_limit() {
        let waited = Duration::from_millis(640);
        assert_eq!(pause(waited, 0), Duration::from_millis(20));
        assert_eq!(pause(waited, 1), Duration::from_millis(20));
        assert_eq!(pause(waited, 3), Duration::from_millis(60));
        assert_eq!(pause(waited, 50), Duration::from_millis(160));
        assert_eq!(pause(waited * 10, 50), LONGEST_PAUSE);
    }

    /// A clock whose pauses never end.
    struct Still;

    #[async_trait::async_trait]
    impl Clock for Still {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            Duration::from_secs(5)
        }

        async fn sleep(&self, _: Duration) {
            std::future::pending::<()>().await;
        }
    }

    #[tokio::test]
    async fn the_first_that_is_well_ends_the_pauses_of_the_others_once() {
        let siblings = Siblings::new(3);
        let second = siblings.until_next(&Still, Duration::ZERO, Duration::from_secs(10));
        let third = siblings.turn(&Still, 3);
        let first = async { siblings.well(Duration::from_secs(5)) };
        tokio::join!(second, third, first);
        let again = siblings.until_next(&Still, Duration::ZERO, Duration::from_secs(10));
        tokio::select! {
            biased;
            () = again => panic!("it is asked again without a pause"),
            () = std::future::ready(()) => {}
        }
    }

    #[test]
    fn only_the_first_that_is_well_is_noted() {
        let siblings = Siblings::new(3);
        siblings.well(Duration::from_secs(1));
        siblings.well(Duration::from_secs(2));
        assert_eq!(*siblings.first_well.borrow(), Some(Duration::from_secs(1)));
    }
}
