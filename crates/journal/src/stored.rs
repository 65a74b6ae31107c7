//! From rows to records, for every store that keeps them in tables. A row that does not make sense is damage, and is named.

use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, RunId};
use bascule_model::release::Release;
use bascule_model::run::Outcome;

use crate::columns::{corrupt, key as parse_key, parse, parse_word, time, unsigned};
use crate::error::JournalError;
use crate::records::{AuditRow, EnvironmentRecord, Lease, Owed, Recorded, ReleaseRecord, RunRecord};

/// `id, key, actor, created_at, finished_at, outcome, plan, state`.
pub(crate) type RunRow = (String, String, String, i64, Option<i64>, Option<String>, String, String);
/// `sequence, at, generation, payload`.
pub(crate) type EventRow = (i64, i64, i64, String);
/// `id, standard, release, source, sealed`.
pub(crate) type ReleaseRow = (String, String, String, Option<String>, Vec<u8>);
/// `generation, run, owner, since, until`.
pub(crate) type LeaseRow = (i64, Option<String>, Option<String>, Option<i64>, Option<i64>);
/// `key, record, generation`: the generation is the lease's.
pub(crate) type EnvironmentRow = (String, String, i64);
/// `step, attempt, action, since`.
pub(crate) type OwedRow = (String, i64, String, i64);
/// `sequence, at, actor, action, key, run, detail, hash`.
pub(crate) type AuditTuple = (i64, i64, String, String, String, Option<String>, String, String);

pub(crate) fn run(
    (id, key, actor, created_at, finished_at, outcome, plan, state): RunRow,
) -> Result<RunRecord, JournalError> {
    let record = RunRecord {
        plan: parse(&format!("the plan of {id}"), &plan)?,
        state: parse(&format!("the state of {id}"), &state)?,
        created_at: time(created_at)?,
        finished_at: finished_at.map(time).transpose()?,
        id: RunId::from_text(id),
        actor,
    };
    let outcome: Option<Outcome> = outcome.map(|text| parse_word("an outcome", &text)).transpose()?;
    if outcome != record.state.outcome || record.plan.key.to_string() != key {
        return Err(corrupt(format!("{}: its columns and its contents disagree", record.id)));
    }
    Ok(record)
}

/// The events of a run after a position, of which none may be missing.
pub(crate) fn events(run: &RunId, after: i64, rows: Vec<EventRow>) -> Result<Vec<Recorded>, JournalError> {
    let mut expected = after;
    rows.into_iter()
        .map(|(sequence, at, generation, payload)| {
            expected += 1;
            if sequence != expected {
                return Err(corrupt(format!("{run}: event {expected} is missing")));
            }
            Ok(Recorded {
                sequence: unsigned(sequence)?,
                at: time(at)?,
                generation: Generation(unsigned(generation)?),
                event: parse(&format!("event {sequence} of {run}"), &payload)?,
            })
        })
        .collect()
}

pub(crate) fn release(
    (id, standard, release, source, sealed): ReleaseRow,
) -> Result<ReleaseRecord, JournalError> {
    let release: Release = parse(&format!("release {id}"), &release)?;
    if release.id.as_str() != id {
        return Err(corrupt(format!("release {id} says that it is {}", release.id)));
    }
    Ok(ReleaseRecord {
        standard: parse_word("what becomes of a release", &standard)?,
        source: source.map(|text| parse(&format!("the source of release {id}"), &text)).transpose()?,
        release,
        sealed,
    })
}

pub(crate) fn artifact(
    (key, id, artifact): (String, String, String),
) -> Result<(EnvironmentKey, ReleaseId, String), JournalError> {
    Ok((parse_key(&key)?, ReleaseId::from_text(id), artifact))
}

/// The highest generation of an environment, and the lease that is held.
pub(crate) fn lease(
    key: &EnvironmentKey,
    row: Option<LeaseRow>,
) -> Result<(Generation, Option<Lease>), JournalError> {
    let Some((generation, run, owner, since, until)) = row else { return Ok((Generation(0), None)) };
    let generation = Generation(unsigned(generation)?);
    let lease = match (run, owner, since, until) {
        (None, None, None, None) => None,
        (Some(run), Some(owner), Some(since), Some(until)) => Some(Lease {
            key: key.clone(),
            run: RunId::from_text(run),
            owner,
            generation,
            since: time(since)?,
            until: time(until)?,
        }),
        _ => return Err(corrupt(format!("the lease of {key} is half there"))),
    };
    Ok((generation, lease))
}

pub(crate) fn environment(
    (key, record, generation): EnvironmentRow,
) -> Result<EnvironmentRecord, JournalError> {
    let mut record: EnvironmentRecord = parse(&format!("the state of {key}"), &record)?;
    if record.key.to_string() != key {
        return Err(corrupt(format!("the state of {key} is that of {}", record.key)));
    }
    record.generation = Generation(unsigned(generation)?);
    Ok(record)
}

pub(crate) fn owed((step, attempt, action, since): OwedRow) -> Result<Owed, JournalError> {
    Ok(Owed {
        step,
        attempt: u32::try_from(attempt).map_err(|_| corrupt(format!("{attempt} is not an attempt")))?,
        action: parse_word("an action", &action)?,
        since: time(since)?,
    })
}

pub(crate) fn audit(
    (sequence, at, actor, action, key, run, detail, hash): AuditTuple,
) -> Result<AuditRow, JournalError> {
    Ok(AuditRow {
        sequence: unsigned(sequence)?,
        at: time(at)?,
        actor,
        action,
        key: parse_key(&key)?,
        run: run.map(RunId::from_text),
        detail,
        hash,
    })
}

/// The next row of the audit trail after the last one: its position and its hash.
pub(crate) fn next_audit(last: Option<(i64, String)>, row: AuditRow) -> Result<AuditRow, JournalError> {
    let (sequence, former) = last.unwrap_or_else(|| (0, AuditRow::NO_HASH.to_owned()));
    let mut row = AuditRow { sequence: unsigned(sequence)? + 1, ..row };
    row.hash = row.hash_after(&former);
    Ok(row)
}

/// Looks through an audit trail, row after row.
pub(crate) struct Chain {
    sequence: u64,
    former: String,
}

impl Chain {
    pub(crate) fn new() -> Self {
        Self { sequence: 0, former: AuditRow::NO_HASH.to_owned() }
    }

    /// The position of the last row that was looked at.
    pub(crate) fn position(&self) -> u64 {
        self.sequence
    }

    /// A row is where it belongs and says what it said when it was written.
    pub(crate) fn link(&mut self, row: AuditRow) -> Result<(), JournalError> {
        self.sequence += 1;
        if row.sequence != self.sequence {
            return Err(corrupt(format!("row {} of the audit trail is missing", self.sequence)));
        }
        if row.hash != row.hash_after(&self.former) {
            return Err(corrupt(format!("row {} of the audit trail was changed", self.sequence)));
        }
        self.former = row.hash;
        Ok(())
    }
}
