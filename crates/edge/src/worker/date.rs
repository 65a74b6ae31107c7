//! The date that is written into a response whose instance gave none (RFC 9110, 6.6.1). Made anew with the tick's first
//! request, so that no other one asks for the time.

use std::cell::{Cell, RefCell};
use std::time::SystemTime;

use super::clock::Millis;

/// The text of the last tick that asked for it.
#[derive(Debug, Default)]
pub(crate) struct Date {
    text: RefCell<String>,
    made: Cell<Option<Millis>>,
}

impl Date {
    /// Gives the date in the form of RFC 9110, 5.6.7, to `write`.
    pub(crate) fn with<T>(&self, now: Millis, write: impl FnOnce(&str) -> T) -> T {
        if self.made.get() != Some(now) {
            *self.text.borrow_mut() = httpdate::fmt_http_date(wall_clock());
            self.made.set(Some(now));
        }
        write(&self.text.borrow())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the HTTP library asks for it in the same way for its own responses"
)]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_date() {
        let date = Date::default();
        for now in [0, 0, 500] {
            date.with(now, |text| {
                assert!(text.ends_with(" GMT") && httpdate::parse_http_date(text).is_ok(), "{text}");
            });
        }
    }
}
