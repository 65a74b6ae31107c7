//! Times as people say them. The time zone and what time it is now come from outside.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How long something took: `3.0 ms`, `120 ms`, `1.2 s`, `2 min 5 s`, `3 h 20 min`, `4 days`.
pub fn took(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration.as_millis() < 10 => format!("{:.1} ms", duration.as_secs_f64() * 1000.0),
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..172_800 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{large} {large_unit}"),
        small => format!("{large} {large_unit} {small} {small_unit}"),
    }
}

/// From one time to another; zero when it is the other way round.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// The time of day, with the day in front unless it is today's, and the year unless it is this year's.
pub fn clock(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned_datetime(zone.clone()), now.to_zoned_datetime(zone.clone()));
    let form = if at.date() == now.date() {
        "%H:%M"
    } else if at.year() == now.year() {
        "%-d %b %H:%M"
    } else {
        "%-d %b %Y"
    };
    at.strftime(form).to_string()
}

/// The time of day to the second.
pub fn second(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_or_two_units() {
        let said = |millis| took(Duration::from_micros(millis));
        assert_eq!(said(400), "0.4 ms");
        assert_eq!(said(3_000), "3.0 ms");
        assert_eq!(said(30_000), "30 ms");
        assert_eq!(said(1_240_000), "1.2 s");
        assert_eq!(said(125_000_000), "2 min 5 s");
        assert_eq!(said(120_000_000), "2 min");
        assert_eq!(said(12_000_000_000), "3 h 20 min");
        assert_eq!(said(400_000_000_000), "4 days");
    }

    #[test]
    fn the_day_is_said_when_it_is_not_today() {
        let now: Timestamp = "2026-11-12T14:05:00Z".parse().unwrap();
        let said = |text: &str| clock(text.parse().unwrap(), now, &TimeZone::UTC);
        assert_eq!(said("2026-11-12T03:04:05Z"), "03:04");
        assert_eq!(said("2026-11-02T03:04:05Z"), "2 Nov 03:04");
        assert_eq!(said("2025-11-02T03:04:05Z"), "2 Nov 2025");
    }
}
