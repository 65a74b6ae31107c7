//! What comes after a batch: the next one, the same in halves, a row put aside, or the end. Pure.

use std::time::Duration;

use super::pace::Pace;

/// What came of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It is committed.
    Done {
        /// Rows in its range.
        rows: u32,
        /// How long it held its rows.
        took: Duration,
        /// There were no rows behind it when it was begun.
        last: bool,
    },
    /// Somebody else held its rows, or the server was too busy for it: it was taken back.
    Contention,
    /// The server refuses its rows, and would again: it was taken back.
    Refused {
        /// Rows in its range.
        rows: u32,
    },
    /// The one row that was refused is put aside, and the place behind it is saved.
    PutAside,
    /// There are no rows behind the place that was reached.
    Exhausted,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The rows behind the place that was reached, so many.
    Batch {
        /// At most so many.
        rows: u32,
        /// Not before that time is over.
        rest: Duration,
    },
    /// The one row behind the place goes on the list of bad rows.
    PutAside,
    /// All rows are done.
    Finish,
    /// It needs a person.
    GiveUp(GiveUp),
}

/// Why it needs a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// The same rows were held by others, time after time.
    Contention {
        /// So many times.
        attempts: u32,
    },
    /// Too many rows are refused.
    BadRows {
        /// So many.
        rows: u32,
    },
}

/// Where a backfill stands between two batches.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    pace: Pace,
    /// Rest after a batch, as a share of the time that it took.
    rest: f64,
    least_rest: Duration,
    most_attempts: u32,
    most_bad: u32,
    size: u32,
    attempts: u32,
    bad: u32,
}

impl Course {
    /// One that begins with batches of `size` rows, with so many bad rows so far.
    #[must_use]
    pub fn new(options: &super::Options, size: u32, bad: u32) -> Self {
        Self {
            pace: options.pace,
            rest: options.rest,
            least_rest: options.least_rest,
            most_attempts: options.attempts,
            most_bad: options.bad_rows,
            size: size.clamp(1, options.pace.ceiling),
            attempts: 0,
            bad,
        }
    }

    /// The first thing to do.
    #[must_use]
    pub fn begin(&self) -> Turn {
        Turn::Batch { rows: self.size, rest: Duration::ZERO }
    }

    /// How many rows the next batch takes.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.size
    }

    /// What to do after that.
    pub fn on(&mut self, event: Event) -> Turn {
        match event {
            // Others may add rows faster than we come back for them: a table that grows all the time has no end but this one. Rows
            // that come later are the business of whoever writes them, as they are after any other end.
            Event::Done { last: true, .. } => Turn::Finish,
            Event::Done { rows, took, last: false } => {
                self.attempts = 0;
                self.size = self.pace.after(rows, took);
                let rest = took.mul_f64(self.rest).max(self.least_rest);
                Turn::Batch { rows: self.size, rest }
            }
            Event::Contention => {
                self.attempts += 1;
                if self.attempts >= self.most_attempts {
                    return Turn::GiveUp(GiveUp::Contention { attempts: self.attempts });
                }
                self.size = (self.size / 2).max(1);
                let rest = Duration::from_millis(50) * 2_u32.pow(self.attempts.min(6));
                Turn::Batch { rows: self.size, rest }
            }
            Event::Refused { rows } if rows > 1 => {
                self.size = (rows / 2).max(1);
                Turn::Batch { rows: self.size, rest: Duration::ZERO }
            }
            Event::Refused { .. } if self.bad >= self.most_bad => {
                Turn::GiveUp(GiveUp::BadRows { rows: self.bad + 1 })
            }
            Event::Refused { .. } => Turn::PutAside,
            Event::PutAside => {
                self.bad += 1;
                Turn::Batch { rows: self.size, rest: Duration::ZERO }
            }
            Event::Exhausted => Turn::Finish,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backfill::Options;

    fn course() -> Course {
        let options = Options {
            pace: Pace { target: Duration::from_millis(100), floor: 1, ceiling: 1_000 },
            attempts: 3,
            bad_rows: 1,
            rest: 0.5,
            least_rest: Duration::ZERO,
            ..Options::default()
        };
        Course::new(&options, 100, 0)
    }

    #[test]
    fn a_good_batch_is_followed_by_one_of_a_fitting_size_after_a_rest() {
        let turn = course().on(Event::Done { rows: 100, took: Duration::from_millis(200), last: false });
        assert_eq!(turn, Turn::Batch { rows: 50, rest: Duration::from_millis(100) });
    }

    #[test]
    fn a_table_that_grows_all_the_time_has_an_end() {
        let done = Event::Done { rows: 7, took: Duration::from_millis(1), last: true };
        assert_eq!(course().on(done), Turn::Finish);
    }

    #[test]
    fn a_held_row_halves_and_waits_and_is_given_up_in_the_end() {
        let mut course = course();
        assert_eq!(course.on(Event::Contention), Turn::Batch { rows: 50, rest: Duration::from_millis(100) });
        assert_eq!(course.on(Event::Contention), Turn::Batch { rows: 25, rest: Duration::from_millis(200) });
        assert_eq!(course.on(Event::Contention), Turn::GiveUp(GiveUp::Contention { attempts: 3 }));
    }

    #[test]
    fn a_good_batch_forgets_the_attempts() {
        let mut course = course();
        course.on(Event::Contention);
        course.on(Event::Contention);
        course.on(Event::Done { rows: 25, took: Duration::from_millis(100), last: false });
        assert!(matches!(course.on(Event::Contention), Turn::Batch { .. }));
    }

    #[test]
    fn a_bad_row_is_found_by_halves_and_put_aside_until_there_are_too_many() {
        let mut course = course();
        let mut rows = 100;
        loop {
            match course.on(Event::Refused { rows }) {
                Turn::Batch { rows: next, .. } => rows = next,
                turn => {
                    assert_eq!((turn, rows), (Turn::PutAside, 1));
                    break;
                }
            }
        }
        assert_eq!(course.on(Event::PutAside), Turn::Batch { rows: 1, rest: Duration::ZERO });
        assert_eq!(course.on(Event::Refused { rows: 1 }), Turn::GiveUp(GiveUp::BadRows { rows: 2 }));
    }

    #[test]
    fn nothing_left_is_the_end() {
        assert_eq!(course().on(Event::Exhausted), Turn::Finish);
    }
}
