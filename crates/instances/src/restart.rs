//! When an instance is started again. Pure: what happened goes in, what is to be done comes out.
//!
//! - The first restart comes after 100 ms; the wait doubles with each further exit, to 10 s at most, or to 30 s once the
//!   instance has been up. A run of 10 s or more begins again at 100 ms.
//! - An instance has been up when it once ran for its whole start period. Before that, the third run in a row that ends
//!   within the start period is a crash loop. A deploy fails on it at once and stops the slot; where nobody stops it (the
//!   slot may have got its traffic within the start period), it is tried again every 30 s.
//! - A program that cannot be started at all is tried again every 30 s as well.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The wait before the first restart.
pub const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The longest wait of an instance that has not been up.
pub const LONGEST_STARTING: Duration = Duration::from_secs(10);
/// The longest wait of one that has been up, and the wait after a crash loop.
pub const LONGEST: Duration = Duration::from_secs(30);
/// A run this long lets the waits begin anew.
pub const STEADY: Duration = Duration::from_secs(10);
/// So many quick exits in a row are a crash loop.
pub const CRASH_LOOP: u32 = 3;

/// What is remembered between exits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Exits since the last steady run.
    pub exits: u32,
    /// Exits within the start period, in a row.
    pub quick_exits: u32,
    /// It once ran for its whole start period.
    pub was_up: bool,
}

/// What to do after an exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Start it again after this time.
    BackOff(Duration),
    /// It is a crash loop; try again only after this time.
    CrashLoop(Duration),
}

/// Decides after a run of this length; none: nobody saw how long it ran.
#[must_use]
pub fn after_exit(history: &History, ran: Option<Duration>, start_period: Duration) -> (History, Next) {
    let was_up = history.was_up || ran.is_none_or(|ran| ran >= start_period);
    let quick = ran.is_some_and(|ran| ran < start_period);
    let steady = ran.is_some_and(|ran| ran >= STEADY);
    let now = History {
        exits: if steady { 1 } else { history.exits.saturating_add(1) },
        quick_exits: if quick { history.quick_exits.saturating_add(1) } else { 0 },
        was_up,
    };
    if !was_up && now.quick_exits >= CRASH_LOOP {
        return (now, Next::CrashLoop(LONGEST));
    }
    let doublings = now.exits.saturating_sub(1).min(16);
    let longest = if was_up { LONGEST } else { LONGEST_STARTING };
    let delay = FIRST_DELAY.saturating_mul(1 << doublings).min(longest);
    (now, Next::BackOff(delay))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(5);

    fn run(history: &mut History, seconds: f64) -> Next {
        let (next, what) = after_exit(history, Some(Duration::from_secs_f64(seconds)), START);
        *history = next;
        what
    }

    #[test]
    fn the_third_quick_exit_is_a_crash_loop() {
        let mut history = History::default();
        assert_eq!(run(&mut history, 0.1), Next::BackOff(Duration::from_millis(100)));
        assert_eq!(run(&mut history, 0.1), Next::BackOff(Duration::from_millis(200)));
        assert_eq!(run(&mut history, 0.1), Next::CrashLoop(LONGEST));
        // Tried again and still not well: it stays one.
        assert_eq!(run(&mut history, 0.1), Next::CrashLoop(LONGEST));
    }

    #[test]
    fn one_that_was_up_is_started_for_ever_with_waits_up_to_the_longest() {
        let mut history = History::default();
        assert_eq!(run(&mut history, 6.0), Next::BackOff(FIRST_DELAY));
        let waits: Vec<Next> = (0..12).map(|_| run(&mut history, 0.0)).collect();
        assert_eq!(waits[0], Next::BackOff(FIRST_DELAY * 2));
        assert_eq!(waits[11], Next::BackOff(LONGEST));
        assert_eq!(run(&mut history, 10.0), Next::BackOff(FIRST_DELAY));
    }

    #[test]
    fn a_slow_run_between_quick_ones_begins_the_count_anew() {
        let long = Duration::from_secs(60);
        let mut history = History::default();
        for _ in 0..2 {
            history = after_exit(&history, Some(Duration::ZERO), long).0;
        }
        let (history, next) = after_exit(&history, Some(Duration::from_secs(20)), long);
        assert_eq!(next, Next::CrashLoop(LONGEST), "20 s of a start period of 60 s are a quick exit too");
        assert_eq!(history.exits, 1);
    }

    #[test]
    fn an_exit_that_nobody_saw_is_no_sign_of_a_crash_loop() {
        let mut history = History::default();
        for _ in 0..5 {
            let (next, what) = after_exit(&history, None, START);
            assert!(matches!(what, Next::BackOff(_)));
            history = next;
        }
    }
}
