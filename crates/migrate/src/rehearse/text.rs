//! A rehearsal in words.

use std::fmt;

use bascule_migrations::Phase;

use super::report::{
    Down, Failure, How, Outcome, Rehearsal, Rehearsed, Release, Rows, Smoke, Source, StatementRun, Why,
};

impl fmt::Display for Rehearsal {
    /// What it was tried on, then each migration with its statements and its down side, then the queries that do not fit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.copy.how {
            How::Template => "a clone of the database",
            How::Dump => "a copy of the database",
            How::File => "a copy of the file",
        };
        let rows = match self.copy.rows {
            Rows::All => "with all rows".to_owned(),
            Rows::None => format!(
                "without rows, as the database has {} MiB and up to {} are copied: times say nothing about the real tables",
                self.copy.bytes.div_ceil(1 << 20),
                self.rows_up_to >> 20
            ),
        };
        writeln!(f, "Rehearsed on {how}, {rows} ({} ms).", self.took_ms)?;
        for difference in &self.copy.differences {
            writeln!(f, "  not as in the database: {}", indented(difference))?;
        }
        for untold in &self.untold {
            let (line, first) = (untold.statement.line, first_line(&untold.statement.text));
            writeln!(f, "  not told without rows: {} line {line}: {first}", untold.version)?;
        }
        self.migrations.iter().try_for_each(|migration| write!(f, "{migration}"))?;
        for version in &self.not_tried {
            writeln!(f, "{version} was not tried")?;
        }
        let broken = self.smoke.iter().filter(|smoke| smoke.outcome != Outcome::Fits);
        broken.clone().try_for_each(|smoke| writeln!(f, "{smoke}"))?;
        let fit = self.smoke.len() - broken.count();
        if fit > 0 {
            writeln!(
                f,
                "{fit} {} the schema at every stage",
                if fit == 1 { "query fits" } else { "queries fit" }
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Rehearsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.version, self.name)?;
        self.statements.iter().try_for_each(|run| writeln!(f, "  {run}"))?;
        if let Some(failure) = &self.failed {
            writeln!(f, "  {failure}")?;
        }
        for check in &self.checks {
            let first = first_line(&check.statement.text);
            writeln!(f, "  check in line {} does not hold: {} ({first})", check.statement.line, check.found)?;
        }
        writeln!(f, "  down: {}", indented(&self.down))
    }
}

impl fmt::Display for StatementRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = first_line(&self.statement.text);
        if let Some(why) = &self.left_out {
            return write!(f, "{} {first}: left out, {why}", phase(self.phase));
        }
        write!(f, "{} {first}: {}", phase(self.phase), time(self.took_us))?;
        for held in &self.locks {
            write!(f, ", {} on {}", held.mode, held.table)?;
        }
        if self.rows > 0 {
            write!(f, ", {} rows", self.rows)?;
        }
        self.rewrites.iter().try_for_each(|table| write!(f, ", writes {table} anew"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = first_line(&self.statement.text);
        write!(f, "{} {first} (line {}) FAILS: {}", phase(self.phase), self.statement.line, self.error)?;
        if self.incomplete {
            f.write_str("; statements before it were left out, which may be why")?;
        }
        Ok(())
    }
}

impl fmt::Display for Down {
    /// One line, and one for each thing that differs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restores => f.write_str("takes it back (tried)"),
            Self::RestoresWhole => {
                f.write_str("takes expand and contract back together (tried), not the expand alone")
            }
            Self::DataOnly => f.write_str("the schema stays the same; data is not taken back"),
            Self::NotTried { why } => write!(f, "not tried: {why}"),
            Self::Irreversible { why, difference } => {
                write!(f, "IRREVERSIBLE: {why}")?;
                difference.iter().try_for_each(|difference| write!(f, "\n{difference}"))
            }
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no down side"),
            Self::Empty => f.write_str("the down side is empty"),
            Self::Fails { statement, error } => {
                write!(f, "the down side fails in line {}: {error}", statement.line)
            }
            Self::Differs => f.write_str("after the down side the schema is not as before"),
            Self::NotAgain { statement, error } => {
                write!(f, "after the down side the up side fails in line {}: {error}", statement.line)
            }
            Self::OtherwiseAgain => {
                f.write_str("after the down side the up side makes another schema than the first time")
            }
        }
    }
}

impl fmt::Display for Smoke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match (self.release, self.source) {
            (Release::Live, Source::Listed) => "the live release",
            (Release::Live, Source::Counted) => "the live release (as the server has counted)",
            (Release::Next, _) => "the next release",
        };
        let query = first_line(&self.sql);
        match &self.outcome {
            Outcome::Fits => write!(f, "a query of {whose} fits: {query}"),
            Outcome::BrokenBefore { error } => {
                write!(
                    f,
                    "a query of {whose} does not fit the schema as it is, before any migration: {query}: {error}"
                )
            }
            Outcome::Breaks { since: Some(since), error, .. } => {
                write!(f, "{since} BREAKS a query of {whose}: {query}: {error}")
            }
            Outcome::Breaks { phase, since: None, error } => {
                let after = match phase {
                    Phase::Contract => "after the contract",
                    _ => "after the expand",
                };
                write!(f, "a query of {whose} does not fit the schema {after}: {query}: {error}")
            }
            Outcome::PlanBreaks { since, error } => {
                write!(
                    f,
                    "{since} changes the columns of a query of {whose}: {query}: sessions that have prepared it get one error \
                     ({error}); name the columns instead of `*`"
                )
            }
        }
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Expand => "expand  ",
        Phase::Backfill => "backfill",
        Phase::Contract => "contract",
    }
}

fn time(microseconds: u64) -> String {
    let tenths = microseconds / 100;
    if tenths < 10_000 {
        format!("{}.{} ms", tenths / 10, tenths % 10)
    } else {
        format!("{}.{} s", tenths / 10_000, tenths % 10_000 / 1_000)
    }
}

/// The first line that is no comment, cut where it is long.
fn first_line(text: &str) -> String {
    const LONGEST: usize = 80;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("--"));
    let line = line.unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

fn indented(text: &impl fmt::Display) -> String {
    text.to_string().replace('\n', "\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_statements_are_short() {
        assert_eq!(time(1_250), "1.2 ms");
        assert_eq!(time(3_400_000), "3.4 s");
        assert_eq!(first_line("-- why\n  ALTER TABLE t\n ADD a int"), "ALTER TABLE t");
        assert_eq!(first_line(&"é".repeat(100)).chars().count(), 81);
    }
}
