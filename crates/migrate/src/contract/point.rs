//! The point of no return, in words. Pure.

use super::soften::SoftStep;
use super::tombstone::Tombstone;

/// What cannot be taken back of a plan: soft steps that lose something all the same, and what goes for good. None when everything can
/// be taken back.
#[must_use]
pub fn point_of_no_return(steps: &[SoftStep], hard: &[Tombstone]) -> Option<String> {
    let loses = |step: &SoftStep| match step {
        SoftStep::Run { statement, loses: Some(loses), .. } => {
            Some(format!("line {} takes {loses}", statement.line))
        }
        SoftStep::Run { loses: None, .. } | SoftStep::Bury(_) => None,
    };
    let mut parts: Vec<String> = steps.iter().filter_map(loses).collect();
    for tombstone in hard.iter().filter(|tombstone| !tombstone.hard.is_empty()) {
        let rows = match tombstone.rows {
            Some(rows) if tombstone.kind.holds_data() => format!(" ({rows} rows)"),
            _ => String::new(),
        };
        parts.push(format!("{}{rows} goes for good", tombstone.words()));
    }
    if parts.is_empty() {
        return None;
    }
    Some(format!("{}: from there on, only a restore of a backup brings it back", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use bascule_sql::Statement;

    use super::*;

    #[test]
    fn only_what_is_lost_is_named() {
        let run = |loses: Option<&str>| SoftStep::Run {
            id: String::new(),
            position: 0,
            statement: Statement { text: "…".to_owned(), line: 9 },
            loses: loses.map(str::to_owned),
        };
        assert_eq!(point_of_no_return(&[run(None)], &[]), None);
        assert_eq!(
            point_of_no_return(&[run(None), run(Some("rows of old"))], &[]).as_deref(),
            Some("line 9 takes rows of old: from there on, only a restore of a backup brings it back")
        );
    }
}
