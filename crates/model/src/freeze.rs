//! Times in which nothing is deployed: `Fri 16:00..Mon 08:00 Europe/Berlin`, `2026-12-20..2027-01-02`.
//!
//! A window is said in the clock of its zone. Where that clock is put forward or back at an edge, the window is the longer of the
//! two that it could be.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// A time in which nothing is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct FreezeWindow {
    text: String,
    zone: String,
    when: When,
}

/// From when until when. The end is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum When {
    /// Each week.
    Weekly { from: Weekday, at: Time, days: i64, until: Time },
    /// Once.
    Once { from: DateTime, until: DateTime },
}

/// A text that is no such time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a freeze window")]
pub struct BadFreezeWindow;

impl FreezeWindow {
    /// The name of its time zone, as the IANA database has it.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// When the window that holds now ends; none when none does. `zone` is the one that [`Self::zone`] names.
    #[must_use]
    pub fn until(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let instant = |from: DateTime, until: DateTime| {
            let from = zone.to_ambiguous_timestamp(from).earlier().ok()?;
            let until = zone.to_ambiguous_timestamp(until).later().ok()?;
            (from <= now && now < until).then_some(until)
        };
        match &self.when {
            When::Once { from, until } => instant(*from, *until),
            When::Weekly { from, at, days, until } => {
                let today = zone.to_datetime(now).date();
                // One that began up to a week and a day ago can still hold; one day more for clocks that are put back.
                (-1..=9)
                    .filter_map(|back| today.checked_sub(Span::new().days(back)).ok())
                    .filter(|day| day.weekday() == *from)
                    .filter_map(|day| {
                        let last = day.checked_add(Span::new().days(*days)).ok()?;
                        instant(day.to_datetime(*at), last.to_datetime(*until))
                    })
                    .max()
            }
        }
    }
}

impl fmt::Display for FreezeWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl From<FreezeWindow> for String {
    fn from(window: FreezeWindow) -> Self {
        window.text
    }
}

impl TryFrom<String> for FreezeWindow {
    type Error = BadFreezeWindow;

    fn try_from(text: String) -> Result<Self, BadFreezeWindow> {
        text.parse()
    }
}

impl FromStr for FreezeWindow {
    type Err = BadFreezeWindow;

    fn from_str(text: &str) -> Result<Self, BadFreezeWindow> {
        let (from, rest) = text.split_once("..").ok_or(BadFreezeWindow)?;
        let from: Vec<&str> = from.split_whitespace().collect();
        let mut rest: Vec<&str> = rest.split_whitespace().collect();
        // The zone is the last word that is no time and not the day itself.
        let has_zone = rest.len() > 1 && rest.last().is_some_and(|word| time(word).is_none());
        let zone = if has_zone { rest.pop().unwrap_or("UTC") } else { "UTC" };
        if !is_zone(zone) {
            return Err(BadFreezeWindow);
        }
        let when = weekly(&from, &rest).or_else(|| once(&from, &rest)).ok_or(BadFreezeWindow)?;
        Ok(Self { text: text.trim().to_owned(), zone: zone.to_owned(), when })
    }
}

/// A day, and a time on it if one is given.
fn place<'t>(words: &[&'t str]) -> Option<(&'t str, Option<Time>)> {
    match words {
        [day] => Some((day, None)),
        [day, at] => Some((day, Some(time(at)?))),
        _ => None,
    }
}

fn weekly(from: &[&str], until: &[&str]) -> Option<When> {
    let ((from, at), (to, until)) = (place(from)?, place(until)?);
    let (from, to, at) = (weekday(from)?, weekday(to)?, at.unwrap_or(Time::midnight()));
    let mut days = i64::from((to.to_monday_zero_offset() - from.to_monday_zero_offset()).rem_euclid(7));
    let until = until.unwrap_or_else(|| {
        // A day without a time is in it as a whole.
        days += 1;
        Time::midnight()
    });
    if days == 0 && until <= at {
        days = 7;
    }
    Some(When::Weekly { from, at, days, until })
}

fn once(from: &[&str], until: &[&str]) -> Option<When> {
    let ((from, at), (to, until)) = (place(from)?, place(until)?);
    let from = date(from)?.to_datetime(at.unwrap_or(Time::midnight()));
    let to = date(to)?;
    let until = match until {
        Some(until) => to.to_datetime(until),
        None => to.checked_add(Span::new().days(1)).ok()?.to_datetime(Time::midnight()),
    };
    (from < until).then_some(When::Once { from, until })
}

fn weekday(word: &str) -> Option<Weekday> {
    match word {
        "Mon" => Some(Weekday::Monday),
        "Tue" => Some(Weekday::Tuesday),
        "Wed" => Some(Weekday::Wednesday),
        "Thu" => Some(Weekday::Thursday),
        "Fri" => Some(Weekday::Friday),
        "Sat" => Some(Weekday::Saturday),
        "Sun" => Some(Weekday::Sunday),
        _ => None,
    }
}

/// `08:00`
fn time(word: &str) -> Option<Time> {
    let (hour, minute) = word.split_once(':')?;
    let two = |text: &str| (text.len() == 2).then(|| text.parse().ok()).flatten();
    Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}

/// `2026-12-20`
fn date(word: &str) -> Option<Date> {
    let is_plain = word.len() == 10 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_plain.then(|| word.parse().ok()).flatten()
}

/// What a name in the IANA database looks like. Whether there is one only the machine's database can say.
fn is_zone(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && weekday(word).is_none()
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "/_+-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn until(window: &str, now: &str) -> Option<String> {
        let window: FreezeWindow = window.parse().unwrap();
        let zone = if window.zone() == "UTC" { TimeZone::UTC } else { berlin() };
        window.until(now.parse().unwrap(), &zone).map(|end| end.to_string())
    }

    #[test]
    fn windows_hold_from_their_beginning_until_before_their_end() {
        let weekend = "Fri 16:00..Mon 08:00 Europe/Berlin";
        // 2026-11-27 is a Friday; Berlin is an hour ahead.
        for (window, now, end) in [
            (weekend, "2026-11-27T14:59:59Z", None),
            (weekend, "2026-11-27T15:00:00Z", Some("2026-11-30T07:00:00Z")),
            (weekend, "2026-11-29T23:59:59Z", Some("2026-11-30T07:00:00Z")),
            (weekend, "2026-11-30T06:59:59Z", Some("2026-11-30T07:00:00Z")),
            (weekend, "2026-11-30T07:00:00Z", None),
            ("Sat..Sun", "2026-11-28T00:00:00Z", Some("2026-11-30T00:00:00Z")),
            ("Sat..Sun", "2026-11-27T23:59:59Z", None),
            ("Sat..Sun", "2026-11-30T00:00:00Z", None),
            ("Wed..Wed", "2026-11-25T12:00:00Z", Some("2026-11-26T00:00:00Z")),
            ("Wed 10:00..Wed 12:00", "2026-11-25T11:00:00Z", Some("2026-11-25T12:00:00Z")),
            ("Wed 10:00..Wed 12:00", "2026-11-25T12:00:00Z", None),
            // All of the week but two hours, and all of it.
            ("Wed 12:00..Wed 10:00", "2026-11-25T11:00:00Z", None),
            ("Wed 12:00..Wed 10:00", "2026-11-25T09:00:00Z", Some("2026-11-25T10:00:00Z")),
            ("Wed 12:00..Wed 10:00", "2026-11-25T12:00:00Z", Some("2026-12-02T10:00:00Z")),
            ("Wed 12:00..Wed 12:00", "2026-11-25T12:00:00Z", Some("2026-12-02T12:00:00Z")),
            ("2026-12-20..2027-01-02", "2026-12-19T23:59:59Z", None),
            ("2026-12-20..2027-01-02", "2026-12-20T00:00:00Z", Some("2027-01-03T00:00:00Z")),
            ("2026-12-20..2027-01-02", "2027-01-02T23:59:59Z", Some("2027-01-03T00:00:00Z")),
            ("2026-12-20..2027-01-02", "2027-01-03T00:00:00Z", None),
            (
                "2026-12-20 18:00..2026-12-21 06:00 Europe/Berlin",
                "2026-12-20T17:00:00Z",
                Some("2026-12-21T05:00:00Z"),
            ),
            ("2026-12-20 18:00..2026-12-21 06:00 Europe/Berlin", "2026-12-20T16:59:59Z", None),
        ] {
            assert_eq!(until(window, now).as_deref(), end, "{window} at {now}");
        }
    }

    #[test]
    fn where_the_clock_is_put_forward_or_back_the_window_is_the_longer_one() {
        // In Berlin 02:00 to 03:00 is not there on 2026-03-29, and is there twice on 2026-10-25. Both are Sundays.
        for (window, now, end) in [
            // An end that is not there is taken after the gap, a beginning before it.
            ("Sat 22:00..Sun 02:30 Europe/Berlin", "2026-03-29T01:29:59Z", Some("2026-03-29T01:30:00Z")),
            ("Sat 22:00..Sun 02:30 Europe/Berlin", "2026-03-29T01:30:00Z", None),
            ("Sun 02:30..Sun 06:00 Europe/Berlin", "2026-03-29T00:30:00Z", Some("2026-03-29T04:00:00Z")),
            ("Sun 02:30..Sun 06:00 Europe/Berlin", "2026-03-29T00:29:59Z", None),
            // An end that is there twice is the second, a beginning the first, and nothing between them is free.
            ("Sat 22:00..Sun 02:30 Europe/Berlin", "2026-10-25T00:45:00Z", Some("2026-10-25T01:30:00Z")),
            ("Sat 22:00..Sun 02:30 Europe/Berlin", "2026-10-25T01:30:00Z", None),
            ("Sun 02:30..Sun 06:00 Europe/Berlin", "2026-10-25T00:30:00Z", Some("2026-10-25T05:00:00Z")),
            ("Sun 02:30..Sun 06:00 Europe/Berlin", "2026-10-25T01:15:00Z", Some("2026-10-25T05:00:00Z")),
        ] {
            assert_eq!(until(window, now).as_deref(), end, "{window} at {now}");
        }
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in [
            "",
            "..",
            "Fri",
            "Fri 16:00",
            "Fri 16:00..",
            "..Mon",
            "Fri 16..Mon 08:00",
            "Fri 25:00..Mon 08:00",
            "Fri 16:00..2026-12-20",
            "fri..mon",
            "2026-12-20..2026-12-19",
            "2026-12-20 10:00..2026-12-20 10:00",
            "2026-13-01..2026-14-01",
            "Fri 16:00..Mon 08:00 Europe/Berlin UTC",
            "Fri..Mon ../etc",
            "Fri 16:00 Europe/Berlin..Mon 08:00",
            "Fri..Mon Tue",
        ] {
            assert_eq!(text.parse::<FreezeWindow>(), Err(BadFreezeWindow), "{text:?}");
        }
    }

    #[test]
    fn a_window_stays_itself_as_text() {
        let window: FreezeWindow = " Fri 16:00..Mon 08:00 Europe/Berlin ".parse().unwrap();
        assert_eq!(window.to_string(), "Fri 16:00..Mon 08:00 Europe/Berlin");
        let json = serde_json::to_string(&window).unwrap();
        assert_eq!(serde_json::from_str::<FreezeWindow>(&json).unwrap(), window);
    }
}
