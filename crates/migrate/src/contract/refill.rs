//! Rows that came while a column was away: they have no value in it, or an old one.
//!
//! Where the migration's own backfill copies the column into its successor as it is (`UPDATE t SET new = old WHERE …`), the way back
//! is the same copy the other way round: in batches while the column is still away, and the last rows in the transaction that brings
//! it back, before its triggers are there again, which would take an old value for the truth. Otherwise only a person can know.

use bascule_migrations::{Backfill, Gate, Part, Version};
use bascule_sql::{Dialect, Statement};
use tokio_util::sync::CancellationToken;

use super::tombstone::{Kind, Tombstone};
use crate::Connection;
use crate::backfill::{self, Id, Options, Outcome};

/// The number of such a backfill: that of the one that it turns round, and this.
const BACK: u32 = 1_000;

/// A copy the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refill {
    /// The tombstone of the column.
    pub tombstone: String,
    /// The column in words: `column person.name`.
    pub what: String,
    /// In batches, under the name that it has while it is away.
    away: (u32, Backfill),
    /// What is left, when it has its name again.
    pub(super) last: String,
}

/// What can be filled in of columns that are to come back; of the others only a person can know.
#[must_use]
pub fn refills(parts: &[Part], away: &[Tombstone], dialect: Dialect) -> Vec<Refill> {
    let backfills = parts.iter().zip(0_u32..).filter_map(|(part, number)| match part {
        Part::Backfill(backfill) => Some((number, backfill)),
        Part::Expand { .. } | Part::Contract { .. } => None,
    });
    backfills
        .filter_map(|(number, forth)| {
            away.iter().find_map(|column| turned_round(number, forth, column, dialect))
        })
        .collect()
}

/// Fills rows in while the column is away. The connection's settings are changed: it is for nothing else.
///
/// # Errors
/// When rows could not be filled in: those before stay, and another call goes over all of them again.
pub async fn refill(
    connection: &mut Connection,
    version: &Version,
    refill: &Refill,
    owner: &str,
) -> Result<(), backfill::Error> {
    let (number, backfill) = &refill.away;
    let id = Id { version: version.clone(), part: BACK + number };
    backfill::ensure(connection)
        .await
        .map_err(|source| backfill::Error::Query { doing: "making the table of backfills", source })?;
    backfill::forget_one(connection, &id).await?;
    backfill::define(connection, &id, backfill).await?;
    let options = Options::of(connection.dialect());
    let stop = CancellationToken::new();
    let outcome = backfill::run(connection, &id, owner, &options, &stop, |_| ()).await?;
    // What the server refused here, it refuses in the transaction too, and says so.
    if !matches!(outcome, Outcome::Done { .. }) {
        return Err(backfill::Error::State {
            id: id.clone(),
            state: backfill::find(connection, &id)
                .await?
                .map_or(backfill::State::Failed, |found| found.state),
            wish: "run to its end",
        });
    }
    Ok(())
}

/// The copy the other way round, where a backfill is the plain copy of that column.
fn turned_round(number: u32, forth: &Backfill, column: &Tombstone, dialect: Dialect) -> Option<Refill> {
    let old = column.part.as_deref().filter(|_| column.kind == Kind::Column)?;
    let away = column.renamed.as_deref()?;
    if !same(&forth.table, &column.original) {
        return None;
    }
    let (new, copied) = plain_copy(&forth.statement.text)?;
    if !same(copied, old) {
        return None;
    }
    let copy = |into: &str| {
        let differs = match dialect {
            Dialect::Postgres => format!("{into} IS DISTINCT FROM {new}"),
            Dialect::Mysql => format!("NOT ({into} <=> {new})"),
            Dialect::Sqlite => format!("{into} IS NOT {new}"),
        };
        format!("UPDATE {} SET {into} = {new} WHERE {differs}", forth.table)
    };
    let text = copy(&crate::identifier(dialect, away));
    let statement = Statement { text, line: forth.statement.line };
    Some(Refill {
        tombstone: column.id.clone(),
        what: column.words(),
        away: (number, Backfill { statement, gate: Gate::Contract, ..forth.clone() }),
        last: copy(copied),
    })
}

/// The two columns of `UPDATE t SET new = old WHERE …`, as they are written; none for anything that is more than a copy.
fn plain_copy(text: &str) -> Option<(&str, &str)> {
    let is = |word: &str, keyword: &str| word.eq_ignore_ascii_case(keyword).then_some(());
    let mut words = text.split_whitespace();
    is(words.next()?, "UPDATE")?;
    words.next()?;
    is(words.next()?, "SET")?;
    let new = words.next()?;
    is(words.next()?, "=")?;
    let old = words.next()?;
    is(words.next()?, "WHERE")?;
    let column = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '"' | '`'))
    };
    (column(new) && column(old) && !old.starts_with(|c: char| c.is_ascii_digit())).then_some((new, old))
}

fn same(one: &str, other: &str) -> bool {
    let bare = |name: &str| name.replace(['"', '`'], "").to_lowercase();
    bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_copy_is_turned_round() {
        for (text, copy) in [
            ("UPDATE person SET full_name = name WHERE full_name IS NULL", Some(("full_name", "name"))),
            ("update person\n set \"Full\" = `old`\n where true", Some(("\"Full\"", "`old`"))),
            ("UPDATE person SET full_name = upper(name) WHERE full_name IS NULL", None),
            ("UPDATE person SET full_name = name || 'x' WHERE full_name IS NULL", None),
            ("UPDATE person SET a = b, c = d WHERE a IS NULL", None),
            ("UPDATE person SET a = 1 WHERE a IS NULL", None),
            ("UPDATE person SET a = 'b' WHERE a IS NULL", None),
            ("UPDATE person SET a = b::bigint WHERE a IS NULL", None),
            ("UPDATE person SET a = b", None),
        ] {
            assert_eq!(plain_copy(text), copy, "{text}");
        }
    }
}
