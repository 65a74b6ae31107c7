//! Whether a down side takes its up side back: it is run, the schemas are compared, and the up side is run again.
//!
//! Where all of it can stand in one transaction, that is taken back in the end. Else it is done for real, and whoever asks makes a
//! new copy when the schema is not as it was.

use bascule_migrations::{Migration, Part, Phase, Transactions};
use bascule_sql::Statement;

use super::apply::{Batch, SUSPEND, apply, begin, said};
use super::beyond::reaches;
use super::error::{RehearseError, query};
use super::report::{Down, Why};
use super::shadow::Shadow;
use crate::error::DatabaseError;
use crate::policy::{ForeignKeys, Kind, Manner, Treatment, groups, treat};
use crate::schema::{Difference, Filter, Snapshot, diff, snapshot};

/// What was found, and whether the copy still is as it was.
pub(super) struct Judged {
    pub verdict: Verdict,
    pub copy: Left,
}

/// What was found.
pub(super) enum Verdict {
    /// That is what it is worth.
    Settled(Down),
    /// It does not take back the expand alone. Whether it does so with what comes after it has to be tried.
    Open(Down),
}

/// How the copy is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// As it was before the trial.
    AsItWas,
    /// Otherwise.
    Otherwise,
}

/// One way to take an up side back.
struct Trial<'a> {
    /// Run first: the parts between the expand and the down side.
    lead: Vec<Vec<&'a Statement>>,
    down: Vec<&'a Statement>,
    /// Run in the end.
    again: Vec<&'a Statement>,
    transactions: Transactions,
}

/// What came of one.
enum Tried {
    Restores,
    Not {
        why: Why,
        difference: Vec<Difference>,
    },
    /// What leads to it cannot be run, so that nothing can be said.
    No {
        error: String,
    },
}

/// Judges the down side of a migration whose expand has just been applied. `before` and `after` are the schemas around that.
pub(super) async fn judge(
    shadow: &mut Shadow,
    migration: &Migration,
    before: &Snapshot,
    after: &Snapshot,
) -> Result<Judged, RehearseError> {
    let settled = |down| Ok(Judged { verdict: Verdict::Settled(down), copy: Left::AsItWas });
    let all = migration.parts.iter().flat_map(statements).chain(migration.down.iter().flatten());
    let dialect = shadow.connection.dialect();
    for statement in all {
        if let Some(why) = reaches(dialect, &statement.text, &shadow.databases) {
            return settled(Down::NotTried { why: format!("line {}: {why}", statement.line) });
        }
    }
    let down: Vec<&Statement> = migration.down.iter().flatten().collect();
    let up = of(migration, |phase| phase == Phase::Expand);
    let contracts = migration.parts.iter().any(|part| part.phase() == Phase::Contract);
    if down.is_empty() {
        let difference = diff(before, after);
        return match (difference.is_empty(), contracts) {
            (false, _) => settled(Down::Irreversible { why: nothing(migration), difference }),
            (true, false) => settled(Down::DataOnly),
            (true, true) => Ok(Judged { verdict: Verdict::Open(Down::DataOnly), copy: Left::AsItWas }),
        };
    }
    if up.is_empty() {
        return Ok(Judged { verdict: Verdict::Open(Down::DataOnly), copy: Left::AsItWas });
    }
    let trial = Trial { lead: Vec::new(), down, again: up, transactions: migration.transactions };
    let (tried, copy) = run(shadow, &trial, before, after).await?;
    let verdict = match tried {
        Tried::Restores if before == after && !contracts => Verdict::Settled(Down::DataOnly),
        Tried::Restores => Verdict::Settled(Down::Restores),
        Tried::Not { why, difference } if contracts => Verdict::Open(Down::Irreversible { why, difference }),
        Tried::Not { why, difference } => Verdict::Settled(Down::Irreversible { why, difference }),
        Tried::No { error } => Verdict::Settled(Down::NotTried { why: error }),
    };
    Ok(Judged { verdict, copy })
}

/// The same for expand and what follows it together: a plain file's down side takes back the whole of its up side, which has only come
/// in parts with us. `otherwise` is what it is worth when it does not do that either.
pub(super) async fn judge_whole(
    shadow: &mut Shadow,
    migration: &Migration,
    otherwise: Down,
    before: &Snapshot,
    after: &Snapshot,
) -> Result<(Down, Left), RehearseError> {
    let down: Vec<&Statement> = migration.down.iter().flatten().collect();
    let nothing_down = down.is_empty();
    let trial = Trial {
        lead: migration
            .parts
            .iter()
            .filter(|part| part.phase() != Phase::Expand)
            .map(|part| statements(part).iter().collect())
            .collect(),
        down,
        again: of(migration, |phase| phase == Phase::Expand),
        transactions: migration.transactions,
    };
    let contracts = migration.parts.iter().any(|part| part.phase() == Phase::Contract);
    let (tried, copy) = run(shadow, &trial, before, after).await?;
    let down = match tried {
        Tried::Restores if nothing_down || (!contracts && before == after) => Down::DataOnly,
        Tried::Restores => Down::RestoresWhole,
        Tried::Not { difference, .. } if nothing_down => {
            Down::Irreversible { why: nothing(migration), difference }
        }
        Tried::Not { .. } if matches!(otherwise, Down::Irreversible { .. }) => otherwise,
        Tried::Not { why, difference } => Down::Irreversible { why, difference },
        Tried::No { error } => {
            Down::NotTried { why: format!("what comes after its expand cannot be run yet: {error}") }
        }
    };
    Ok((down, copy))
}

fn nothing(migration: &Migration) -> Why {
    if migration.down.is_none() { Why::Missing } else { Why::Empty }
}

fn of(migration: &Migration, wanted: impl Fn(Phase) -> bool) -> Vec<&Statement> {
    migration.parts.iter().filter(|part| wanted(part.phase())).flat_map(statements).collect()
}

/// What a part runs.
pub(super) fn statements(part: &Part) -> &[Statement] {
    match part {
        Part::Expand { statements } | Part::Contract { statements } => statements,
        Part::Backfill(backfill) => std::slice::from_ref(&backfill.statement),
    }
}

async fn run(
    shadow: &mut Shadow,
    trial: &Trial<'_>,
    before: &Snapshot,
    after: &Snapshot,
) -> Result<(Tried, Left), RehearseError> {
    let dialect = shadow.connection.dialect();
    let treated = |list: &[&Statement]| -> Vec<Treatment> {
        list.iter().map(|statement| treat(dialect, statement).0).collect()
    };
    let lists = trial.lead.iter().chain([&trial.down, &trial.again]);
    let lists: Vec<Vec<Treatment>> = lists.map(|list| treated(list)).collect();
    let as_one = |list: &Vec<Treatment>| {
        groups(list, trial.transactions).is_ok_and(|groups| {
            groups.len() < 2 && groups.iter().all(|group| group.kind == Kind::Transaction)
        })
    };
    if !dialect.transactional_ddl() || !lists.iter().all(as_one) {
        let tried = compare(shadow, trial, before, after, Way::ForReal).await?;
        let left = if matches!(tried, Tried::Restores) { Left::AsItWas } else { Left::Otherwise };
        return Ok((tried, left));
    }
    let suspended = dialect == bascule_sql::Dialect::Sqlite
        && lists.iter().flatten().any(|one| one.foreign_keys == ForeignKeys::Suspended);
    if suspended {
        shadow.connection.run(SUSPEND).await.map_err(query("beginning a trial"))?;
    }
    shadow.connection.run(begin(dialect)).await.map_err(query("beginning a trial"))?;
    let tried = compare(shadow, trial, before, after, Way::Within).await?;
    shadow.connection.run("ROLLBACK").await.map_err(query("ending a trial"))?;
    if suspended {
        shadow.connection.run("PRAGMA foreign_keys = ON").await.map_err(query("ending a trial"))?;
    }
    shadow.reset().await.map_err(query("ending a trial"))?;
    Ok((tried, Left::AsItWas))
}

/// How statements are run.
#[derive(Clone, Copy)]
enum Way {
    /// In the transaction that is open.
    Within,
    /// As the runner does.
    ForReal,
}

async fn compare(
    shadow: &mut Shadow,
    trial: &Trial<'_>,
    before: &Snapshot,
    after: &Snapshot,
    way: Way,
) -> Result<Tried, RehearseError> {
    let reading = "reading the copy's schema";
    for lead in &trial.lead {
        if let Err((_, error)) = all(shadow, lead, trial.transactions, way).await? {
            return Ok(Tried::No { error });
        }
    }
    if let Err((statement, error)) = all(shadow, &trial.down, trial.transactions, way).await? {
        return Ok(Tried::Not { why: Why::Fails { statement, error }, difference: Vec::new() });
    }
    let restored = snapshot(&mut shadow.connection, &Filter::default()).await.map_err(query(reading))?;
    if restored != *before {
        return Ok(Tried::Not { why: Why::Differs, difference: diff(before, &restored) });
    }
    if let Err((statement, error)) = all(shadow, &trial.again, trial.transactions, way).await? {
        return Ok(Tried::Not { why: Why::NotAgain { statement, error }, difference: Vec::new() });
    }
    let again = snapshot(&mut shadow.connection, &Filter::default()).await.map_err(query(reading))?;
    if again != *after {
        return Ok(Tried::Not { why: Why::OtherwiseAgain, difference: diff(after, &again) });
    }
    Ok(Tried::Restores)
}

async fn all(
    shadow: &mut Shadow,
    statements: &[&Statement],
    transactions: Transactions,
    way: Way,
) -> Result<Result<(), (Statement, String)>, RehearseError> {
    match way {
        Way::ForReal => {
            let statements: Vec<Statement> = statements.iter().copied().cloned().collect();
            let batch = Batch { phase: Phase::Expand, statements: &statements, transactions };
            let failed = apply(shadow, batch).await?.failed;
            Ok(failed.map_or(Ok(()), |failure| Err((failure.statement, failure.error))))
        }
        Way::Within => {
            for &statement in statements {
                if treat(shadow.connection.dialect(), statement).0.manner != Manner::Transaction {
                    continue;
                }
                if let Err(error) = shadow.connection.run(&statement.text).await {
                    return Ok(Err((statement.clone(), said(&error))));
                }
            }
            Ok(settle(shadow).await.map_err(|error| {
                let last = statements.last().copied().cloned();
                (last.unwrap_or(Statement { text: String::new(), line: 0 }), said(&error))
            }))
        }
    }
}

/// What the end of the transaction would check is checked now: what comes next would be in another one.
async fn settle(shadow: &mut Shadow) -> Result<(), DatabaseError> {
    match shadow.connection.dialect() {
        bascule_sql::Dialect::Postgres => {
            shadow.connection.run("SET CONSTRAINTS ALL IMMEDIATE").await.map(drop)
        }
        _ => Ok(()),
    }
}
