//! Waivers: who answers for a gate that does not pass, why, and until when. They stand in `bascule.waivers.toml`.

use bascule_model::gate::Waiver;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Deserialize;

/// Where they stand, beside `bascule.toml`.
pub const FILE: &str = "bascule.waivers.toml";
/// Nobody answers for longer, in days.
pub const LONGEST: i64 = 30;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    waiver: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    gate: String,
    reason: String,
    who: String,
    until: Until,
}

/// A day, as a text or as TOML's own.
#[derive(Deserialize)]
#[serde(untagged)]
enum Until {
    Text(String),
    Day(toml::value::Datetime),
}

/// Reads the file as of a day. One that has expired is left out; whatever else is wrong is an error.
///
/// # Errors
/// What is wrong, in one sentence.
pub fn read(text: &str, today: Date) -> Result<Vec<Waiver>, String> {
    let written: Written = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let last = today.checked_add(LONGEST.days()).map_err(|error| error.to_string())?;
    let mut waivers = Vec::new();
    for entry in written.waiver {
        let (gate, reason, who) = (entry.gate.trim(), entry.reason.trim(), entry.who.trim());
        let missing =
            [("gate", gate), ("reason", reason), ("who", who)].into_iter().find(|(_, text)| text.is_empty());
        if let Some((key, _)) = missing {
            return Err(format!("a waiver has no `{key}`"));
        }
        let until = match entry.until {
            Until::Text(text) => text,
            Until::Day(day) => day.to_string(),
        };
        let day: Date = until
            .parse()
            .map_err(|_| format!("the waiver of {gate}: `until` is no day, as in 2026-01-31"))?;
        if day > last {
            return Err(format!(
                "the waiver of {gate} ends on {day}: the last day that it may have is {last}"
            ));
        }
        if day >= today {
            waivers.push(Waiver {
                gate: gate.to_owned(),
                reason: reason.to_owned(),
                who: who.to_owned(),
                until: day.to_string(),
            });
        }
    }
    Ok(waivers)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 3, 10);

    fn waiver(until: &str) -> String {
        format!("[[waiver]]\ngate = \"critical\"\nreason = \"no fix yet\"\nwho = \"ana\"\nuntil = {until}\n")
    }

    #[test]
    fn a_waiver_counts_until_its_last_day_and_no_longer_than_a_month() {
        assert_eq!(read(&waiver("\"2026-03-10\""), TODAY).unwrap().len(), 1);
        assert_eq!(read(&waiver("2026-04-09"), TODAY).unwrap()[0].until, "2026-04-09");
        assert_eq!(read(&waiver("\"2026-03-09\""), TODAY).unwrap(), []);
        assert_eq!(read("", TODAY).unwrap(), []);
        for bad in ["\"2026-04-10\"", "\"soon\"", "7"] {
            assert!(read(&waiver(bad), TODAY).is_err(), "{bad}");
        }
    }

    #[test]
    fn nobody_answers_without_a_name_and_a_reason() {
        for (from, to) in [("ana", " "), ("no fix yet", ""), ("gate =", "gates ="), ("who = \"ana\"\n", "")] {
            assert!(read(&waiver("2026-03-12").replace(from, to), TODAY).is_err(), "{from}");
        }
    }
}
